"""One time axis for a source whose clock starts again: a camera that was switched off, recordings put end to end."""

from __future__ import annotations

import logging
from fractions import Fraction
from typing import Final

from av.packet import Packet
from av.stream import Stream

_log = logging.getLogger(__name__)

_TOLERANCE: Final = Fraction(1, 2)
"""Seconds that a stream's decoding times may go back; muxers that store frames out of order stay far below."""


class Timeline:
    """Moves packets on, pictures and sound alike, from where the decoding times of a stream go back.

    Gaps are left as they are: a camera may well have recorded nothing. (FFmpeg's own tool closes them, too, from
    `dts_delta_threshold` on.)
    """

    def __init__(self, name: str) -> None:
        """Start an axis that is the source's own until its clock goes back.

        Args:
            name: The source, for the warning.
        """
        self._name = name
        self._moves = [Fraction(0)]
        self._parts: dict[int, int] = {}
        self._last: dict[int, tuple[Fraction, Fraction]] = {}

    def place(self, packet: Packet[Stream]) -> None:
        """Give a packet its time on the axis; packets come in the order they are stored."""
        base = packet.time_base
        if packet.dts is not None:
            self._follow(packet.stream_index, packet.dts * base, (packet.duration or 0) * base)
        move = self._moves[self._parts.get(packet.stream_index, 0)]
        if move and packet.dts is not None:
            packet.dts += round(move / base)
        if move and packet.pts is not None:
            packet.pts += round(move / base)

    def _follow(self, stream: int, stored: Fraction, duration: Fraction) -> None:
        """Note where a stream is; the others may still have packets of the part before, and follow when theirs end."""
        last, step = self._last.get(stream, (stored, Fraction(0)))
        if stored < last - _TOLERANCE:
            self._begin_part(stream, last + step, stored)
            self._last[stream] = stored, step
        elif stored >= last:
            self._last[stream] = stored, duration or stored - last

    def _begin_part(self, stream: int, end: Fraction, stored: Fraction) -> None:
        part = self._parts.get(stream, 0)
        if part == len(self._moves) - 1:
            self._moves.append(self._moves[part] + end - stored)
            _log.warning(
                "The clock of %s goes back by %.1f s. What follows is moved on, to %.1f s.",
                self._name,
                float(end - stored),
                float(self._moves[part] + end),
            )
        self._parts[stream] = len(self._moves) - 1
