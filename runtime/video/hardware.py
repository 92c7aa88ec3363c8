"""NVDEC and NVENC through PyAV: whether they are here, found by trying them on small pictures.

That the driver's libraries are installed says little: H100 and A100 have NVDEC and no NVENC, and a container without
the driver's `video` capability has neither. So each is opened once for a picture or two.

Frames pass through host memory: PyAV copies each decoded frame down from the GPU, and FFmpeg's encoder copies each one
up. Decoding into device memory, without that copy, is not done.

Not run on a GPU where it was written: what a machine without one answers is tested, the rest against stand-ins.
"""

from __future__ import annotations

import ctypes
from fractions import Fraction
from typing import Final, Literal

import av
from av.codec.hwaccel import HWAccel, hwdevices_available
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from onestep.runtime.video.faults import AV_FAULTS, reason

NVDEC: Final = "nvdec"
NVENC: Final = "nvenc"
SOFTWARE: Final = "software"
AUTO: Final = "auto"
DecoderName = Literal["auto", "software", "nvdec"]
EncoderName = Literal["auto", "software", "nvenc"]

DRIVER_LIBRARIES: Final = {NVDEC: "libnvcuvid.so.1", NVENC: "libnvidia-encode.so.1"}
"""What the NVIDIA driver installs for each."""

_DEVICE: Final = "cuda"
_TRIAL_SIZE: Final = (256, 144)
_TRIAL_ENCODER: Final = "libx264"


def cuda_decoding() -> HWAccel:
    """Return what makes PyAV decode on an NVIDIA GPU, where the stream's codec allows, and copy the frames down."""
    return HWAccel(_DEVICE, allow_software_fallback=True)


def is_set_up_on_gpu(context: VideoCodecContext) -> bool:
    """Tell, before the first frame, whether the GPU will be asked: PyAV has no hardware decoder for every codec."""
    return context.is_hwaccel


def is_decoded_by_gpu(context: VideoCodecContext) -> bool:
    """Tell, once a frame was decoded, whether the GPU did it: the decoder's format is then the device's."""
    return context.is_hwaccel and context.pix_fmt == _DEVICE


def why_no_nvdec() -> str | None:
    """Decode two small H.264 pictures with NVDEC; return one sentence on why that fails, None where it worked."""
    return _why_no_library(NVDEC) or _why_no_decoding()


def why_no_nvenc(
    encoder: str = "h264_nvenc", *, size: tuple[int, int] = _TRIAL_SIZE, pixel_format: str = "yuv420p"
) -> str | None:
    """Open an NVENC encoder; return one sentence on why that is impossible, None where it worked.

    Args:
        encoder: FFmpeg's name of it, such as `h264_nvenc`.
        size: Width and height of the pictures in pixels.
        pixel_format: FFmpeg's name of their format.
    """
    return _why_no_library(NVENC) or _why_no_encoding(encoder, size, pixel_format)


def _why_no_library(engine: str) -> str | None:
    if _DEVICE not in hwdevices_available():
        return f"PyAV {av.__version__} was built without CUDA"
    library = DRIVER_LIBRARIES[engine]
    try:
        ctypes.CDLL(library)
    except OSError:
        return f"the NVIDIA driver's {library} is not here"
    return None


def _why_no_decoding() -> str | None:
    try:
        context = av.CodecContext.create("h264", "r", hwaccel=HWAccel(_DEVICE, allow_software_fallback=False))
        frames = [frame for packet in (*_trial_packets(), None) for frame in context.decode(packet)]
    except AV_FAULTS as fault:
        return f"the GPU does not decode H.264 ({reason(fault)})"
    if not frames or not is_decoded_by_gpu(context):
        return "the GPU gave back no picture of an H.264 stream"
    return None


def _why_no_encoding(encoder: str, size: tuple[int, int], pixel_format: str) -> str | None:
    try:
        _opened_encoder(encoder, size, pixel_format)
    except AV_FAULTS as fault:
        return f"{encoder} does not open for {size[0]}x{size[1]} pictures ({reason(fault)})"
    return None


def _trial_packets() -> list[Packet[VideoStream]]:
    """Return two pictures as H.264, whatever they show."""
    encoder = _opened_encoder(_TRIAL_ENCODER, _TRIAL_SIZE, "yuv420p")
    pictures = [av.VideoFrame(*_TRIAL_SIZE, "yuv420p") for _ in range(2)]
    for pts, picture in enumerate(pictures):
        picture.pts = pts
    return [packet for picture in (*pictures, None) for packet in encoder.encode(picture)]


def _opened_encoder(name: str, size: tuple[int, int], pixel_format: str) -> VideoCodecContext:
    context = av.CodecContext.create(name, "w")
    assert isinstance(context, VideoCodecContext)
    context.width, context.height = size
    context.pix_fmt, context.time_base = pixel_format, Fraction(1, 25)
    context.open()
    return context
