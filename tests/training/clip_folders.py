"""Tiny CLIP folders with random weights, in transformers' layout."""

import json
from pathlib import Path

import torch
from transformers import (
    CLIPConfig,
    CLIPModel,
    CLIPTextConfig,
    CLIPTokenizer,
    CLIPVisionConfig,
    CLIPVisionModel,
    CLIPVisionModelWithProjection,
)

VISION = CLIPVisionConfig(
    hidden_size=16,
    intermediate_size=32,
    num_hidden_layers=6,
    num_attention_heads=2,
    image_size=32,
    patch_size=8,
    projection_dim=12,
)
TEXT = CLIPTextConfig(
    vocab_size=40,
    hidden_size=16,
    intermediate_size=32,
    num_hidden_layers=2,
    num_attention_heads=2,
    max_position_embeddings=10,
    projection_dim=12,
    bos_token_id=1,
    eos_token_id=2,
    pad_token_id=2,
)


def save_clip(folder: Path) -> Path:
    """Save a whole CLIP with a tokenizer of single letters."""
    folder.mkdir(parents=True, exist_ok=True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        config = CLIPConfig(text_config=TEXT.to_dict(), vision_config=VISION.to_dict(), projection_dim=12)
        CLIPModel(config).save_pretrained(folder)
    letters = [f"{letter}{end}" for letter in "abcdefghijklmnop" for end in ("", "</w>")]
    vocabulary = {token: number for number, token in enumerate(["!", "<|startoftext|>", "<|endoftext|>", *letters])}
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt")).save_pretrained(folder)
    return folder


def save_vision(folder: Path, *, projection: bool) -> Path:
    """Save an image encoder alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(6)
        (CLIPVisionModelWithProjection if projection else CLIPVisionModel)(VISION).save_pretrained(folder)
    return folder
