"""Standard input for FFmpeg, whose wait for bytes can be ended from another thread."""

import os
import select
from typing import Final

_STDIN: Final = 0


class StandardInput:
    """What `av.open` reads from in the place of FFmpeg's own pipe, which waits for bytes whatever happens."""

    name: Final = "standard input"

    def __init__(self) -> None:
        self._woken, self._wake = os.pipe()

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes as soon as there are any; none at the end, and after `stop`."""
        ready, _, _ = select.select([_STDIN, self._woken], [], [])
        return b"" if self._woken in ready else os.read(_STDIN, size)

    def stop(self) -> None:
        """End the input for whoever reads or will read."""
        os.write(self._wake, b".")

    def close(self) -> None:
        """Free what waking takes; standard input itself stays open. Call it when nobody reads."""
        os.close(self._woken)
        os.close(self._wake)
