"""Where a base's folder is: a path, the package, `$ONESTEP_BASES`, or the Hugging Face cache."""

import os
from collections.abc import Callable
from pathlib import Path

from onestep.errors import GeneratorError, MissingInputError, UnknownNameError

BASES_VARIABLE = "ONESTEP_BASES"
EMBEDDED = "tiny"
REPOSITORIES = {"sd-turbo": "stabilityai/sd-turbo"}
"""Bases that the Hugging Face hub has, by their names here."""

_FILES = (
    "*/config.json",
    "scheduler/*",
    "tokenizer/*",
    "unet/diffusion_pytorch_model.safetensors",
    "vae/diffusion_pytorch_model.safetensors",
    "text_encoder/model.safetensors",
)
Snapshot = Callable[..., str]
"""Like `huggingface_hub.snapshot_download`: returns the folder of a repository's files."""


def find_base(name_or_dir: str, *, download: bool = False, snapshot: Snapshot | None = None) -> Path:
    """Find a base's folder. What lies in it is for `load_base` to check.

    Args:
        name_or_dir: `tiny` for the one that ships in the package, `sd-turbo`, or a folder in diffusers' layout.
        download: Whether the hub may be asked for a base that is not on this machine; resumes, and checks hashes.
        snapshot: Takes the place of `huggingface_hub.snapshot_download`.

    Raises:
        MissingInputError: It looks like a folder, and there is none.
        UnknownNameError: It is no known name.
        GeneratorError: The base is known and not on this machine, or the hub did not give it.
    """
    if name_or_dir == EMBEDDED:
        from onestep.domains import embedded_base

        return embedded_base()
    if name_or_dir not in REPOSITORIES:
        return _given_folder(name_or_dir)
    own = _own_folder(name_or_dir)
    if own is not None:
        return own
    return _from_hub(name_or_dir, snapshot or _snapshot_download(), download=download)


def _given_folder(text: str) -> Path:
    path = Path(text).expanduser()
    if path.is_dir():
        return path
    if len(path.parts) > 1 or path.exists():
        raise MissingInputError(f"The base {path} is no folder. Give a folder in diffusers' layout, or a name.")
    raise UnknownNameError("base", text, (EMBEDDED, *REPOSITORIES, "or a folder in diffusers' layout"))


def _own_folder(name: str) -> Path | None:
    """Return `$ONESTEP_BASES/NAME` if it is there."""
    bases = os.environ.get(BASES_VARIABLE)
    folder = Path(bases).expanduser() / name if bases else None
    return folder if folder is not None and folder.is_dir() else None


def _from_hub(name: str, snapshot: Snapshot, *, download: bool) -> Path:
    repository = REPOSITORIES[name]
    try:
        return Path(snapshot(repository, allow_patterns=list(_FILES), local_files_only=not download))
    except Exception as err:  # the hub's client raises its own, and those of the HTTP client below it
        if download:
            raise GeneratorError(
                f"{repository} could not be downloaded ({err}). Run the command again to resume, or give a folder "
                "with --base DIR."
            ) from err
        raise GeneratorError(
            f"The base {name} is not on this machine. Give its folder in diffusers' layout with --base DIR; or put it "
            f"at $ONESTEP_BASES/{name} (ONESTEP_BASES is {os.environ.get(BASES_VARIABLE) or 'not set'}); or pass "
            f"--download to get {repository} from the Hugging Face hub, whose licence you then accept."
        ) from err


def _snapshot_download() -> Snapshot:
    from huggingface_hub import snapshot_download

    return snapshot_download
