"""`onestep import`: a published checkpoint becomes this project's safetensors file."""

from pathlib import Path
from typing import Annotated

import typer

from onestep.errors import require


def import_checkpoint(
    checkpoint: Annotated[Path, typer.Argument(help="A published .pkl.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The new file, ending in .safetensors.")],
    overwrite: Annotated[bool, typer.Option(help="Replace a file that is there.")] = False,
) -> None:
    """Convert a published checkpoint to one safetensors file with everything in its metadata.

    The pickle is read as plain data; one that would run code is refused. The file holds what the pickle held: no
    prompt is added, so `onestep merge` still needs one.
    """
    require("torch", extra="export", purpose="read a checkpoint")
    from onestep.training.checkpoints.read import read_checkpoint
    from onestep.training.checkpoints.safetensors_file import save_checkpoint

    read = read_checkpoint(checkpoint)
    save_checkpoint(read, output, overwrite=overwrite)
    layers = len(read.unet.pairs) + sum(len(d.vae.pairs) + len(d.skips.pairs) for d in read.directions.values())
    print(
        f"Checkpoint: {output} ({read.kind}; directions {', '.join(read.directions)}; {layers} adapted layers; "
        f"rank {read.unet.rank}; SHA-256 of the pickle {read.sha256})"
    )
