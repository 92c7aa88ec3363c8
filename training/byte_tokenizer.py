"""A CLIP tokenizer over bytes, for small text encoders.

CLIP's own vocabulary has 49,408 entries, more parameters than the rest of a tiny base together. This is the same class
with the 256 bytes, the 256 bytes that end a word, and the two marks, and no merges: any text can be written in it.
"""

from typing import Any

from transformers import CLIPTokenizer

START = "<|startoftext|>"
END = "<|endoftext|>"


def byte_tokenizer(*, positions: int) -> Any:
    """Build the tokenizer: 514 entries, start 512, end 513, padded with entry 0 as SD 2.x does.

    Args:
        positions: Number of tokens that the text encoder takes.
    """
    letters = _letter_of_each_byte()
    words = [*letters, *(f"{letter}</w>" for letter in letters), START, END]
    vocabulary = {word: index for index, word in enumerate(words)}
    return CLIPTokenizer(vocab=vocabulary, merges=[], pad_token=letters[0], model_max_length=positions)


def _letter_of_each_byte() -> list[str]:
    """Return a printable letter per byte, in the order of GPT-2's byte-level vocabulary (Radford et al. 2019)."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = [byte for byte in range(256) if byte not in printable]
    return [chr(byte) for byte in printable] + [chr(256 + place) for place in range(len(others))]
