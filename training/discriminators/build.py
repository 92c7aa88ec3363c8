"""Discriminators by the name of their trunk."""

from typing import Final

from torch import nn

from onestep.errors import UnknownNameError
from onestep.training.discriminators.patch import PatchDiscriminator
from onestep.training.discriminators.trunk import Trunk
from onestep.training.discriminators.vision_aided import VisionAidedDiscriminator

TRUNK_NAMES: Final = ("vgg16-st", "alexnet-st", "efficientnet-lite0", "clip:FOLDER", "patch")


def build_discriminator(trunk: str | Trunk, *, augment: bool = True) -> nn.Module:
    """Build a discriminator with random heads, from torch's global random state.

    Args:
        trunk: One of `TRUNK_NAMES`, where FOLDER is a local CLIP in transformers' layout and `patch` means the plain
            PatchGAN; or a trunk of `load_trunk`, for discriminators that share one.
        augment: Whether pictures go through `diff_augment` first.

    Returns:
        A module whose `forward(images, numbers=None)` takes `[B, 3, H, W]` in [-1, 1] and gives a list of logits, one
        tensor per level; see `VisionAidedDiscriminator.forward`.

    Raises:
        UnknownNameError: There is no such trunk.
        MissingExtraError: The package with the trunk's weights is not installed.
        InputError: FOLDER holds no CLIP.
    """
    if trunk == "patch":
        return PatchDiscriminator(augment=augment)
    return VisionAidedDiscriminator(load_trunk(trunk) if isinstance(trunk, str) else trunk, augment=augment)


def load_trunk(name: str) -> Trunk:
    """Load a frozen trunk; names and errors as in `build_discriminator`, less `patch`, which has none."""
    if name.startswith("clip:"):
        from onestep.training.discriminators.clip_trunk import ClipTrunk

        return ClipTrunk.from_folder(name.removeprefix("clip:"))
    if name not in TRUNK_NAMES or name == "patch":
        raise UnknownNameError("discriminator trunk", name, TRUNK_NAMES)
    from onestep.training.discriminators.packaged_trunks import packaged_trunk

    return packaged_trunk(name)
