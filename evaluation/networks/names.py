"""Names of the feature networks, for those who must not import torch to know them."""

from typing import Final

PACKAGED: Final = ("efficientnet-lite0", "vgg16-st", "alexnet-st")
"""Networks whose weights ordinary packages ship."""
INCEPTION: Final = "inception"
"""The network of FID, whose weights the user has to bring."""
FEATURE_NETS: Final = (*PACKAGED, INCEPTION)


def kid_name(net: str) -> str:
    """Return the name of the figure that is KID on a feature network, such as `kid_efficientnet_lite0`."""
    return f"kid_{net.replace('-', '_')}"


def frechet_name(net: str) -> str:
    """Return the name of the figure that is the Frechet distance on a feature network; `fid` on Inception alone."""
    return "fid" if net == INCEPTION else f"frechet_{net.replace('-', '_')}"
