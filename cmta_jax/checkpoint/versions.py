"""Which packages made a checkpoint."""

import importlib.metadata
import platform

PACKAGES = "cmta_jax jax jaxlib flax optax numpy orbax-checkpoint metaworld mujoco gymnasium".split()


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that can change a result; those not installed are left out."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
