"""Bundles to build engines from: real graphs of random generators, without the proof that an export makes."""

from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel

from onestep.bundle import Bundle, FrameSizes, Licences, Manifest, open_bundle, write_manifest
from onestep.bundle.folder import GRAPH_NAME, file_record
from onestep.exporter.frame_module import FrameToFrame
from onestep.exporter.graph import DATA_SUFFIX, OPSET, graph_from_module, tensor_specs, write_graph
from onestep.exporter.precision import DTYPES, generator_in
from onestep.frame_size import FrameSize
from onestep.training.architectures import SD_TURBO
from onestep.training.generator import OneStep, OneStepGenerator
from onestep.training.students.generator import AnyGenerator
from onestep.training.vae_skips import SkipConvolutions


def engine_bundle(
    folder: Path,
    generator: AnyGenerator,
    prompt_embedding: torch.Tensor,
    *,
    precision: str = "fp16",
    size: FrameSize,
    free: bool = False,
    promise: dict[str, Any] | None = None,
) -> Bundle:
    """Write a bundle of a generator's graph and open it.

    Args:
        folder: Made.
        generator: In float32.
        prompt_embedding: [1, T, D].
        precision: Of the graph.
        size: The graph's size; the preferred one where `free`.
        free: Whether height and width stay open.
        promise: Fields of the manifest to change.
    """
    folder.mkdir(parents=True)
    module = FrameToFrame(generator_in(precision, generator), prompt_embedding.to(DTYPES[precision])).eval()
    model = graph_from_module(module, size=size, free=free).model
    write_graph(model, folder / GRAPH_NAME, metadata={})
    inputs, outputs = tensor_specs(model)
    fields: dict[str, Any] = {
        "domain": "day2night",
        "direction": "a2b",
        "prompt": "",
        "base": "test",
        "licences": Licences("MIT", "MIT"),
        "precision": precision,
        "frame": FrameSizes(generator.frame_multiple, size, free),
        "inputs": inputs,
        "outputs": outputs,
        "opset": OPSET,
        "flops_per_frame": {},
        "files": {name: file_record(folder / name) for name in (GRAPH_NAME, GRAPH_NAME + DATA_SUFFIX)},
        "parity": {},
        "made": {},
    }
    write_manifest(folder, Manifest(**(fields | (promise or {}))))
    return open_bundle(folder)


def narrow_sd_turbo() -> tuple[OneStepGenerator, torch.Tensor]:
    """Return a generator of SD-Turbo's whole topology with random weights, and a prompt embedding for it.

    The UNet is a tenth as wide, the VAE a quarter; levels, layers per block, attentions and skips are all there.
    """
    text_width = 64
    unet_config = SD_TURBO.unet | {
        "block_out_channels": [32, 64, 128, 128],
        "attention_head_dim": [1, 2, 4, 4],
        "cross_attention_dim": text_width,
    }
    vae_config = SD_TURBO.vae | {"block_out_channels": [32, 64, 128, 128]}
    torch.manual_seed(3)
    unet, vae = UNet2DConditionModel(**unet_config).eval(), AutoencoderKL(**vae_config).eval()
    generator = OneStepGenerator(
        vae=vae, unet=unet, skips=SkipConvolutions.for_vae(vae), step=OneStep(timestep=999, alpha_bar=0.0047)
    )
    return generator.eval().requires_grad_(False), torch.randn(1, 77, text_width)
