"""Turns ```math fences (LaTeX) into MathML when the site is built: browsers show it without any script."""

from latex2mathml.converter import convert


def on_config(config):
    """Registers the fence; mkdocs calls this."""
    fence = {"name": "math", "class": "equation", "format": _equation}
    config.mdx_configs.setdefault("pymdownx.superfences", {})["custom_fences"] = [fence]
    return config


def _equation(source, language, css_class, options, md, **kwargs):
    equations = "".join(convert(line, display="block") for line in source.strip().splitlines())
    for name in ("log", "tanh", "exp", "cos"):  # a thin space after the name of a function
        equations = equations.replace(f"<mi>{name}</mi><mi", f'<mi>{name}</mi><mspace width="0.17em"/><mi')
    return f'<div class="{css_class}">{equations}</div>'
