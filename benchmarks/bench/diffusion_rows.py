"""Multi-step diffusion through diffusers' own pipelines, on the same UNet and VAE as the one-step generator."""

import itertools
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from diffusers import (
    DDIMScheduler,
    LCMScheduler,
    StableDiffusionAdapterPipeline,
    StableDiffusionControlNetPipeline,
    StableDiffusionImg2ImgPipeline,
    StableDiffusionInstructPix2PixPipeline,
)
from PIL import Image

from bench.diffusion_flops import EXTRA_BYTES, FLOPS
from bench.diffusion_networks import controlnet, t2i_adapter, unet_of_two_latents
from bench.flop_counts import vae_reduction
from bench.memory import module_bytes
from bench.row import OpenRow, RowSpec
from bench.stages import UNET, Stages
from bench.workload import Frame, Workload

_GUIDANCE_SCALE, _IMAGE_GUIDANCE_SCALE = 7.5, 1.5


@dataclass(frozen=True)
class Sampling:
    """A pipeline that is ready, and what it takes beside picture and prompt."""

    pipeline: Any
    arguments: dict[str, Any] = field(default_factory=dict)
    scheduler_steps: Callable[[int], int] = lambda steps: steps
    """The pipeline's `num_inference_steps` for a number of steps to run."""
    extra: dict[str, Any] = field(default_factory=dict)
    """Networks beside UNet and VAE, by the name of their stage."""


def diffusion_rows(strength: float) -> list[RowSpec]:
    """Return all multi-step rows.

    Args:
        strength: Of SDEdit: the share of its steps that is run (Meng et al. 2021, arXiv 2108.01073).
    """
    rows = [_sdedit_row(steps, strength) for steps in (50, 20)]
    rows.append(_row("consistency", "Latent consistency (LCM), image to image", 4, 1, _consistency))
    rows += [_row("instruct-pix2pix", "InstructPix2Pix", steps, 3, _instruct_pix2pix) for steps in (100, 20)]
    rows += [_row("controlnet", "ControlNet", steps, 2, _controlnet) for steps in (50, 20)]
    return [*rows, _row("t2i-adapter", "T2I-Adapter", 20, 2, _adapter)]


def scheduler_steps(steps: int, strength: float) -> int:
    """Return the pipeline's number of steps of which it runs `steps` at this strength."""
    return next(count for count in itertools.count(steps) if int(count * strength) == steps)


def _sdedit_row(steps: int, strength: float) -> RowSpec:
    run = max(int(steps * strength), 1)
    spec = _row("sdedit", f"SDEdit at strength {strength:g}", run, 2, lambda workload: _sdedit(workload, strength))
    label = f"SDEdit, {steps} steps, {run} of them run (strength {strength:g}), guidance"
    return RowSpec(**{**vars(spec), "name": f"sdedit-{steps}", "label": label})


def _row(family: str, label: str, steps: int, guidance: int, sampling: Callable[[Workload], Sampling]) -> RowSpec:
    guided = {1: "no guidance", 2: "guidance", 3: "guidance by text and picture"}[guidance]
    return RowSpec(
        name=f"{family}-{steps}",
        family=family,
        label=f"{label}, {steps} steps, {guided}",
        steps=steps,
        guidance=guidance,
        prepare=lambda workload: workload.networks,
        open=lambda workload, count: _open(workload, sampling(workload), count, guidance),
        own_bytes=lambda workload: int(
            EXTRA_BYTES.get(family, 0.0) * module_bytes(workload.packed.base.unet)
            + guidance * workload.activation_bytes
        ),
        flops=lambda workload: FLOPS[family](workload, steps * guidance),
        weight_bytes=lambda workload: module_bytes(workload.networks[0]),
    )


def _open(workload: Workload, sampling: Sampling, steps: int, guidance: int) -> OpenRow:
    pipeline, stages = sampling.pipeline, Stages(workload.clock)
    pipeline.set_progress_bar_config(disable=True)
    watched = {"encoder": pipeline.vae.encoder, UNET: pipeline.unet, "decoder": pipeline.vae.decoder}
    for name, module in (watched | sampling.extra).items():
        stages.watch(name, module)
    batch = workload.settings.batch
    prompts = {"prompt_embeds": workload.prompt.expand(batch, -1, -1)}
    if guidance > 1:
        prompts["negative_prompt_embeds"] = workload.empty_prompt.expand(batch, -1, -1)

    def call() -> list[Frame]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # diffusers of its own old pipelines
            pictures = pipeline(
                image=[Image.fromarray(frame) for frame in workload.frames],
                num_inference_steps=sampling.scheduler_steps(steps),
                generator=torch.Generator().manual_seed(0),
                **prompts,
                **sampling.arguments,
            ).images
        return [np.asarray(picture) for picture in pictures]

    shared = module_bytes(pipeline.unet) + module_bytes(pipeline.vae)
    return OpenRow(call, stages, shared_bytes=shared)


def _pipeline(kind: Any, workload: Workload, *, scheduler: Any = DDIMScheduler, **parts: Any) -> Any:
    """Put a pipeline together: the base's networks, no text encoder, no safety checker."""
    unet, vae = workload.networks
    given = {"unet": unet, "vae": vae, "text_encoder": None, "tokenizer": None, "safety_checker": None}
    given |= {"feature_extractor": None, "requires_safety_checker": False}
    return kind(scheduler=scheduler.from_config(workload.packed.base.scheduler.config), **(given | parts))


def _sdedit(workload: Workload, strength: float) -> Sampling:
    return Sampling(
        _pipeline(StableDiffusionImg2ImgPipeline, workload),
        {"strength": strength, "guidance_scale": _GUIDANCE_SCALE},
        lambda steps: scheduler_steps(steps, strength),
    )


def _consistency(workload: Workload) -> Sampling:
    pipeline = _pipeline(StableDiffusionImg2ImgPipeline, workload, scheduler=LCMScheduler)
    return Sampling(pipeline, {"strength": 1.0, "guidance_scale": 1.0})


def _instruct_pix2pix(workload: Workload) -> Sampling:
    pipeline = _pipeline(
        StableDiffusionInstructPix2PixPipeline, workload, unet=unet_of_two_latents(workload.networks[0])
    )
    return Sampling(pipeline, {"guidance_scale": _GUIDANCE_SCALE, "image_guidance_scale": _IMAGE_GUIDANCE_SCALE})


def _controlnet(workload: Workload) -> Sampling:
    network = _ready(controlnet(workload.networks[0], with_weights=True), workload)
    pipeline = _pipeline(StableDiffusionControlNetPipeline, workload, controlnet=network)
    return Sampling(pipeline, {"guidance_scale": _GUIDANCE_SCALE}, extra={"controlnet": network})


def _adapter(workload: Workload) -> Sampling:
    network = _ready(t2i_adapter(workload.networks[0], vae_reduction(workload)), workload)
    pipeline = _pipeline(StableDiffusionAdapterPipeline, workload, adapter=network)
    return Sampling(pipeline, {"guidance_scale": _GUIDANCE_SCALE}, extra={"adapter": network})


def _ready(network: Any, workload: Workload) -> Any:
    return network.to(workload.settings.device, workload.dtype).eval().requires_grad_(False)
