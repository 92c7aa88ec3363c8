"""`onestep random-base`: a known architecture with random weights, to export, build and measure at full size."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from onestep.cli.stage import print_stage
from onestep.errors import require


def random_base(
    name: Annotated[Literal["sd-turbo", "tiny"], typer.Argument(help="The architecture.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the base.")],
    seed: Annotated[int, typer.Option(help="Seed of the weights.")] = 0,
    dtype: Annotated[
        Literal["fp32", "fp16"], typer.Option(help="Type of the weights on disk: 5.2 or 2.6 GB for sd-turbo.")
    ] = "fp32",
    overwrite: Annotated[bool, typer.Option(help="Replace a base that is there.")] = False,
) -> None:
    """Write a base with seeded random weights, tokenizer included. Nothing is downloaded; its pictures are noise."""
    for library in ("torch", "diffusers", "transformers"):
        require(library, extra="export", purpose="build a base")
    from onestep.atomic import check_disk, check_free, whole_folder
    from onestep.training.card_name import BASE_FORMAT, CARD_NAME
    from onestep.training.quiet import quiet_libraries

    check_free(output, overwrite=overwrite, marker=CARD_NAME, kind=BASE_FORMAT)
    with quiet_libraries():
        from onestep.training.base import random_base as built_base
        from onestep.training.base import save_base

        base = built_base(name, seed=seed, on_part=lambda part: print_stage(f"building {part}"))
        if dtype == "fp16":
            base.half()
        check_disk(output, needed_bytes=base.weight_bytes)
        with whole_folder(output, overwrite=overwrite, marker=CARD_NAME, kind=BASE_FORMAT) as partial:
            save_base(base, partial, on_part=lambda part: print_stage(f"writing {part}"))
    count = sum(parameter.numel() for network in base.networks for parameter in network.parameters())
    print(f"Base: {output} ({name}, seed {seed}, {count:,} parameters, {dtype})")
