"""NVDEC and NVENC: what a machine without them answers, and, on stand-ins, what becomes of one that has them."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import pytest

from onestep.cli.run_video import run_video
from onestep.errors import BackendError, SettingError, UnknownNameError
from onestep.runtime.video import decoder, encoder, hardware, hardware_encoder
from onestep.runtime.video.encoder import EncoderSettings
from onestep.runtime.video.hardware_encoder import settled_encoder
from onestep.runtime.video.reader import VideoReader
from onestep.runtime.video.source import open_source
from onestep.runtime.video.writer import VideoWriter
from tests.runtime.bundles import make_bundle
from tests.runtime.test_video_writer import GREY, INFO

MakeClip = Callable[..., Path]
SIZE = (64, 48)


@pytest.fixture
def no_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look for libraries that no driver installs."""
    monkeypatch.setattr(hardware, "DRIVER_LIBRARIES", {"nvdec": "libno-nvdec.so.1", "nvenc": "libno-nvenc.so.1"})


@pytest.fixture
def nvdec(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    """Return what makes NVDEC seem to be here; the software decoder works in its place, and is taken for it or not."""

    def here(decodes: bool) -> None:
        monkeypatch.setattr(decoder, "why_no_nvdec", lambda: None)
        monkeypatch.setattr(decoder, "is_decoded_by_gpu", lambda context: decodes)
        monkeypatch.setattr("onestep.runtime.video.reader.is_set_up_on_gpu", lambda context: decodes)
        monkeypatch.setattr("onestep.runtime.video.reader.open_source", _opened_in_software)

    return here


def _opened_in_software(source: Any, *, hwaccel: Any, pipe: Any) -> Any:
    assert pipe is None
    assert isinstance(hwaccel, av.codec.hwaccel.HWAccel)
    return open_source(source)


@pytest.fixture
def nvenc(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make NVENC seem to be here; MPEG-4 in software, which knows none of its options, works in its place."""
    stand_ins = {name: dataclasses.replace(codec, encoder="mpeg4") for name, codec in encoder._NVENC_CODECS.items()}
    monkeypatch.setattr(encoder, "_NVENC_CODECS", stand_ins)
    monkeypatch.setattr(hardware, "_why_no_library", lambda engine: None)


def test_without_the_drivers_libraries_each_is_named(no_driver: None) -> None:
    assert hardware.why_no_nvdec() == "the NVIDIA driver's libno-nvdec.so.1 is not here"
    assert hardware.why_no_nvenc() == "the NVIDIA driver's libno-nvenc.so.1 is not here"


def test_a_library_without_a_gpu_is_not_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """The trial itself fails, as on a GPU that has no such engine."""
    monkeypatch.setattr(hardware, "_DEVICE", "qsv")
    monkeypatch.setattr(hardware, "DRIVER_LIBRARIES", {"nvdec": "libc.so.6", "nvenc": "libc.so.6"})
    assert str(hardware.why_no_nvdec()).startswith("the GPU ")
    assert hardware.why_no_nvenc("libx264", size=(1, 1)) == (
        "libx264 does not open for 1x1 pictures (Generic error in an external library)"
    )


def test_a_build_of_pyav_without_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "hwdevices_available", lambda: ["vaapi"])
    assert hardware.why_no_nvdec() == f"PyAV {av.__version__} was built without CUDA"


def test_what_opens_and_decodes_is_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "_why_no_library", lambda engine: None)
    monkeypatch.setattr(hardware, "HWAccel", lambda *_, **__: None)
    assert hardware.why_no_nvenc("libx264") is None
    assert hardware.why_no_nvdec() == "the GPU gave back no picture of an H.264 stream", "software did it"
    monkeypatch.setattr(hardware, "is_decoded_by_gpu", lambda context: True)
    assert hardware.why_no_nvdec() is None


def test_insisting_on_what_is_not_here_says_what_was_found(
    no_driver: None, make_clip: MakeClip, tmp_path: Path
) -> None:
    with pytest.raises(
        BackendError, match=r"^NVDEC cannot be used here: the NVIDIA driver's libno-nvdec.* --decoder so"
    ):
        VideoReader(make_clip(), decoder="nvdec")
    with pytest.raises(
        BackendError, match=r"^NVENC cannot be used here: the NVIDIA driver's libno-nvenc.* --encoder so"
    ):
        VideoWriter(tmp_path / "out.mp4", INFO, settings=EncoderSettings(encoder="nvenc"))
    assert not list(tmp_path.glob("out*"))


def test_auto_takes_software_and_says_why(no_driver: None, make_clip: MakeClip, tmp_path: Path) -> None:
    with VideoReader(make_clip(frames=4), decoder="auto") as reader:
        assert len(list(reader)) == 4
        assert reader.decoder == decoder.DecoderUsed("software", "the NVIDIA driver's libno-nvdec.so.1 is not here")
    with VideoWriter(tmp_path / "out.mp4", INFO, settings=EncoderSettings(encoder="auto")) as writer:
        writer.write(GREY, pts=0)
        assert (writer.encoder, writer.settings.encoder, writer.settings.quality) == ("libx264", "software", 20)
        assert writer.nvenc_passed_over == "the NVIDIA driver's libno-nvenc.so.1 is not here"


def test_software_is_not_a_fallback_and_gives_no_reason(make_clip: MakeClip, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoder, "why_no_nvdec", lambda: pytest.fail("tried"))
    monkeypatch.setattr(hardware_encoder, "why_no_nvenc", lambda *_, **__: pytest.fail("tried"))
    with VideoReader(make_clip()) as reader:
        assert reader.decoder == decoder.DecoderUsed("software")
    assert settled_encoder(EncoderSettings(), "mp4", SIZE)[1] is None


@pytest.mark.parametrize("wanted", ["auto", "nvdec"])
def test_nvdec_is_used_where_it_decodes(nvdec: Callable[[bool], None], make_clip: MakeClip, wanted: Any) -> None:
    nvdec(True)
    with VideoReader(make_clip(frames=5), decoder=wanted, threads=4) as reader:
        assert len(list(reader)) == 5
        assert reader.decoder == decoder.DecoderUsed("nvdec")
        assert reader._stream.thread_count == 1


def test_a_stream_that_nvdec_does_not_decode(nvdec: Callable[[bool], None], make_clip: MakeClip) -> None:
    nvdec(False)
    clip = make_clip(frames=5, pixel_format="yuv444p")
    with VideoReader(clip, decoder="auto", threads=4) as reader:
        assert len(list(reader)) == 5
        assert reader._stream.thread_count == 4, "the processor decodes, with all of its threads"
        assert reader.decoder == decoder.DecoderUsed("software", "it does not decode h264, 64x48 yuv444p")
    with pytest.raises(
        BackendError, match=r"NVDEC is here, and it does not decode h264, 64x48 yuv444p, which .*clip\.mp4"
    ):
        VideoReader(clip, decoder="nvdec")


def test_nvenc_is_used_where_it_opens(nvenc: None, tmp_path: Path) -> None:
    for wanted in ("auto", "nvenc"):
        settings = EncoderSettings(encoder=wanted)
        with VideoWriter(tmp_path / "out.mp4", INFO, settings=settings, overwrite=True) as writer:
            for index in range(3):
                writer.write(GREY, pts=index * 512)
            assert (writer.encoder, writer.settings.encoder, writer.nvenc_passed_over) == ("mpeg4", "nvenc", None)
            assert (writer.settings.preset, writer.settings.quality) == ("p4", 20)
        with VideoReader(tmp_path / "out.mp4") as reader:
            assert len(list(reader)) == 3


def test_nvencs_options_are_its_own() -> None:
    settings = EncoderSettings(encoder="nvenc", codec="h265", quality=30, preset="p7").resolved("mp4")
    assert encoder.ffmpeg_encoder("h265", "nvenc") == "hevc_nvenc"
    assert encoder._encoder_options(settings) == {"cq": "30", "preset": "p7", "rc": "vbr", "bf": "0"}


def test_pictures_that_nvenc_does_not_take(nvenc: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "_opened_encoder", _refuse)
    settings, why_not = settled_encoder(EncoderSettings(encoder="auto"), "mp4", (16, 16))
    assert (settings.encoder, why_not) == ("software", "mpeg4 does not open for 16x16 pictures (too small)")
    with pytest.raises(
        BackendError, match=r"does not open for 16x16 pictures \(too small\). Encode with --encoder soft"
    ):
        settled_encoder(EncoderSettings(encoder="nvenc"), "mp4", (16, 16))


def _refuse(*_: Any) -> None:
    raise OSError("too small")


def test_auto_keeps_to_software_where_its_own_scales_were_used(nvenc: None) -> None:
    for given in ({"quality": 30}, {"preset": "fast"}):
        settings, why_not = settled_encoder(EncoderSettings(encoder="auto", **given), "mp4", SIZE)
        assert settings.encoder == "software"
        assert why_not == "quality and preset were given, on the software encoder's scales"
    settings, why_not = settled_encoder(EncoderSettings(encoder="auto"), "webm", SIZE)
    assert (settings.codec, settings.encoder, why_not) == ("vp9", "software", "NVENC writes h264 and h265, not vp9")


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"encoder": "nvenk"}, UnknownNameError, "Unknown encoder 'nvenk'. Did you mean 'nvenc'"),
        (
            {"encoder": "nvenc", "codec": "vp9"},
            SettingError,
            "NVENC writes h264 and h265, not vp9. Use --encoder software",
        ),
        ({"encoder": "nvenc", "codec": "h264", "quality": 0}, SettingError, r"Quality 0 .* Give 1 \(best\) to 51"),
        ({"encoder": "nvenc", "codec": "h264", "preset": "fast"}, UnknownNameError, "Unknown h264 preset 'fast'"),
    ],
)
def test_settings_that_nvenc_does_not_have(given: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        EncoderSettings(**given)


def test_nvenc_into_webm_is_refused(nvenc: None) -> None:
    with pytest.raises(SettingError, match="NVENC writes h264 and h265, not vp9"):
        settled_encoder(EncoderSettings(encoder="nvenc"), "webm", SIZE)


def test_an_unknown_decoder(make_clip: MakeClip) -> None:
    with pytest.raises(UnknownNameError, match="Unknown decoder 'cuvid'. Known: auto, software, nvdec"):
        VideoReader(make_clip(), decoder="cuvid")  # type: ignore[arg-type]


def test_the_command_reports_what_was_used(
    no_driver: None, make_clip: MakeClip, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle, output = make_bundle(tmp_path / "bundle"), str(tmp_path / "out.mp4")
    run_video(str(make_clip(frames=3)), output, bundle=bundle, as_json=True)
    shown = capsys.readouterr()
    report = json.loads(shown.out)
    assert (report["decoder"], report["encoder"]) == ("software", "libx264")
    assert "passed over nvdec: the NVIDIA driver's libno-nvdec.so.1 is not here" in shown.err
    assert report["passed_over"].keys() == {"nvdec", "nvenc"}
    run_video(str(make_clip(frames=3)), output, bundle=bundle, decoder="software", encoder="software", overwrite=True)
    shown = capsys.readouterr()
    assert "decoded by software, encoded by libx264" in shown.out
    assert "passed over nv" not in shown.err
    with pytest.raises(BackendError, match="NVDEC cannot be used here"):
        run_video(str(make_clip(frames=3)), output, bundle=bundle, decoder="nvdec", overwrite=True)
