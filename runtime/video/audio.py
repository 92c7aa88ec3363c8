"""Audio packets on their way from the demuxer to the muxer: copied as they are, never decoded.

The reader puts packets in on the decode thread; the writer takes them out on the encode thread, up to the time of the
frame that it writes, so the output stays interleaved. A lane holds what lies between: the few frames of the pipeline.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Final

from av.audio.stream import AudioStream
from av.bitstream import BitStreamFilterContext
from av.container import OutputContainer
from av.packet import Packet

from onestep.errors import InputError

_LIMIT_BYTES: Final = 256 * 1024 * 1024


class AudioLane:
    """Bounded queue of audio packets, safe between one putting and one taking thread. Neither side ever waits."""

    def __init__(self, streams: Sequence[AudioStream], *, limit_bytes: int = _LIMIT_BYTES) -> None:
        """Make an empty lane.

        Args:
            streams: The audio streams of the source that the packets belong to.
            limit_bytes: Most bytes of packets held; sound may go on after the pictures, and 256 MiB
                hold 20 minutes of uncompressed stereo, 4 hours of AAC.
        """
        self.streams = tuple(streams)
        self._limit_bytes = limit_bytes
        self._held_bytes = 0
        self._packets: deque[tuple[float, Packet[AudioStream]]] = deque()
        self._lock = threading.Lock()
        self._last_seconds = 0.0

    def put(self, packet: Packet[AudioStream]) -> None:
        """Add a packet, in demuxing order.

        Raises:
            InputError: The source stores so much audio ahead of its pictures that the lane is full.
        """
        with self._lock:
            if self._held_bytes + packet.size > self._limit_bytes:
                raise InputError(
                    f"The audio runs more than {self._limit_bytes >> 20} MiB ahead of the pictures, or goes on so long "
                    "after them: the source is not interleaved. Remux it (ffmpeg -i in -c copy -shortest out), or "
                    "leave the audio out with --no-audio."
                )
            stamp = packet.dts if packet.dts is not None else packet.pts
            if stamp is not None:
                self._last_seconds = float(stamp * packet.time_base)
            self._held_bytes += packet.size
            self._packets.append((self._last_seconds, packet))

    def take(self, until_seconds: float) -> list[Packet[AudioStream]]:
        """Take out the packets whose time is not after `until_seconds`; infinity takes all that are there."""
        taken = []
        with self._lock:
            while self._packets and self._packets[0][0] <= until_seconds:
                packet = self._packets.popleft()[1]
                self._held_bytes -= packet.size
                taken.append(packet)
        return taken


class AudioTracks:
    """Audio streams of an output, filled from a lane."""

    def __init__(self, container: OutputContainer, lane: AudioLane) -> None:
        """Add the lane's streams to an output that has not been started.

        Raises:
            ValueError: The container cannot hold one of them. Some containers say so only when they are started.
        """
        self._lane = lane
        self._tracks = {stream.index: container.add_stream_from_template(stream) for stream in lane.streams}
        # AAC of a transport stream carries its header in each packet; FFmpeg does not take it off for fragmented MP4.
        self._filters = {
            stream.index: BitStreamFilterContext("aac_adtstoasc", stream)
            for stream in lane.streams
            if stream.codec_context.name == "aac"
        }
        self._holds_negative_times = container.format.name not in {"matroska", "webm"}

    def packets(self, until_seconds: float) -> Iterator[Packet[AudioStream]]:
        """Take packets out of the lane, ready for the muxer.

        What lies before time 0 is an encoder's run-in that players skip; Matroska would shift the whole video for it.
        """
        for packet in self._lane.take(until_seconds):
            index = packet.stream_index
            if packet.pts is not None and packet.pts < 0 and not self._holds_negative_times:
                continue
            bit_filter = self._filters.get(index)
            for ready in bit_filter.filter(packet) if bit_filter else [packet]:
                ready.stream = self._tracks[index]
                yield ready
