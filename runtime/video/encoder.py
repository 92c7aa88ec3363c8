"""Encoders and containers: which go together, their quality and speed settings, and making the output stream.

Measured for H.264 on one core of a server CPU, 960x540 dash camera footage, crf 20 (CPU ms per frame, PSNR, size per
frame): ultrafast 2.3 ms, 46.2 dB, 138 kbit; superfast 5.5 ms, 46.0 dB, 103 kbit; superfast without B-frames 4.7 ms,
46.8 dB, 115 kbit; veryfast 10.8 ms, 44.6 dB, 65 kbit; fast 31 ms, 45.5 dB, 76 kbit. Superfast without B-frames is the
default: good pictures, little CPU beside a neural engine, and no delay from reordering.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import Final, get_args

from av.container import OutputContainer
from av.video.stream import VideoStream

from onestep.errors import SettingError, UnknownNameError
from onestep.runtime.video.colour import ColourTags
from onestep.runtime.video.hardware import EncoderName
from onestep.runtime.video.info import VideoInfo
from onestep.runtime.video.threads import codec_threads

CONTAINERS: Final = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm"}
"""File suffix to FFmpeg's name of the container."""

PIPE_CONTAINER: Final = "matroska"

_RATE_FOR_CONTROL: Final = Fraction(25)
_X264_PRESETS: Final = (
    "ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow",
)  # fmt: skip


@dataclass(frozen=True)
class _Codec:
    encoder: str
    containers: tuple[str, ...]
    quality: int
    highest_quality_number: int
    preset_option: str
    preset: str
    presets: tuple[str, ...]
    options: dict[str, str]
    needs_even_size: bool
    quality_option: str = "crf"
    best_quality_number: int = 0


_CODECS: Final = {
    "h264": _Codec(
        "libx264", ("mp4", "mov", "matroska"), 20, 51, "preset", "superfast", _X264_PRESETS, {"bf": "0"}, True
    ),
    "h265": _Codec(
        "libx265", ("mp4", "mov", "matroska"), 22, 51, "preset", "ultrafast", _X264_PRESETS, {"bf": "0"}, True
    ),
    "vp9": _Codec(
        "libvpx-vp9", ("webm", "mp4", "matroska"), 30, 63, "cpu-used", "8", tuple("012345678"),
        {"b:v": "0", "deadline": "realtime", "row-mt": "1"}, False,
    ),
}  # fmt: skip

_NVENC_CODECS: Final = {
    name: _Codec(
        encoder, ("mp4", "mov", "matroska"), quality, 51, "preset", "p4", tuple(f"p{speed}" for speed in range(1, 8)),
        {"rc": "vbr", "bf": "0"}, True, quality_option="cq", best_quality_number=1,  # 0 would mean that NVENC chooses
    )
    for name, encoder, quality in (("h264", "h264_nvenc", 20), ("h265", "hevc_nvenc", 22))
}  # fmt: skip
"""The same on NVENC, with its names of the options as FFmpeg documents them. Not run on a GPU where it was written."""

_CONTAINER_OPTIONS: Final = {
    # A fragment every two seconds keeps an unfinished file playable; finishing turns it into a plain MP4.
    name: {"movflags": "hybrid_fragmented+delay_moov", "frag_duration": "2000000"}
    for name in ("mp4", "mov")
}


@dataclass(frozen=True, kw_only=True)
class EncoderSettings:
    """How the output is compressed. `None` everywhere means the default of the codec or the container."""

    codec: str | None = None
    """`h264`, `h265` or `vp9`; by default vp9 in .webm and h264 elsewhere."""
    quality: int | None = None
    """Constant rate factor, lower is better: h264 0 to 51 (20), h265 0 to 51 (22), vp9 0 to 63 (30)."""
    preset: str | None = None
    """Speed: `ultrafast` to `veryslow` (h264 superfast, h265 ultrafast); vp9 `0` to `8` (8, the fastest)."""
    threads: int | None = None
    """Encoder threads; by default a share of the cores."""
    encoder: EncoderName = "software"
    """`auto` takes NVENC where it is here and neither quality nor preset is set, `nvenc` insists on it. Its quality is
    NVENC's constant quality, 1 to 51, and its preset `p1`, the fastest, to `p7` (p4)."""

    def __post_init__(self) -> None:
        if self.encoder not in get_args(EncoderName):
            raise UnknownNameError("encoder", self.encoder, get_args(EncoderName))
        if self.codec is None:
            return
        codec = _codec_named(self.codec, self.encoder)
        best, worst = codec.best_quality_number, codec.highest_quality_number
        if self.quality is not None and not best <= self.quality <= worst:
            raise SettingError(
                f"Quality {self.quality} is out of range for {self.codec}. Give {best} (best) to {worst}."
            )
        if self.preset is not None and self.preset not in codec.presets:
            raise UnknownNameError(f"{self.codec} preset", self.preset, codec.presets)

    def resolved(self, container: str) -> "EncoderSettings":
        """Fill in the defaults for a container. `auto` is settled before, by `hardware_encoder`.

        Raises:
            SettingError: The codec cannot be stored in the container, or a setting does not fit the codec.
        """
        name = self.codec or default_codec(container)
        codec = _codec_named(name, self.encoder)
        if container not in codec.containers:
            fitting = [suffix for suffix, known in CONTAINERS.items() if known in codec.containers]
            raise SettingError(f"{name} cannot be stored in {container}. Use one of: {', '.join(fitting)}.")
        return EncoderSettings(
            codec=name,
            quality=codec.quality if self.quality is None else self.quality,
            preset=self.preset or codec.preset,
            threads=codec_threads(self.threads),
            encoder=self.encoder,
        )


def default_codec(container: str) -> str:
    """Return the codec that a container gets where none is named."""
    return "vp9" if container == "webm" else "h264"


def ffmpeg_encoder(codec: str, encoder: EncoderName) -> str:
    """Return FFmpeg's name of an encoder, such as `libx264`.

    Raises:
        SettingError: NVENC does not write the codec, or there is no such codec (UnknownNameError).
    """
    return _codec_named(codec, encoder).encoder


def container_options(container: str) -> dict[str, str]:
    """Give the muxer's options for a container."""
    return dict(_CONTAINER_OPTIONS.get(container, {}))


def pixel_format_for(codec_name: str, width: int, height: int) -> str:
    """Choose the pixel format: yuv420p, which plays everywhere, or yuv444p where odd sizes do not fit into that.

    H.264 and H.265 store 4:2:0 only in even sizes. An odd-sized output keeps its exact size as 4:4:4, which software
    players show and some hardware decoders and browsers do not.
    """
    is_odd = width % 2 == 1 or height % 2 == 1
    return "yuv444p" if is_odd and _codec_named(codec_name).needs_even_size else "yuv420p"


def add_video_stream(
    container: OutputContainer, info: VideoInfo, tags: ColourTags, settings: EncoderSettings
) -> VideoStream:
    """Add the video stream of an output: size, time base, rate, colour tags, turn and pixel shape of the source.

    Args:
        container: Opened output.
        info: Shape of the source.
        tags: Colour tags of the output.
        settings: Resolved settings.
    """
    assert settings.codec is not None and settings.threads is not None
    width, height = info.stored_size
    stream = container.add_stream(
        ffmpeg_encoder(settings.codec, settings.encoder),
        rate=info.frame_rate or _RATE_FOR_CONTROL,
        options=_encoder_options(settings),
        width=width,
        height=height,
        pix_fmt=pixel_format_for(settings.codec, width, height),
        time_base=info.time_base,
    )
    assert isinstance(stream, VideoStream)
    context = stream.codec_context
    context.thread_count = settings.threads
    context.color_primaries, context.color_trc = tags.primaries, tags.transfer
    context.colorspace, context.color_range = tags.matrix, tags.range
    if info.sample_aspect_ratio is not None:
        context.sample_aspect_ratio = info.sample_aspect_ratio
    if info.orientation.matrix is not None:
        stream.set_display_matrix(info.orientation.matrix)
    if settings.codec == "h265" and container.format.name in {"mp4", "mov"}:
        context.codec_tag = "hvc1"  # the only tag that Apple's players take
    return stream


def _encoder_options(settings: EncoderSettings) -> dict[str, str]:
    assert settings.codec is not None
    codec = _codec_named(settings.codec, settings.encoder)
    options = {codec.quality_option: str(settings.quality), codec.preset_option: str(settings.preset), **codec.options}
    if codec.encoder == "libx265":
        options["x265-params"] = f"log-level=none:pools={settings.threads}"
    return options


def _codec_named(name: str, encoder: EncoderName = "software") -> _Codec:
    if name not in _CODECS:
        raise UnknownNameError("codec", name, _CODECS)
    if encoder != "nvenc":
        return _CODECS[name]
    if name not in _NVENC_CODECS:
        raise SettingError(
            f"NVENC writes {' and '.join(_NVENC_CODECS)}, not {name}. Use --encoder software for {name}."
        )
    return _NVENC_CODECS[name]
