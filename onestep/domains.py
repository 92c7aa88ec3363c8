"""The translations that are known by name, and where their embedded parts lie."""

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Literal

from onestep.errors import UnknownNameError


@dataclass(frozen=True)
class Domain:
    """One translation."""

    name: str
    summary: str
    prompt: str
    direction: Literal["a2b", "b2a", "paired"]
    licence: str
    """Licence of the embedded weights."""


DOMAINS = {
    domain.name: domain
    for domain in (
        Domain(
            name="day2night",
            summary="a drive by day becomes the same drive by night",
            prompt="driving in the night",
            direction="a2b",
            licence="MIT",
        ),
    )
}


def domain(name: str) -> Domain:
    """Return a domain by its name.

    Raises:
        UnknownNameError: No domain has that name; the message lists the known ones.
    """
    if name not in DOMAINS:
        raise UnknownNameError("domain", name, DOMAINS)
    return DOMAINS[name]


def embedded_bundle(name: str) -> Path:
    """Return the folder of the bundle that ships in the package for a domain.

    Raises:
        UnknownNameError: No domain has that name.
    """
    return _assets() / "bundles" / domain(name).name


def embedded_generator(name: str) -> Path:
    """Return the folder of the generator on the `tiny` base that ships in the package for a domain.

    Raises:
        UnknownNameError: No domain has that name.
    """
    return _assets() / "generators" / domain(name).name


def embedded_base() -> Path:
    """Return the folder of the `tiny` base that ships in the package."""
    return _assets() / "bases" / "tiny"


def _assets() -> Path:
    return Path(str(files("onestep"))) / "assets"
