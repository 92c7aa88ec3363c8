"""A paired run, put together: pix2pix-turbo's networks and objective on pictures with known targets."""

from collections.abc import Sequence
from functools import partial

import torch

from onestep.training.adaptation.adapted import adapt_paired
from onestep.training.base import Base
from onestep.training.data import Pair, PairedBatch, PairedBatches, PairedFolder, few_pictures, few_warning, preparation
from onestep.training.data.batches import tensor_from_picture
from onestep.training.losses.reconstruction import l2_and_perceptual
from onestep.training.objectives.objective import Adversary
from onestep.training.objectives.paired import JUDGE, PairedObjective
from onestep.training.trainer.networks import Networks, build_networks, translator
from onestep.training.trainer.pictures import Picture, TranslatePicture, enough_or, prepared, spread
from onestep.training.trainer.processes import Processes
from onestep.training.trainer.prompts import PromptEncoder
from onestep.training.trainer.settings import PairedLosses, PairedSettings
from onestep.training.trainer.task import Grid, Task, judges_of, noted
from onestep.training.trainer.validation import Distance, Trial

_NO_TEST = (
    "There are fewer than two test pairs: samples and validation show training pairs, and cannot tell whether the "
    "model learned them by heart."
)
_NO_CLIP = "No CLIP folder was given (--clip), so the term for the caption is left out."


def paired_task(settings: PairedSettings, folder: PairedFolder, base: Base, processes: Processes) -> Task[PairedBatch]:
    """Put a paired run together; arguments and errors as in `unpaired_task`."""
    losses, seed = settings.losses, settings.machine.seed
    generator = adapt_paired(base, unet_rank=settings.model.unet_rank, vae_rank=settings.model.vae_rank, seed=seed)
    networks = build_networks(generator, (JUDGE,), losses, seed=seed)
    translate, encode = translator(generator, processes), PromptEncoder(base, processes.device)
    return Task(
        networks=networks,
        translate=translate,
        objective=PairedObjective(
            translate=translate,
            embed=encode,
            perceptual=networks.perceptual,
            caption_loss=_caption_loss(networks, losses),
            adversary=Adversary(networks.discriminators, losses.adversarial, losses.gan_weight),
            weights=losses,
        ),
        batches=PairedBatches(
            folder,
            preparation(settings.data.preparation),
            batch_size=processes.share_of(settings.data.batch_size),
            seed=seed,
            few=few_pictures(folder, settings.data.few),
        ),
        sides=1,
        encode=encode,
        prompts={"paired": common_caption(folder.train)},
        trials=partial(_trials, settings, folder, networks, processes.device),
        grid=partial(_grid, settings, folder),
        judges=judges_of(networks, JUDGE),
        notes=noted(
            few_warning(folder),
            None if enough_or(folder.test, ()) else _NO_TEST,
            None if losses.clip or not losses.clip_weight else _NO_CLIP,
        ),
    )


def common_caption(pairs: Sequence[Pair]) -> str | None:
    """Return the caption that all pairs have; None where they differ, so that none is stored as the prompt."""
    captions = {pair.caption for pair in pairs}
    return captions.pop() if len(captions) == 1 else None


def _caption_loss(networks: Networks, losses: PairedLosses) -> torch.nn.Module | None:
    if not losses.clip or not losses.clip_weight:
        return None
    from onestep.training.losses.clip_similarity import ClipSimilarity

    similarity = ClipSimilarity.from_folder(losses.clip)
    networks.outside.append(similarity)
    return similarity


def _test_pairs(folder: PairedFolder, count: int) -> list[Pair]:
    return spread(enough_or(folder.test, folder.train), count)


def _trials(settings: PairedSettings, folder: PairedFolder, networks: Networks, device: torch.device) -> list[Trial]:
    pairs = _test_pairs(folder, settings.watch.validation_count)
    scheme = preparation(settings.data.preparation)
    return [
        Trial(
            "paired",
            prepared([pair.source for pair in pairs], scheme),
            [pair.caption for pair in pairs],
            prepared([pair.target for pair in pairs], scheme),
            distance=_distance(networks, settings.losses, device),
        )
    ]


def _distance(networks: Networks, losses: PairedLosses, device: torch.device) -> Distance:
    """Return the reconstruction terms of the objective as a distance."""

    @torch.no_grad()
    def distance(output: Picture, truth: Picture) -> float:
        result, target = (tensor_from_picture(picture)[None].to(device) for picture in (output, truth))
        terms = l2_and_perceptual(
            result,
            target,
            perceptual=networks.perceptual,
            l2_weight=losses.l2_weight,
            perceptual_weight=losses.perceptual_weight,
        )
        return float(sum(terms.values()))

    return distance


def _grid(settings: PairedSettings, folder: PairedFolder) -> Grid:
    pairs = _test_pairs(folder, settings.watch.sample_count)
    scheme = preparation(settings.data.preparation)
    sources = prepared([pair.source for pair in pairs], scheme)
    targets = prepared([pair.target for pair in pairs], scheme)

    def rows(translate: TranslatePicture) -> list[list[Picture]]:
        outputs = [translate("paired", source, pair.caption) for source, pair in zip(sources, pairs, strict=True)]
        return [list(row) for row in zip(sources, outputs, targets, strict=True)]

    return Grid(("source", "translated", "target"), rows)
