"""Which encoder writes a video: NVENC where it was asked for or is here, PyAV's own otherwise.

The way through a GPU was not run on one where it was written; see `hardware`.
"""

import dataclasses

from onestep.errors import BackendError, SettingError
from onestep.runtime.video.encoder import EncoderSettings, default_codec, ffmpeg_encoder, pixel_format_for
from onestep.runtime.video.hardware import AUTO, NVENC, SOFTWARE, why_no_nvenc


def settled_encoder(
    settings: EncoderSettings, container: str, size: tuple[int, int]
) -> tuple[EncoderSettings, str | None]:
    """Decide between NVENC and software by trying, and fill in the defaults.

    Args:
        settings: As the user gave them.
        container: FFmpeg's name of the container.
        size: Stored width and height of the pictures in pixels.

    Returns:
        Settings whose encoder is `nvenc` or `software`, and why `auto` passed NVENC over; None where it did not.

    Raises:
        BackendError: NVENC was insisted on and is not here, or does not take such pictures.
        SettingError: The settings do not go together.
    """
    if settings.encoder == SOFTWARE:
        return settings.resolved(container), None
    why_not = _why_no_nvenc(settings, container, size)
    if why_not is None:
        return dataclasses.replace(settings, encoder=NVENC).resolved(container), None
    if settings.encoder == NVENC:
        raise BackendError(f"NVENC cannot be used here: {why_not}. Encode with --encoder {SOFTWARE}, or {AUTO}.")
    return dataclasses.replace(settings, encoder=SOFTWARE).resolved(container), why_not


def _why_no_nvenc(settings: EncoderSettings, container: str, size: tuple[int, int]) -> str | None:
    codec = settings.codec or default_codec(container)
    is_insisted_on = settings.encoder == NVENC
    if not is_insisted_on and (settings.quality is not None or settings.preset is not None):
        return "quality and preset were given, on the software encoder's scales"
    try:
        encoder = ffmpeg_encoder(codec, NVENC)
    except SettingError as err:
        if is_insisted_on:
            raise
        return str(err).partition(". ")[0]
    return why_no_nvenc(encoder, size=size, pixel_format=pixel_format_for(codec, *size))
