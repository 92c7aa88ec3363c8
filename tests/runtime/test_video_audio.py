"""The lane between demuxer and muxer is bounded, and keeps order."""

from fractions import Fraction
from typing import cast

import pytest
from av.audio.stream import AudioStream
from av.packet import Packet

from onestep.errors import InputError
from onestep.runtime.video.audio import AudioLane


def packet(number: int) -> "Packet[AudioStream]":
    made = cast("Packet[AudioStream]", Packet(bytes(1000)))
    made.time_base, made.pts, made.dts = Fraction(1, 10), number, number
    return made


def test_packets_leave_up_to_a_time() -> None:
    lane = AudioLane([])
    for number in range(10):
        lane.put(packet(number))
    assert [p.pts for p in lane.take(0.35)] == [0, 1, 2, 3]
    assert lane.take(0.35) == []
    assert [p.pts for p in lane.take(float("inf"))] == [4, 5, 6, 7, 8, 9]


def test_a_full_lane_is_an_error() -> None:
    lane = AudioLane([], limit_bytes=2500)
    lane.put(packet(0))
    lane.put(packet(1))
    with pytest.raises(InputError, match=r"ahead of the pictures.*the source is not interleaved.*--no-audio"):
        lane.put(packet(2))
    assert len(lane.take(0.0)) == 1
    lane.put(packet(2))
