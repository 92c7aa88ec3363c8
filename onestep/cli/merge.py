"""`onestep merge`: a checkpoint and its base become a generator."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from onestep.cli.stage import print_stage
from onestep.errors import require


def merge(
    checkpoint: Annotated[Path, typer.Argument(help="A published .pkl, or this project's .safetensors.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the generator.")],
    base: Annotated[str, typer.Option(help="The base that it was trained on: tiny, sd-turbo, or a folder.")],
    direction: Annotated[
        Literal["a2b", "b2a"] | None, typer.Option(help="Which way to translate, where the checkpoint has both.")
    ] = None,
    prompt: Annotated[
        str | None, typer.Option(help="The text that it was trained with, where the checkpoint stores none.")
    ] = None,
    download: Annotated[
        bool, typer.Option(help="Get a known base from the Hugging Face hub if it is not here.")
    ] = False,
    overwrite: Annotated[bool, typer.Option(help="Replace a generator that is there.")] = False,
) -> None:
    """Merge a checkpoint into its base: a plain generator, to be exported with `onestep export --generator`.

    A checkpoint is checked tensor by tensor against the base first, and a pickle is never run.
    """
    for library in ("torch", "diffusers", "transformers"):
        require(library, extra="export", purpose="merge a checkpoint")
    from onestep.atomic import check_disk, check_free, whole_folder
    from onestep.training.card_name import CARD_NAME, GENERATOR_FORMAT
    from onestep.training.find_base import find_base
    from onestep.training.quiet import quiet_libraries

    check_free(output, overwrite=overwrite, marker=CARD_NAME, kind=GENERATOR_FORMAT)
    with quiet_libraries():
        from onestep.training.base import load_base
        from onestep.training.checkpoints.merge import merged_generator
        from onestep.training.checkpoints.read import read_checkpoint
        from onestep.training.folder import save_generator

        print_stage(f"reading {checkpoint}")
        trained = read_checkpoint(checkpoint)
        chosen = trained.chosen_direction(direction)
        trained.chosen_prompt(chosen, prompt)  # what is lacking is said before a large base is loaded
        folder = find_base(base, download=download)
        print_stage(f"loading the base {folder}")
        parts = load_base(folder)
        check_disk(output, needed_bytes=parts.weight_bytes)
        print_stage("merging")
        packed = merged_generator(parts, trained, direction=chosen, prompt=prompt)
        with whole_folder(output, overwrite=overwrite, marker=CARD_NAME, kind=GENERATOR_FORMAT) as partial:
            print_stage("writing the generator")
            save_generator(packed, partial)
    print(f"Licences: base {packed.card.base_licence}; weights {packed.card.checkpoint_licence}", file=sys.stderr)
    print(f"Generator: {output} ({trained.kind}, {packed.card.direction}, prompt {packed.card.prompt!r})")
