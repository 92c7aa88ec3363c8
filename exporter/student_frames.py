"""A student from frame to frame, arranged so that hardly any pass over the picture only moves pixels.

The network's own form shuffles the head's channels into a picture, splits it into gain and shift, and turns colours
from the last axis to the second and back, which takes a processor longer than the stem does. Here two neighbouring
pixels of a row are channels of one, in the order in which the frame's bytes lie: `[1, 6, H, W / 2]`. Their way in and
out is one transposition of a matrix, and only rows are interleaved, which copies whole rows. The numbers are the same
but for rounding, which `parity` proves for each export.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from onestep.training.students.edges import StudentEdges
from onestep.training.students.generator import StudentGenerator
from onestep.training.students.network import COLOURS, GAIN_LIMIT, SHUFFLE, coordinates
from onestep.training.students.streaks import GRID, Streaks

_HALF_RANGE = 127.5


def translate_frame(generator: StudentGenerator, edges: StudentEdges, frame: Tensor) -> Tensor:
    """Translate one frame.

    Args:
        generator: In the precision that it shall compute in.
        edges: Of its student.
        frame: `[1, H, W, 3] uint8`, RGB, sides multiples of the generator's.

    Returns:
        The same, translated.
    """
    _, height, width, _ = frame.shape
    pairs = frame.reshape(1, height, width // SHUFFLE, SHUFFLE * COLOURS).permute(0, 3, 1, 2)
    shown = pairs.to(edges.stem.dtype) / _HALF_RANGE  # 0 to 2
    features = generator.student.features(_stem(generator, edges, shown - 1.0))
    change = _interleaved(F.conv2d(features, edges.head_weight, edges.head_bias, padding=1))
    gain, shift = change[:, :SHUFFLE, None], _split(change[:, SHUFFLE:], 1, (SHUFFLE, COLOURS))
    result = _split(shown, 1, (SHUFFLE, COLOURS)) * gain.clamp(0.0, GAIN_LIMIT) + shift
    if generator.streaks is not None:
        result = _with_streaks(generator.streaks, result, frame)
    levels = torch.round(result.flatten(1, 2).float() * _HALF_RANGE).clamp(0.0, 2.0 * _HALF_RANGE)
    return levels.to(torch.uint8).permute(0, 2, 3, 1).reshape(frame.shape)


def _stem(generator: StudentGenerator, edges: StudentEdges, pairs: Tensor) -> Tensor:
    """Convolve `[1, 6, H, W / 2]` in [-1, 1], and where each pixel is, with the stem's weights."""
    if generator.student.config.sees_place:
        pairs = torch.cat([pairs, *_places(pairs)], dim=1)
    return F.conv2d(pairs, edges.stem, generator.student.stem.bias, stride=(SHUFFLE, 1), padding=(2, 1))


def _places(pairs: Tensor) -> list[Tensor]:
    """Return how far right and how far down the left pixel of each pair is, then the right one: each [1, 1, H, W / 2].

    Made of one row and of one column, so that a graph of one size stores no more.
    """
    height, half_width = pairs.shape[2:]
    nothing, size = pairs.new_zeros(()), (1, 1, height, half_width)
    across = coordinates(nothing.expand(1, 1, 1, SHUFFLE * half_width))[:, :1]
    down = coordinates(nothing.expand(1, 1, height, 1))[:, 1:].expand(size)
    return [place for column in range(SHUFFLE) for place in (across[..., column::SHUFFLE].expand(size), down)]


def _interleaved(change: Tensor) -> Tensor:
    """Turn `[1, 16, H / 2, W / 2]`, upper rows first, into `[1, 8, H, W / 2]`."""
    return _split(change, 1, (SHUFFLE, -1)).permute(0, 2, 3, 1, 4).flatten(2, 3)


def _with_streaks(streaks: Streaks, result: Tensor, frame: Tensor) -> Tensor:
    """Lay rain over `[1, 2, 3, H, W / 2]`, black at 0 and white at 2; see `Streaks.forward`."""
    _, height, width, _ = frame.shape
    place = streaks.place(frame[:, ::GRID, ::GRID])
    columns = [torch.arange(column, width, SHUFFLE, device=frame.device) for column in range(SHUFFLE)]
    by_pairs = torch.stack([streaks.over(place, height, these) for these in columns])
    shown = result.clamp(0.0, 2.0) / 2.0
    rained: Tensor = (shown * shown + by_pairs).sqrt() * 2.0
    return rained


def _split(tensor: Tensor, axis: int, lengths: tuple[int, ...]) -> Tensor:
    """Make several axes of one; a length may be -1."""
    return tensor.reshape(*tensor.shape[:axis], *lengths, *tensor.shape[axis + 1 :])
