"""Which libraries are installed, and in which version."""

from importlib.metadata import PackageNotFoundError, version


def installed_version(library: str) -> str | None:
    """Return the version of a distribution, named as pip names it; None where it is not installed."""
    try:
        return version(library)
    except PackageNotFoundError:
        return None
