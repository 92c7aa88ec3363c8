"""What an evaluation is asked to do."""

from dataclasses import dataclass
from pathlib import Path

from onestep.bundle import Bundle
from onestep.errors import SettingError, UnknownNameError
from onestep.evaluation.networks.names import PACKAGED


@dataclass(frozen=True, kw_only=True)
class Request:
    """Inputs, what translates them, and what the results are held against."""

    inputs: str
    """A folder, a pattern, a picture or a video."""
    bundles: tuple[Bundle, ...] = ()
    """Translators to run, opened."""
    outputs: tuple[Path, ...] = ()
    """Folders (for a video: folders or videos) of results that were made elsewhere, named as the inputs."""
    targets: Path | None = None
    """Real pictures of the domain to reach, of any scenes."""
    truth: Path | None = None
    """The same moments as they should come out, named as the inputs."""
    training_data: Path | None = None
    """Pictures of the domain that the translator was trained on."""
    features: str = "efficientnet-lite0"
    """Feature network for distances of sets, one that a package ships."""
    inception: Path | None = None
    """File with FID's Inception network."""
    dino: Path | None = None
    """Folder of a vision transformer in transformers' layout."""
    backend: str = "auto"
    size: str | None = None
    """WIDTHxHEIGHT to compute at; None takes about the bundle's preferred size."""
    threads: int | None = None
    video_pictures: int = 32
    """Frames of a video that are measured as pictures, spread evenly."""
    data_licence: str = "not said (--data-licence)"
    title: str = "Evaluation"
    command: str = ""

    def __post_init__(self) -> None:
        if not self.bundles and not self.outputs:
            raise SettingError("There is nothing to evaluate: give a domain or a bundle to run, or --outputs DIR.")
        if self.features not in PACKAGED:
            raise UnknownNameError("feature network", self.features, PACKAGED)
        if self.video_pictures < 1:
            raise SettingError(
                f"At least 1 frame of a video has to be measured as a picture, not {self.video_pictures}."
            )
