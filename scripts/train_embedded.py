"""Train the embedded tiny base and the day2night generator on it, from nothing, on rendered scenes.

    python scripts/train_embedded.py --work runs/embedded

Each stage leaves its result in the work folder and is skipped when it is there. About an hour on two CPU cores.
`onestep export --generator` makes the bundle from the result.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from onestep.atomic import whole_folder
from onestep.domains import domain
from onestep.exporter.quiet import quiet_libraries
from onestep.frame_size import FrameSize
from onestep.training.base import Base, load_base, random_base, save_base
from onestep.training.base_training import Log, train_autoencoder, train_noise_predictor
from onestep.training.fit import FitOptions
from onestep.training.folder import GeneratorCard, PackedGenerator, save_generator
from onestep.training.generator import OneStep, OneStepGenerator
from onestep.training.rendered import RenderedFrames, render_frames
from onestep.training.supervised import save_samples, train_on_truth
from onestep.training.vae_skips import SkipConvolutions

FULL, HALF = FrameSize(512, 288), FrameSize(256, 160)
SEED = 7
LICENCE = "MIT"


def main() -> None:
    options = _arguments()
    torch.manual_seed(SEED)
    options.work.mkdir(parents=True, exist_ok=True)
    log = _log_to(options.work / "train.log")
    frames = render_frames(
        options.work / "frames", count=options.views, size=FULL, conditions=("day", "night"), seed=100_000, processes=2
    )
    log(f"{len(frames)} views rendered")
    with quiet_libraries():
        base_folder = options.work / "tiny"
        if not base_folder.exists():
            _train_base(base_folder, frames, options, log)
        _train_domain(options.work / options.domain, load_base(base_folder), frames, options, log)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for frames, results and the log")
    parser.add_argument("--domain", default="day2night")
    parser.add_argument("--views", type=int, default=1500, help="rendered views")
    parser.add_argument("--autoencoder-steps", type=int, default=700)
    parser.add_argument("--noise-steps", type=int, default=900)
    parser.add_argument("--half-size-steps", type=int, default=2500, help="steps at 256x160, batch 6")
    parser.add_argument("--full-size-steps", type=int, default=500, help="steps at 512x288, batch 2")
    parser.add_argument("--look", type=Path, help="folder of real pictures to show in the sample grids; not trained on")
    return parser.parse_args()


def _train_base(folder: Path, frames: RenderedFrames, options: argparse.Namespace, log: Log) -> None:
    base = random_base("tiny", seed=SEED)
    fast = FitOptions(steps=options.autoencoder_steps, learning_rate=1e-3)
    log("autoencoder")
    train_autoencoder(base, frames, size=HALF, batch=6, options=fast, log=log)
    log("noise predictor")
    slow = FitOptions(steps=options.noise_steps, learning_rate=5e-4)
    train_noise_predictor(base, frames, size=HALF, batch=16, options=slow, log=log)
    named = Base(**{**vars(base), "licence": LICENCE})
    with whole_folder(folder, overwrite=True) as partial:
        save_base(named.half(), partial)


def _train_domain(folder: Path, base: Base, frames: RenderedFrames, options: argparse.Namespace, log: Log) -> None:
    known = domain(options.domain)
    skips = SkipConvolutions.for_vae(base.vae)
    generator = OneStepGenerator(vae=base.vae, unet=base.unet, skips=skips, step=OneStep.from_scheduler(base.scheduler))
    embedding = base.prompt_embedding(known.prompt)
    rows = _sample_rows(frames, "night", options.look)

    for size, batch, steps, rate in (
        (HALF, 6, options.half_size_steps, 1e-3),
        (FULL, 2, options.full_size_steps, 3e-4),
    ):
        log(f"{known.name} at {size}, batch {batch}")

        def show(step: int, average: OneStepGenerator, size: FrameSize = size) -> None:
            if step % 250 == 0:
                save_samples(options.work / f"{known.name}-{size}-{step:05d}.png", average, embedding, rows)

        train_on_truth(
            generator,
            embedding,
            frames,
            target="night",
            size=size,
            batch=batch,
            options=FitOptions(steps=steps, learning_rate=rate),
            seed=SEED,
            log=log,
            on_report=show,
        )
    card = GeneratorCard(
        domain=known.name,
        direction=known.direction,
        prompt=known.prompt,
        base=base.name,
        base_licence=base.licence,
        checkpoint_licence=LICENCE,
        skip_channels=list(skips.config.in_channels),
        input_range=(-1.0, 1.0),
        preferred_size=tuple(FULL),
    )
    with whole_folder(folder, overwrite=True) as partial:
        save_generator(PackedGenerator(generator.half(), card, base.half()), partial)
    log(f"done: {folder}")


def _sample_rows(frames: RenderedFrames, target: str, look: Path | None) -> list[list[NDArray[np.uint8]]]:
    rows = [[frames.frames["day"][index], frames.frames[target][index]] for index in (0, 300, 601)]
    for path in sorted(look.iterdir())[::3] if look else ():
        picture = Image.open(path).convert("RGB").resize(FULL, Image.Resampling.LANCZOS)
        rows.append([np.asarray(picture)])
    return rows


def _log_to(path: Path) -> Log:
    begun = time.monotonic()

    def log(line: str) -> None:
        text = f"{time.monotonic() - begun:7.0f} s  {line}"
        print(text, flush=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(text + "\n")

    return log


if __name__ == "__main__":
    main()
