"""The trained networks that one run measures with, and why the others are not there."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from onestep.errors import require
from onestep.evaluation.networks.names import INCEPTION, PACKAGED, frechet_name, kid_name
from onestep.evaluation.request import Request

if TYPE_CHECKING:
    from onestep.evaluation.networks.distances import PairDistance
    from onestep.evaluation.networks.features import FeatureNet


@dataclass(frozen=True)
class Instruments:
    """Networks by name."""

    nets: "dict[str, FeatureNet]"
    """Feature networks; the first one is also used for copying and memorising."""
    distances: "dict[str, PairDistance]"
    """`st_lpips`, and where there are any `lpips`, `dists`, `dino_structure`."""
    missing: dict[str, str]
    """Reasons by name of the figure."""
    licences: dict[str, str]

    @property
    def main_net(self) -> str:
        """Name of the feature network for copying and memorising."""
        return next(iter(self.nets))


def open_instruments(request: Request) -> Instruments:
    """Load the networks that the request names, and those that are there anyway.

    Raises:
        MissingExtraError: A library of the extra `evaluate` is missing.
        InputError: A file or folder with weights is not what it should be.
    """
    for module in ("torch", "cv2", "skimage"):
        require(module, extra="evaluate", purpose="measure pictures")
    from onestep.evaluation.networks.distances import OPTIONAL, DinoStructureDistance, StLpipsDistance
    from onestep.evaluation.networks.features import feature_net

    missing: dict[str, str] = {}
    nets = {request.features: feature_net(request.features)}
    if request.inception is not None:
        nets[INCEPTION] = feature_net(INCEPTION, request.inception)
    for net in {*PACKAGED, INCEPTION} - nets.keys():
        why = "needs FID's own network: --inception FILE" if net == INCEPTION else f"needs --features {net}"
        missing |= {kid_name(net): why, frechet_name(net): why}
    distances: dict[str, Any] = {"st_lpips": StLpipsDistance()}
    licences = {"ST-LPIPS (AlexNet)": "BSD-2-Clause", **{net.name: net.licence for net in nets.values()}}
    for name in OPTIONAL:
        _add_optional(name, distances, missing)
    if request.dino is not None:
        distances["dino_structure"] = DinoStructureDistance(Path(request.dino))
        licences[f"vision transformer {request.dino.name}"] = "as the folder that was given"
    else:
        missing["dino_structure"] = "needs the weights of a vision transformer: --dino FOLDER"
    return Instruments(nets, distances, missing, licences)


def _add_optional(name: str, distances: "dict[str, PairDistance]", missing: dict[str, str]) -> None:
    from onestep.evaluation.networks.distances import PackageDistance

    try:
        distances[name] = PackageDistance(name)
    except (ImportError, OSError, RuntimeError) as err:
        why = f"its package is not usable here ({(str(err).splitlines() or [type(err).__name__])[0]})"
        missing |= {name: why, f"{name}_to_input": why}
