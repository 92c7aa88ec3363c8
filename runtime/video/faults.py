"""What FFmpeg's errors mean to a user: the only place that looks at the classes of `av.error`.

Messages for the two ends, opening an input and writing an output, are built by `source` and `writer` from these words.
"""

import errno
from typing import Final

import av

AvFault = av.FFmpegError | OSError | ValueError
"""Whatever PyAV raises: its own tree, plus plain `ValueError` for codecs and formats that it refuses by name."""

AV_FAULTS: Final = (av.FFmpegError, OSError, ValueError)

_NO_ROOM: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def reason(fault: AvFault) -> str:
    """Say in a few words what an error of PyAV or of the system is about.

    Returns:
        A text without a full stop that can stand inside brackets, such as `No space left on device`.
    """
    text = getattr(fault, "strerror", None) or str(fault)
    return text.strip().rstrip(".")


def is_disk_full(fault: AvFault) -> bool:
    """Tell whether a write failed because no byte more fits: disk, quota or the process's file size limit."""
    return getattr(fault, "errno", None) in _NO_ROOM


def is_broken_pipe(fault: AvFault) -> bool:
    """Tell whether a write failed because the program at the other end of a pipe has ended."""
    return getattr(fault, "errno", None) == errno.EPIPE


def is_denied(fault: AvFault) -> bool:
    """Tell whether the system refused access."""
    return getattr(fault, "errno", None) in {errno.EACCES, errno.EPERM}
