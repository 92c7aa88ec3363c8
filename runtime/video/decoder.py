"""Which decoder reads a video: NVDEC where it was asked for or is here, PyAV's own otherwise.

The way through a GPU was not run on one where it was written; see `hardware`.
"""

from dataclasses import dataclass
from typing import get_args

from av.codec.hwaccel import HWAccel
from av.video.codeccontext import VideoCodecContext

from onestep.errors import BackendError, UnknownNameError
from onestep.runtime.video.hardware import (
    AUTO,
    NVDEC,
    SOFTWARE,
    DecoderName,
    cuda_decoding,
    is_decoded_by_gpu,
    why_no_nvdec,
)


@dataclass(frozen=True)
class DecoderChoice:
    """How a source is to be opened, before anything is known of its streams."""

    wanted: DecoderName
    hwaccel: HWAccel | None
    """What `av.open` is given; None decodes in software."""
    passed_over: str | None = None
    """Why `auto` does not try NVDEC."""


@dataclass(frozen=True)
class DecoderUsed:
    """What decoded the first frame, and so all of them."""

    name: str
    """`nvdec` or `software`."""
    passed_over: str | None = None
    """Why `auto` did not take NVDEC; None where it did, and where software was asked for."""


def chosen_decoder(wanted: DecoderName) -> DecoderChoice:
    """Try what was asked for on this machine.

    Raises:
        BackendError: NVDEC was insisted on and is not here.
        UnknownNameError: There is no such decoder.
    """
    if wanted not in get_args(DecoderName):
        raise UnknownNameError("decoder", wanted, get_args(DecoderName))
    if wanted == SOFTWARE:
        return DecoderChoice(wanted, None)
    why_not = why_no_nvdec()
    if why_not is None:
        return DecoderChoice(wanted, cuda_decoding())
    if wanted == NVDEC:
        raise BackendError(f"NVDEC cannot be used here: {why_not}. Decode with --decoder {SOFTWARE}, or {AUTO}.")
    return DecoderChoice(wanted, None, why_not)


def used_decoder(choice: DecoderChoice, context: VideoCodecContext, source: str) -> DecoderUsed:
    """Say what decodes a stream, once its first frame was decoded.

    Args:
        choice: How its container was opened.
        context: The stream's decoder.
        source: Name of the source, for the message.

    Raises:
        BackendError: NVDEC was insisted on and does not decode this stream.
    """
    if choice.hwaccel is None:
        return DecoderUsed(SOFTWARE, choice.passed_over)
    if is_decoded_by_gpu(context):
        return DecoderUsed(NVDEC)
    why_not = f"it does not decode {context.name}, {context.width}x{context.height} {context.pix_fmt}"
    if choice.wanted == NVDEC:
        raise BackendError(
            f"NVDEC is here, and {why_not}, which {source} holds. Decode with --decoder {SOFTWARE}, or {AUTO}."
        )
    return DecoderUsed(SOFTWARE, why_not)
