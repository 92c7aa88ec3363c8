"""The translations that are known by name: what ships in the package, and what was published for the full-size base."""

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Literal

from onestep.errors import SettingError, UnknownNameError

PUBLISHED_LICENCE = "weights derived from SD-Turbo: Stability AI's SD-Turbo licence"
_PUBLISHED_SITE = "https://www.cs.cmu.edu/~img2img-turbo/models"


@dataclass(frozen=True)
class Domain:
    """One translation."""

    name: str
    summary: str
    prompt: str | None
    """What the weights were trained with; None where each picture has a text of its own, which the user gives."""
    direction: Literal["a2b", "b2a", "paired"]
    embedded_licence: str | None = None
    """Licence of the weights that ship in the package; None where none ship."""
    scenes: tuple[str, str] | None = None
    """Conditions of rendered scenes (`onestep.scenes`) that it leads from and to; None where none can be rendered."""
    published_file: str | None = None
    """Name of the checkpoint for SD-Turbo that Parmar et al. published; None where there is none."""

    @property
    def published_url(self) -> str | None:
        """Where the published checkpoint can be downloaded."""
        return f"{_PUBLISHED_SITE}/{self.published_file}" if self.published_file else None


DOMAINS = {
    domain.name: domain
    for domain in (
        Domain(
            name="day2night",
            summary="a drive by day becomes the same drive by night",
            prompt="driving in the night",
            direction="a2b",
            embedded_licence="MIT",
            scenes=("day", "night"),
            published_file="day2night.pkl",
        ),
        Domain(
            name="night2day",
            summary="a drive by night becomes the same drive by day",
            prompt="driving in the day",
            direction="b2a",
            embedded_licence="MIT",
            scenes=("night", "day"),
            published_file="night2day.pkl",
        ),
        Domain(
            name="clear2rainy",
            summary="a drive in clear weather becomes the same drive in rain",
            prompt="driving in heavy rain",
            direction="a2b",
            embedded_licence="MIT",
            scenes=("day", "rain"),
            published_file="clear2rainy.pkl",
        ),
        Domain(
            name="clear2foggy",
            summary="a drive in clear weather becomes the same drive in fog",
            prompt="driving in heavy fog",
            direction="a2b",
            embedded_licence="MIT",
            scenes=("day", "fog"),
        ),
        Domain(
            name="rainy2clear",
            summary="a drive in rain becomes the same drive in clear weather",
            prompt="driving in the day",
            direction="b2a",
            scenes=("rain", "day"),
            published_file="rainy2clear.pkl",
        ),
        Domain(
            name="edge2image",
            summary="edges become a picture; run it with --prepare canny on photos",
            prompt=None,
            direction="paired",
            published_file="edge_to_image_loras.pkl",
        ),
        Domain(
            name="sketch2image",
            summary="a sketch becomes a picture, as near to it as --strength says",
            prompt=None,
            direction="paired",
            published_file="sketch_to_image_stochastic_lora.pkl",
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


def rendered_conditions(name: str) -> tuple[str, str]:
    """Return the conditions of rendered scenes that a domain leads from and to.

    Raises:
        UnknownNameError: No domain has that name, or none that can be rendered; the message lists those that can.
    """
    rendered = {known.name: known.scenes for known in DOMAINS.values() if known.scenes is not None}
    if name not in rendered:
        raise UnknownNameError("rendered translation", name, rendered)
    return rendered[name]


def seen_condition(name: str) -> str:
    """Return the condition of rendered scenes that stands for what a domain's network will see, `day` where unknown."""
    known = DOMAINS.get(name)
    return known.scenes[0] if known is not None and known.scenes is not None else "day"


def embedded_domains() -> list[str]:
    """Return the names of the domains whose weights ship in the package."""
    return [domain.name for domain in DOMAINS.values() if domain.embedded_licence is not None]


def embedded_bundle(name: str) -> Path:
    """Return the folder of the bundle that ships in the package for a domain.

    Raises:
        UnknownNameError: No domain has that name.
        SettingError: The domain's weights do not ship in the package.
    """
    return _assets() / "bundles" / _embedded(name).name


def embedded_generator(name: str) -> Path:
    """Return the folder that the package exports a domain from.

    It is a generator on the `tiny` base where one ships, else the embedded bundle itself, which holds its student.

    Raises:
        UnknownNameError: No domain has that name.
        SettingError: The domain's weights do not ship in the package.
    """
    generator = _assets() / "generators" / _embedded(name).name
    return generator if generator.is_dir() else embedded_bundle(name)


def embedded_base() -> Path:
    """Return the folder of the `tiny` base that ships in the package."""
    return _assets() / "bases" / "tiny"


def _embedded(name: str) -> Domain:
    known = domain(name)
    if known.embedded_licence is None:
        raise SettingError(
            f"No weights for {name} ship in the package; those of {', '.join(embedded_domains())} do. Export it from "
            f"the published checkpoint, then run the bundle with --bundle: onestep export --domain {name} "
            f"--base sd-turbo --download{'' if known.prompt is not None else ' --prompt TEXT'}"
        )
    return known


def _assets() -> Path:
    return Path(str(files("onestep"))) / "assets"
