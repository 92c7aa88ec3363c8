"""Which libraries are installed, in which version, and which ones an extra of onestep brings."""

import re
from importlib.metadata import PackageNotFoundError, requires, version


def installed_version(library: str) -> str | None:
    """Return the version of a distribution, named as pip names it; None where it is not installed."""
    try:
        return version(library)
    except PackageNotFoundError:
        return None


def libraries_of(extra: str) -> list[str]:
    """Return the distributions that an extra of onestep asks for, those of extras that it names included; sorted."""
    found: set[str] = set()
    for text in requires("onestep") or ():
        requirement, _, marker = text.partition(";")
        named = re.match(r"([\w.-]+)(?:\[([^]]*)\])?", requirement)
        if named is None or re.search(rf"""extra\s*==\s*["']{re.escape(extra)}["']""", marker) is None:
            continue
        if named[1] == "onestep":
            found.update(*(libraries_of(other.strip()) for other in named[2].split(",")))
        else:
            found.add(named[1])
    return sorted(found)
