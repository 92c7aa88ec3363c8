"""How long a file says it is: finds recordings that were cut off, from the box and element sizes of MP4 and Matroska.

FFmpeg reads a cut file as far as it goes and then reports a plain end, so the difference has to be found here.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

_EBML_MAGIC: Final = b"\x1a\x45\xdf\xa3"
_SEGMENT_ID: Final = b"\x18\x53\x80\x67"


def missing_bytes(path: Path) -> int:
    """Count the bytes that a file announces and does not have.

    Returns:
        0 for a whole file, for a container other than MP4, MOV, Matroska and WebM, and for one that announces nothing.
    """
    with path.open("rb") as file:
        head = file.read(12)
        if head[4:8] == b"ftyp":
            end = max((end for _, end in _boxes(file)), default=0)
        elif head.startswith(_EBML_MAGIC):
            end = _segment_end(file)
        else:
            end = 0
    return max(0, end - path.stat().st_size)


def is_mp4_without_index(path: Path) -> bool:
    """Tell whether a file is an MP4 or MOV whose index (the moov box) is not there: a recording that was cut off."""
    with path.open("rb") as file:
        kinds = [kind for kind, _ in _boxes(file)]
    return kinds[:1] == [b"ftyp"] and b"moov" not in kinds


def _boxes(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Walk the top-level boxes of an MP4: kind and end offset as announced."""
    start = 0
    while True:
        file.seek(start)
        head = file.read(16)
        if len(head) < 8:
            return
        size, kind = struct.unpack(">I4s", head[:8])
        if size == 1 and len(head) == 16:
            size = struct.unpack(">Q", head[8:])[0]
        if size < 8:  # 0 runs to the end of the file, whatever that is; 2 to 7 cannot be
            yield kind, start
            return
        start += size
        yield kind, start


def _segment_end(file: BinaryIO) -> int:
    """Find where the segment of a Matroska file ends as announced; 0 where it announces nothing."""
    file.seek(len(_EBML_MAGIC))
    header_size = _ebml_size(file)
    if header_size is None:
        return 0
    file.seek(header_size, 1)
    if file.read(4) != _SEGMENT_ID:
        return 0
    size = _ebml_size(file)
    return 0 if size is None else file.tell() + size


def _ebml_size(file: BinaryIO) -> int | None:
    """Read one EBML size; `None` where it says that it is unknown."""
    first = file.read(1)
    if not first or first[0] == 0:
        return None
    length = 9 - first[0].bit_length()
    value = int.from_bytes(bytes([first[0] & (0xFF >> length)]) + file.read(length - 1), "big")
    unknown = (1 << (7 * length)) - 1
    return None if value == unknown else value
