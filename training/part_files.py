"""The parts of a base or generator on disk: diffusers' sub-folders, as they are found in the wild."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar, cast

import torch
from safetensors import SafetensorError

from onestep.errors import GeneratorError, OutputError
from onestep.training.card_file import read_object

_SHARD = re.compile(r"-\d+-of-\d+$")
_WEIGHT_STEMS = ("diffusion_pytorch_model", "model")
_TEXT_ENCODERS = ("CLIPTextModel",)
_VOCABULARY = ("vocab.json", "merges.txt")
_NEEDED = "A part in diffusers' layout needs it."
_T = TypeVar("_T")


@contextmanager
def told_if_unwritten(folder: Path) -> Iterator[None]:
    """Raise OutputError where weights cannot be written: safetensors has an error of its own for a full disk."""
    try:
        yield
    except SafetensorError as err:
        raise OutputError(
            f"Writing weights into {folder.parent} failed: {err}. Make room, or choose another place with -o."
        ) from err


def check_parts(path: Path, parts: tuple[str, ...], *, kind: str) -> None:
    """Raise GeneratorError unless `path` is a folder with all of the named sub-folders."""
    if not path.is_dir():
        raise GeneratorError(f"{path} is not a folder. A {kind} is a folder with {', '.join(parts)} in it.")
    missing = [part for part in parts if not (path / part).is_dir()]
    if missing:
        raise GeneratorError(
            f"{path} lacks {', '.join(missing)}, so it is no {kind}. Expected diffusers' layout: {', '.join(parts)}."
        )


def check_text_encoder(path: Path) -> None:
    """Raise GeneratorError unless a text encoder's folder says that it is of a class that is supported."""
    found = read_object(path / "config.json", advice=_NEEDED).get("architectures") or ["nothing"]
    if not set(found) & set(_TEXT_ENCODERS):
        raise GeneratorError(
            f"{path} holds a text encoder of class {', '.join(found)}; supported: {', '.join(_TEXT_ENCODERS)}, of any "
            "width and depth. Choose a base of SD-Turbo's family."
        )


def check_tokenizer(path: Path) -> None:
    """Raise GeneratorError unless a tokenizer's folder holds its vocabulary: without it every word is unknown."""
    if (path / "tokenizer.json").is_file() or all((path / name).is_file() for name in _VOCABULARY):
        return
    found = ", ".join(sorted(file.name for file in path.iterdir())) or "nothing"
    raise GeneratorError(
        f"{path} holds no vocabulary: expected tokenizer.json, or {' and '.join(_VOCABULARY)}; found: {found}. "
        "Get the folder again."
    )


def load_network(load: Callable[..., _T], path: Path) -> _T:
    """Load a network in float32 with its class's own `from_pretrained`, from safetensors on disk only.

    Weights that exist as a variant alone (`diffusion_pytorch_model.fp16.safetensors`) are found.

    Raises:
        GeneratorError: There are no such weights, some of them are missing, or the library could not load them; the
            message holds its reason.
    """
    dtype_option = "torch_dtype" if "diffusers" in load.__module__ else "dtype"
    options = {dtype_option: torch.float32, "use_safetensors": True, "variant": _variant(path)}
    network, report = cast(tuple[_T, dict[str, Any]], load_part(load, path, output_loading_info=True, **options))
    missing = sorted(report["missing_keys"])
    if missing:  # the library would leave random numbers there
        raise GeneratorError(f"{path} lacks {len(missing)} tensors, the first {missing[0]}. Get the folder again.")
    return network


def load_part(load: Callable[..., _T], path: Path, **options: Any) -> _T:
    """Load one part with its class's own `from_pretrained`, from disk only.

    Raises:
        GeneratorError: The library could not load it; the message holds the library's reason.
    """
    try:
        return load(str(path), local_files_only=True, **options)
    except Exception as err:  # of any sort: the tokenizers library, for one, raises plain ones
        raise GeneratorError(f"{path} could not be loaded: {err}") from err


def weight_files(path: Path) -> list[Path]:
    """Return the files that `load_network` reads of a part's folder: those of one variant; none where it has none."""
    files = sorted(path.glob("*.safetensors"))
    try:
        variant = _variant(path)
    except (GeneratorError, OSError):
        return []
    stems = [stem if variant is None else f"{stem}.{variant}" for stem in _WEIGHT_STEMS]
    return [file for file in files if _SHARD.sub("", file.name.removesuffix(".safetensors")) in stems]


def _variant(path: Path) -> str | None:
    """Return the variant of the weights in a folder, None where they are named plainly.

    Raises:
        GeneratorError: The folder has no safetensors weights.
    """
    names = [file.name.removesuffix(".safetensors") for file in sorted(path.glob("*.safetensors"))]
    names = [_SHARD.sub("", name) for name in names]
    for stem in _WEIGHT_STEMS:
        if stem in names:
            return None
    variants = [name.split(".", 1)[1] for name in names if name.split(".", 1)[0] in _WEIGHT_STEMS]
    if not variants:
        found = ", ".join(sorted(file.name for file in path.iterdir())) or "nothing"
        raise GeneratorError(
            f"{path} has no weights as safetensors; found: {found}. Pickled weights (.bin) are not read: save the base "
            "with diffusers' save_pretrained(safe_serialization=True)."
        )
    return variants[0]
