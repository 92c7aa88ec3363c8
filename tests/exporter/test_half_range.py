"""Numbers too large for half precision: found, named, and kept in float32 where they are."""

import copy
import math

import pytest
import torch
from diffusers.models.attention_processor import Attention

from onestep.bundle import open_bundle
from onestep.exporter.engines.build import build_engine
from onestep.exporter.engines.options import BuildOptions
from onestep.exporter.export import ExportOptions, export_bundle
from onestep.exporter.frame_module import FrameToFrame
from onestep.exporter.half_range import HEADROOM, LIMIT, RangeRecorder, kept_in_float32
from onestep.exporter.precision import generator_in
from onestep.exporter.samples import exact_samples, sample_frames, with_converted
from onestep.frame_size import FrameSize
from onestep.training.folder import PackedGenerator
from onestep.training.generator import GeneratorNetwork
from onestep.training.students.generator import AnyGenerator

SIZE = FrameSize(32, 32)


def scaled(packed: PackedGenerator, name: str, factor: float) -> PackedGenerator:
    """Return the generator with one layer's weights so many times as large."""
    generator = copy.deepcopy(packed.generator)
    with torch.no_grad():
        for parameter in generator.get_submodule(name).parameters():
            parameter.mul_(factor)
    return PackedGenerator(generator, packed.card, packed.base)


def recorded(generator: AnyGenerator, packed: PackedGenerator) -> tuple[RangeRecorder, FrameToFrame]:
    exact = FrameToFrame(generator, packed.base.prompt_embedding("night")).eval()
    recorder = RangeRecorder(generator)
    with recorder.recording():
        exact_samples(exact, SIZE, 1)
    return recorder, exact


def test_an_ordinary_generator_has_none(packed: PackedGenerator) -> None:
    recorder, _ = recorded(packed.generator, packed)
    assert recorder.overflows() == []
    hooks = [module for module in packed.generator.modules() if module._forward_hooks]
    assert hooks == [], "nothing is left on the generator"


def test_what_is_no_number_is_over_every_limit(packed: PackedGenerator) -> None:
    recorder, _ = recorded(scaled(packed, "vae.decoder.conv_in", math.nan).generator, packed)
    assert all(math.isinf(overflow.largest) for overflow in recorder.overflows())
    assert "vae.decoder.conv_in" in {overflow.module for overflow in recorder.overflows()}


def test_the_largest_is_that_of_the_layer_itself(packed: PackedGenerator) -> None:
    recorder, exact = recorded(packed.generator, packed)
    image = exact.image_from_frame(torch.from_numpy(next(sample_frames(SIZE, 1)))[None])
    assert isinstance(packed.generator, GeneratorNetwork)
    with torch.no_grad():
        result = packed.generator.vae.encoder.conv_in(image)
    assert recorder.largest["vae.encoder.conv_in"] == pytest.approx(float(max(result.abs().max(), image.abs().max())))


@pytest.mark.parametrize(
    ("layer", "kept"),
    [
        # The block's second norm takes the factor out again, so the block is enough.
        ("unet.mid_block.resnets.0.conv1", "unet.mid_block.resnets.0"),
        ("vae.decoder.up_blocks.1.resnets.0.conv1", "vae.decoder.up_blocks.1.resnets.0"),
        # What the first layer gives goes from block to block, and over the skips: whole parts are kept.
        ("vae.encoder.conv_in", "vae.encoder"),
    ],
)
def test_what_overflows_is_named_and_kept(packed: PackedGenerator, layer: str, kept: str) -> None:
    wild = scaled(packed, layer, 1e6)
    recorder, exact = recorded(wild.generator, packed)
    overflows = recorder.overflows()
    assert layer in [overflow.module for overflow in overflows]
    assert kept in kept_in_float32(overflows)
    samples = exact_samples(exact, SIZE, 1)

    def not_finite(generator: AnyGenerator) -> int:
        module = FrameToFrame(generator, exact.prompt_embedding.half()).eval()
        return with_converted(samples, module)[0].nan_count

    assert not_finite(generator_in("fp16", wild.generator)) > 0
    mended = generator_in("fp16", wild.generator, float32=kept_in_float32(overflows))
    assert not_finite(mended) == 0
    halves = sum(parameter.dtype == torch.float16 for parameter in mended.parameters())
    assert halves > 0.5 * len(list(mended.parameters())), "most of the network is half precision still"


def test_an_attentions_scores_are_noted_though_no_module_gives_them_out(packed: PackedGenerator) -> None:
    """Queries and keys may be moderate where their products are not."""
    name = "unet.mid_block.attentions.0.transformer_blocks.0.attn1"
    wild = scaled(scaled(packed, f"{name}.to_q", 3e3), f"{name}.to_k", 3e3)
    recorder, _ = recorded(wild.generator, wild)
    (overflow,) = recorder.overflows()
    assert (overflow.module, overflow.kept) == (f"{name}.scores", name)
    assert max(recorder.largest[f"{name}.{layer}"] for layer in ("to_q", "to_k")) < LIMIT / HEADROOM
    attention = wild.generator.get_submodule(name)
    assert isinstance(attention, Attention)
    hidden = torch.randn(1, 6, attention.to_q.in_features, generator=torch.Generator().manual_seed(1))
    with recorder.recording(), torch.no_grad():
        recorder.largest.clear()
        attention(hidden)
        queries, keys = (attention.head_to_batch_dim(layer(hidden)) for layer in (attention.to_q, attention.to_k))
    scores = attention.scale * queries @ keys.transpose(-1, -2)
    assert recorder.largest[f"{name}.scores"] == pytest.approx(float(scores.abs().max()), rel=1e-5)
    mended = generator_in("fp16", wild.generator, float32=kept_in_float32([overflow]))
    assert {parameter.dtype for parameter in mended.get_submodule(name).parameters()} == {torch.float32}


def test_an_export_keeps_and_reports_them(packed: PackedGenerator, tmp_path_factory: pytest.TempPathFactory) -> None:
    wild = scaled(packed, "unet.mid_block.resnets.0.conv1", 1e6)
    options = ExportOptions(precision="fp16", size=SIZE, parity_frame_count=1)
    report = export_bundle(wild, tmp_path_factory.mktemp("wild") / "bundle", options=options)
    assert {overflow.kept for overflow in report.overflows} == {"unet.mid_block.resnets.0"}
    assert '"float32_for_range": [\n' in (report.path / "parity.json").read_text(encoding="utf-8")
    assert report.parity.graph_to_float32.psnr_db > 45
    pytest.importorskip("tensorrt_rtx", reason="tensorrt-rtx is not installed: pip install 'onestep[tensorrt-rtx]'")
    built = build_engine(open_bundle(report.path), options=BuildOptions(optimization_level=0))
    assert built.record.proof["islands"]["convolution"] == 3
