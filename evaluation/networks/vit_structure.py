"""DINO structure distance (Tumanyan et al., "Splicing ViT Features", CVPR 2022), on a vision transformer of the user's.

Structure is how alike the places of a picture are to each other: the cosine similarities between the keys of the last
attention layer. Two pictures are compared by the mean squared difference of these similarities, as img2img-turbo's
`dino_struct.py` does with DINO ViT-B/8; its published figures are times 100.
"""

from pathlib import Path
from typing import Any, Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from onestep.errors import InputError, MissingInputError, require

SHORT_SIDE_PX: Final = 224
_MEAN: Final = (0.485, 0.456, 0.406)
_DEVIATION: Final = (0.229, 0.224, 0.225)


class ViTStructure(nn.Module):
    """Self-similarity of the keys of a vision transformer. Make it with `load_vit_structure`."""

    def __init__(self, vit: Any, name: str) -> None:
        super().__init__()
        self.vit, self.name = vit, name
        self._patch_px = int(vit.config.patch_size)

    def forward(self, images: Tensor) -> Tensor:
        """Return the cosine similarities of all places, the class token included.

        Args:
            images: [B, 3, H, W] in [-1, 1], RGB; resized to a short side of 224 px in whole patches.

        Returns:
            [B, T, T] in [-1, 1].
        """
        mean = images.new_tensor(_MEAN).view(1, 3, 1, 1)
        deviation = images.new_tensor(_DEVIATION).view(1, 3, 1, 1)
        x = ((self._resized(images) + 1) / 2 - mean) / deviation
        keys: list[Tensor] = []
        hook = self._last_key_layer().register_forward_hook(lambda _module, _inputs, output: keys.append(output))
        try:
            self.vit(pixel_values=x, interpolate_pos_encoding=True)
        finally:
            hook.remove()
        unit = F.normalize(keys[0], dim=-1)  # [B, T, C]
        return unit @ unit.transpose(1, 2)

    def _last_key_layer(self) -> nn.Module:
        """Find the layer that makes the keys of the last block; its name differs between models and versions."""
        layers = [
            module
            for name, module in self.vit.named_modules()
            if name.endswith((".key", ".k_proj")) and isinstance(module, nn.Linear)
        ]
        if not layers:
            raise InputError(
                f"The vision transformer {self.name} has no separate layer for keys (key or k_proj), so its structure "
                "cannot be read. Give a DINO or DINOv2 folder of transformers."
            )
        return layers[-1]

    def _resized(self, images: Tensor) -> Tensor:
        height, width = images.shape[-2:]
        scale = SHORT_SIDE_PX / min(height, width)
        size = [max(round(side * scale / self._patch_px), 1) * self._patch_px for side in (height, width)]
        return F.interpolate(images, size, mode="bilinear", antialias=True, align_corners=False)


def load_vit_structure(folder: Path) -> ViTStructure:
    """Load a vision transformer from a folder in transformers' layout: frozen, in eval mode, on the CPU.

    Args:
        folder: With `config.json` and safetensors, such as a copy of facebook/dino-vitb8.

    Raises:
        MissingInputError: There is no such folder.
        InputError: It does not hold a vision transformer.
        MissingExtraError: transformers is not installed.
    """
    if not (folder / "config.json").is_file():
        raise MissingInputError(
            f"There is no vision transformer in {folder}: it has no config.json. Give a folder in transformers' "
            "layout, such as a copy of facebook/dino-vitb8."
        )
    transformers = require("transformers", extra="train", purpose="read a vision transformer")
    try:
        vit = transformers.AutoModel.from_pretrained(folder, local_files_only=True, use_safetensors=True)
        network = ViTStructure(vit.eval().requires_grad_(False), folder.name)
        with torch.inference_mode():
            network(torch.zeros(1, 3, 64, 64))
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as err:
        raise InputError(f"{folder} does not hold a usable vision transformer: {str(err).splitlines()[0]}") from err
    return network
