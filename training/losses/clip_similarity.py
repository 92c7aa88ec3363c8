"""How well a picture fits its own caption, by CLIP."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from onestep.errors import InputError
from onestep.training.losses.clip_folder import clip_pixels, load_clip


class ClipSimilarity(nn.Module):
    """One minus the cosine between a picture and its caption in CLIP's space (Parmar et al. 2024, section 3.4).

    Only the diagonal counts: the published trainer averages the whole matrix of logits, so that a picture is rewarded
    for fitting the captions of the others in its batch. Its logits over 100 are this cosine.

    Args:
        clip: A CLIPModel; it is frozen.
        tokenizer: Its tokenizer.
    """

    def __init__(self, clip: Any, tokenizer: Any) -> None:
        super().__init__()
        self.clip = clip.eval().requires_grad_(False)
        self._tokenizer = tokenizer

    @classmethod
    def from_folder(cls, folder: str | Path) -> ClipSimilarity:
        """Load from a local folder in transformers' layout, such as a copy of `openai/clip-vit-base-patch32`.

        Raises:
            MissingInputError: There is no such folder.
            InputError: It holds no whole CLIPModel with its tokenizer.
        """
        return cls(load_clip(Path(folder), with_text=True), _tokenizer(Path(folder)))

    def forward(self, images: Tensor, captions: Sequence[str]) -> Tensor:
        """Return one loss per picture.

        Args:
            images: `[B, 3, H, W]` in [-1, 1], RGB.
            captions: B captions; what does not fit into CLIP's text length is cut off.

        Returns:
            `[B] float32` in [0, 2].
        """
        pixels = clip_pixels(images.float(), self.clip.config.vision_config.image_size)
        pictures = self.clip.get_image_features(pixel_values=pixels).pooler_output
        return 1.0 - F.cosine_similarity(pictures, self._texts(captions, images.device), dim=-1)

    def train(self, mode: bool = True) -> ClipSimilarity:
        """Stay in eval mode: the network is frozen."""
        return super().train(False)

    @torch.no_grad()
    def _texts(self, captions: Sequence[str], device: torch.device) -> Tensor:
        tokens = self._tokenizer(
            list(captions),
            padding="max_length",
            truncation=True,
            max_length=self.clip.config.text_config.max_position_embeddings,
            return_tensors="pt",
        ).to(device)
        found: Tensor = self.clip.get_text_features(
            input_ids=tokens.input_ids, attention_mask=tokens.attention_mask
        ).pooler_output
        return found


def _tokenizer(folder: Path) -> Any:
    """Load the tokenizer of a CLIP folder. Without its files transformers would make up an empty one."""
    if not any((folder / name).is_file() for name in ("tokenizer.json", "vocab.json")):
        raise InputError(f"{folder} holds no tokenizer: neither tokenizer.json nor vocab.json. Copy the whole folder.")
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError) as err:
        raise InputError(f"The tokenizer in {folder} cannot be read ({err}). Copy the whole folder again.") from err
