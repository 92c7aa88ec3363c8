"""An unpaired run, put together: CycleGAN-Turbo's networks and objective on two folders of pictures."""

from functools import partial
from pathlib import Path

from onestep.errors import SettingError
from onestep.training.adaptation.adapted import adapt_unpaired
from onestep.training.base import Base
from onestep.training.checkpoints.checkpoint import Direction
from onestep.training.data import UnpairedBatch, UnpairedBatches, UnpairedFolder, few_pictures, few_warning, preparation
from onestep.training.objectives.objective import Adversary
from onestep.training.objectives.unpaired import SIDES, UnpairedObjective
from onestep.training.trainer.networks import build_networks, translator
from onestep.training.trainer.pictures import Picture, TranslatePicture, enough_or, prepared, spread
from onestep.training.trainer.processes import Processes
from onestep.training.trainer.prompts import PromptEncoder
from onestep.training.trainer.settings import UnpairedData, UnpairedSettings
from onestep.training.trainer.task import Grid, Task, judges_of, noted
from onestep.training.trainer.validation import Trial

_NO_TEST = (
    "Side {side} has fewer than two test pictures (test_{side}): samples and validation show training pictures, and "
    "cannot tell whether the model learned them by heart."
)


def unpaired_task(
    settings: UnpairedSettings, folder: UnpairedFolder, base: Base, processes: Processes
) -> Task[UnpairedBatch]:
    """Put an unpaired run together.

    Args:
        settings: All settings.
        folder: The pictures.
        base: The base; adapted in place.
        processes: How many share the batch, and the precision.

    Raises:
        SettingError: A side has no prompt, or the batch cannot be divided.
    """
    losses, seed = settings.losses, settings.machine.seed
    prompts = side_prompts(settings.data, folder)
    encode = PromptEncoder(base, processes.device)
    embeddings = {direction: encode([prompt]) for direction, prompt in prompts.items()}
    generator = adapt_unpaired(base, unet_rank=settings.model.unet_rank, vae_rank=settings.model.vae_rank, seed=seed)
    networks = build_networks(generator, SIDES, losses, seed=seed)
    translate = translator(generator, processes)
    return Task(
        networks=networks,
        translate=translate,
        objective=UnpairedObjective(
            translate=translate,
            embeddings=embeddings,
            perceptual=networks.perceptual,
            adversary=Adversary(networks.discriminators, losses.adversarial, losses.gan_weight),
            weights=losses,
        ),
        batches=UnpairedBatches(
            folder,
            preparation(settings.data.preparation),
            batch_size=processes.share_of(settings.data.batch_size),
            seed=seed,
            few=few_pictures(folder, settings.data.few),
        ),
        sides=len(SIDES),
        encode=encode,
        prompts=prompts,
        trials=partial(_trials, settings, folder, prompts),
        grid=partial(_grid, settings, folder, prompts),
        judges=judges_of(networks, SIDES[0]),
        notes=noted(
            few_warning(folder),
            *(_NO_TEST.format(side=side) for side, test in _tests(folder) if not enough_or(test, ())),
        ),
    )


def side_prompts(data: UnpairedData, folder: UnpairedFolder) -> dict[Direction, str]:
    """Return the prompt of each direction: the text of the side that it leads to.

    Raises:
        SettingError: A side has none.
    """
    a = folder.prompt_a if data.prompt_a is None else data.prompt_a
    b = folder.prompt_b if data.prompt_b is None else data.prompt_b
    if a is None or b is None:
        side = "a" if a is None else "b"
        raise SettingError(
            f"Side {side.upper()} has no prompt. Write one line of text into {data.data}/fixed_prompt_{side}.txt, such "
            f"as 'driving in the night', or give it with --prompt-{side}; it may be empty."
        )
    return {"a2b": b, "b2a": a}


def _pictures(settings: UnpairedSettings, folder: UnpairedFolder, count: int) -> tuple[list[Picture], list[Picture]]:
    scheme = preparation(settings.data.preparation)
    sides = ((folder.test_a, folder.train_a), (folder.test_b, folder.train_b))
    a, b = (prepared(spread(enough_or(test, train), count), scheme) for test, train in sides)
    return a, b


def _tests(folder: UnpairedFolder) -> tuple[tuple[str, tuple[Path, ...]], ...]:
    return ("A", folder.test_a), ("B", folder.test_b)


def _trials(settings: UnpairedSettings, folder: UnpairedFolder, prompts: dict[Direction, str]) -> list[Trial]:
    a, b = _pictures(settings, folder, settings.watch.validation_count)
    return [
        Trial("a2b", a, [prompts["a2b"]] * len(a), b),
        Trial("b2a", b, [prompts["b2a"]] * len(b), a),
    ]


def _grid(settings: UnpairedSettings, folder: UnpairedFolder, prompts: dict[Direction, str]) -> Grid:
    pictures = _pictures(settings, folder, settings.watch.sample_count)

    def rows(translate: TranslatePicture) -> list[list[Picture]]:
        def there_and_back(picture: Picture, there: Direction, back: Direction) -> list[Picture]:
            fake = translate(there, picture, prompts[there])
            return [picture, fake, translate(back, fake, prompts[back])]

        pairs = zip(*pictures, strict=False)
        return [[*there_and_back(a, "a2b", "b2a"), *there_and_back(b, "b2a", "a2b")] for a, b in pairs]

    return Grid(("A", "A to B", "A to B to A", "B", "B to A", "B to A to B"), rows)
