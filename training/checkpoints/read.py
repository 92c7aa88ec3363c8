"""Any checkpoint file, its format and kind recognised from its content."""

import hashlib
from pathlib import Path

from onestep.errors import CheckpointError, MissingInputError
from onestep.training.checkpoints import published_paired, published_unpaired
from onestep.training.checkpoints.checkpoint import Checkpoint
from onestep.training.checkpoints.pickle_file import read_pickle
from onestep.training.checkpoints.safetensors_file import SUFFIX, load_checkpoint

_FORMATS = (
    (published_unpaired.KEYS, published_unpaired.unpaired_checkpoint),
    (published_paired.KEYS, published_paired.paired_checkpoint),
)
_SHOWN_KEYS = 8


def read_checkpoint(path: str | Path) -> Checkpoint:
    """Read a checkpoint: this project's `.safetensors`, or a published pickle under any other name.

    Raises:
        MissingInputError: There is no such file.
        CheckpointError: It is damaged, unsafe, or of no known format; the message says which and why.
    """
    path = Path(path)
    if not path.is_file():
        raise MissingInputError(f"The checkpoint {path} does not exist or is no file.")
    if path.suffix.lower() == SUFFIX:
        return load_checkpoint(path)
    content = read_pickle(path)
    for keys, build in _FORMATS:
        if set(keys) <= content.keys():
            return build(content, path=path, sha256=_file_sha256(path))
    raise CheckpointError(_unknown_format(path, list(content)))


def _unknown_format(path: Path, found: list[str]) -> str:
    shown = ", ".join(found[:_SHOWN_KEYS]) + (", …" if len(found) > _SHOWN_KEYS else "")
    nearest, _ = max(_FORMATS, key=lambda entry: len(set(entry[0]) & set(found)))
    missing = [key for key in nearest if key not in found]
    if len(missing) == len(nearest):
        return (
            f"{path} is no checkpoint of CycleGAN-Turbo or pix2pix-turbo: it holds {shown or 'nothing'}. "
            "Give a published .pkl, or a .safetensors of this project."
        )
    return f"{path} lacks {', '.join(missing)}: the checkpoint is incomplete. It holds {shown}. Get the file again."


def _file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
