"""From generator to bundle: what is promised is there, and what fails leaves nothing behind."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import onestep.runtime
from onestep.bundle import open_bundle
from onestep.cli.export import _print_report, export
from onestep.errors import OutputError, ParityError, SettingError, UnknownNameError
from onestep.exporter import parity
from onestep.exporter.export import ExportOptions, ExportReport, export_bundle
from onestep.exporter.flops import flops_per_frame
from onestep.exporter.frame_module import FrameToFrame
from onestep.frame_size import FrameSize
from onestep.training.folder import PackedGenerator

SIZE = FrameSize(96, 64)


@pytest.fixture(scope="module")
def report(packed: PackedGenerator, tmp_path_factory: pytest.TempPathFactory) -> ExportReport:
    path = tmp_path_factory.mktemp("export") / "bundle"
    return export_bundle(packed, path, options=ExportOptions(size=SIZE, parity_frame_count=2))


@pytest.fixture(scope="module")
def bundle(report: ExportReport) -> Path:
    return report.path


def test_the_bundle_opens_and_says_what_it_is(bundle: Path, packed: PackedGenerator) -> None:
    manifest = open_bundle(bundle).manifest
    assert sorted(manifest.files) == ["generator.onnx", "generator.onnx.data", "parity.json"]
    assert (manifest.domain, manifest.prompt, manifest.base) == ("day2night", packed.card.prompt, "tiny")
    assert (manifest.frame.preferred, manifest.frame.free, manifest.frame.multiple) == (SIZE, False, 32)
    assert manifest.licences.base == "MIT"
    assert manifest.parity["max_abs"] <= 1
    assert manifest.made["torch"] == torch.__version__.split("+")[0] or manifest.made["torch"] == torch.__version__


def test_the_runtime_gives_what_the_generator_gives(bundle: Path, packed: PackedGenerator) -> None:
    frame = np.random.default_rng(1).integers(0, 256, (SIZE.height, SIZE.width, 3), dtype=np.uint8)
    module = FrameToFrame(packed.generator, packed.base.prompt_embedding(packed.card.prompt)).eval()
    with torch.no_grad():
        expected = module(torch.from_numpy(frame)[None])[0].numpy()
    with onestep.runtime.open(bundle) as session:
        difference = np.abs(session(frame).astype(int) - expected)
    assert difference.max() <= 1


def test_flops_agree_with_a_hand_count(packed: PackedGenerator) -> None:
    counts = flops_per_frame(packed.generator, SIZE)
    assert counts["total"] == sum(counts[part] for part in ("encoder", "unet", "decoder", "skips"))
    widths = zip(packed.generator.skips.config.in_channels, (16, 32, 64, 64), (1, 2, 4, 8), strict=True)
    pixels = SIZE.pixels
    assert counts["skips"] == sum(2 * c_in * c_out * pixels // reduction**2 for c_in, c_out, reduction in widths)


def test_sd_turbo_counts_agree_with_the_published_floor() -> None:
    from diffusers import AutoencoderKL, UNet2DConditionModel

    from onestep.training.architectures import SD_TURBO
    from onestep.training.generator import OneStep, OneStepGenerator
    from onestep.training.vae_skips import SkipConvolutions

    with torch.device("meta"):
        vae, unet = AutoencoderKL(**SD_TURBO.vae), UNet2DConditionModel(**SD_TURBO.unet)
        skips = SkipConvolutions.for_vae(vae)
    generator = OneStepGenerator(vae=vae, unet=unet, skips=skips, step=OneStep(timestep=999, alpha_bar=0.005))
    counts = {part: count / 1e12 for part, count in flops_per_frame(generator, FrameSize(512, 512)).items()}
    assert counts["encoder"] == pytest.approx(1.117, rel=0.01)
    assert counts["unet"] == pytest.approx(0.804, rel=0.01)
    assert counts["decoder"] == pytest.approx(2.515, rel=0.01)
    assert counts["total"] == pytest.approx(4.47, rel=0.01)


def test_an_existing_bundle_is_kept(bundle: Path, packed: PackedGenerator) -> None:
    before = (bundle / "manifest.json").read_bytes()
    with pytest.raises(OutputError, match=r"exists already.*--overwrite"):
        export_bundle(packed, bundle, options=ExportOptions(size=SIZE))
    assert (bundle / "manifest.json").read_bytes() == before


def test_the_command_sees_an_existing_bundle_before_it_loads_anything(bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"exists already.*--overwrite"):
        export(base=str(tmp_path), output=bundle)


def test_a_failed_proof_leaves_nothing(
    packed: PackedGenerator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(parity.LIMITS, "fp32", parity.Limits(level=1, share_over_level=-1.0, psnr_db=0.0))
    with pytest.raises(ParityError, match="Nothing was written"):
        export_bundle(packed, tmp_path / "b", options=ExportOptions(size=FrameSize(32, 32), parity_frame_count=1))
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_export_leaves_nothing(packed: PackedGenerator, tmp_path: Path) -> None:
    def interrupt(stage: str) -> None:
        if stage.startswith("proving"):
            raise KeyboardInterrupt

    options = ExportOptions(size=FrameSize(32, 32), parity_frame_count=1)
    with pytest.raises(KeyboardInterrupt):
        export_bundle(packed, tmp_path / "b", options=options, on_stage=interrupt)
    assert list(tmp_path.iterdir()) == []


def test_a_size_that_is_no_multiple_names_the_nearest(packed: PackedGenerator, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"multiples of 32 pixels, and 500x300 is not. Nearest: 480x288 or 512x320"):
        export_bundle(packed, tmp_path / "b", options=ExportOptions(size=FrameSize(500, 300)))


def test_an_unknown_precision_lists_the_known() -> None:
    with pytest.raises(UnknownNameError, match="Unknown precision 'fp8'.*Known: fp32, fp16"):
        ExportOptions(precision="fp8")


def test_a_bundle_of_that_name_is_said_before_anything_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys.modules["onestep.cli.export"], "loaded_generator", lambda choice: pytest.fail("loaded"))
    (tmp_path / "day2night-fp32.bundle").mkdir()
    (tmp_path / "day2night-fp32.bundle" / "manifest.json").touch()
    with pytest.raises(OutputError, match=r"^day2night-fp32\.bundle exists already"):
        export(domain="day2night")


def test_a_path_is_printed_as_it_is(report: ExportReport, capsys: pytest.CaptureFixture[str]) -> None:
    _print_report(replace(report, path=Path("night[v2]:car:.bundle")))
    assert capsys.readouterr().out.endswith("Bundle: night[v2]:car:.bundle\n")
