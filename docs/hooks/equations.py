"""Turns ```math fences (LaTeX) into MathML when the site is built: browsers show it without any script."""

from latex2mathml.converter import convert


def on_config(config):
    """Registers the fence; mkdocs calls this."""
    fence = {"name": "math", "class": "equation", "format": _equation}
    config.mdx_configs.setdefault("pymdownx.superfences", {})["custom_fences"] = [fence]
    return config


def _equation(source, language, css_class, options, md, **kwargs):
    lines = [convert(line, display="block") for line in source.strip().splitlines()]
    return f'<div class="{css_class}">{"".join(lines)}</div>'
