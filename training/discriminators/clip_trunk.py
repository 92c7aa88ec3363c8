"""CLIP's image encoder as a trunk, from a local folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import Tensor

from onestep.errors import InputError
from onestep.training.discriminators.trunk import Trunk
from onestep.training.losses.clip_folder import clip_pixels, load_clip


class ClipTrunk(Trunk):
    """A vision transformer of CLIP: the grids of tokens after one and two thirds of its blocks, and the embedding.

    For ViT-B/32 these are blocks 4 and 8 of 12, 768 channels of 7x7, and the 512 numbers that captions are compared
    with (Kumari et al. 2022). The class token is left out of the grids.

    Args:
        model: A CLIPModel, a CLIPVisionModelWithProjection or a CLIPVisionModel; without a projection the embedding
            is the pooled token.
    """

    def __init__(self, model: Any) -> None:
        config = getattr(model.config, "vision_config", model.config)
        self._blocks = (config.num_hidden_layers // 3, 2 * config.num_hidden_layers // 3)
        if not 0 < self._blocks[0] < self._blocks[1]:
            raise InputError(f"A CLIP trunk needs 3 blocks or more, and this one has {config.num_hidden_layers}.")
        projection = getattr(model, "visual_projection", None)
        width = config.hidden_size if projection is None else projection.out_features
        super().__init__((config.hidden_size,) * 2, width)
        self.vision = getattr(model, "vision_model", model)
        self.projection = projection
        self._side_px = config.image_size
        self._grid = config.image_size // config.patch_size

    @classmethod
    def from_folder(cls, folder: str | Path) -> ClipTrunk:
        """Load from a local folder; errors as `onestep.training.losses.clip_folder.load_clip`."""
        return cls(load_clip(Path(folder), with_text=False))

    def forward(self, images: Tensor) -> tuple[list[Tensor], Tensor]:
        """Return maps and embedding, as `Trunk` says."""
        seen = self.vision(pixel_values=clip_pixels(images, self._side_px), output_hidden_states=True)
        maps = [self._as_map(seen.hidden_states[block]) for block in self._blocks]
        embedding = seen.pooler_output if self.projection is None else self.projection(seen.pooler_output)
        return maps, embedding

    def _as_map(self, tokens: Tensor) -> Tensor:
        places = tokens[:, 1:].transpose(1, 2)  # [B, D, h * w]
        return places.reshape(*places.shape[:2], self._grid, self._grid)  # [B, D, h, w]
