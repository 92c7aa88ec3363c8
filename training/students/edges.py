"""A student's first and last convolution, sorted for frames of which two neighbouring pixels are channels of one.

Such a frame is `[1, 6, H, W / 2]`: the colours of the left pixel of each pair, then those of the right one, which is
how a frame's bytes lie. Weights are moved, not changed, so that they come back out of a graph exactly.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from onestep.training.students.network import COLOURS, SHUFFLE, StudentNetwork

STEM, HEAD_WEIGHT, HEAD_BIAS = "stem", "head_weight", "head_bias"


class StudentEdges(nn.Module):
    """The weights of the stem and of the head of a student.

    Attributes:
        stem: `[O, 2 C, 5, 3]`, for the colours of pairs and then for the coordinates, where the student sees its place.
        head_weight: `[16, I, 3, 3]`: for the upper and then for the lower row of each place, two gains, three shifts of
            the left pixel, three of the right one.
        head_bias: `[16]`.
    """

    def __init__(self, student: StudentNetwork) -> None:
        super().__init__()
        weight, bias = student.stem.weight.detach(), student.head.bias
        assert bias is not None
        parts = [_by_pairs(part) for part in (weight[:, :COLOURS], weight[:, COLOURS:]) if part.shape[1]]
        order = _head_order()
        self.stem = nn.Parameter(torch.cat(parts, dim=1), requires_grad=False)
        self.head_weight = nn.Parameter(student.head.weight.detach()[order], requires_grad=False)
        self.head_bias = nn.Parameter(bias.detach()[order], requires_grad=False)


def unsorted(edges: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights `stem.weight`, `head.weight` and `head.bias` of the student that `StudentEdges` sorted.

    Args:
        edges: Its parameters by name.

    Raises:
        KeyError: One is missing.
        RuntimeError: Their shapes are not such.
    """
    stem, back = edges[STEM], torch.argsort(_head_order())
    colours = SHUFFLE * COLOURS
    parts = [_by_columns(part) for part in (stem[:, :colours], stem[:, colours:]) if part.shape[1]]
    return {
        "stem.weight": torch.cat(parts, dim=1),
        "head.weight": edges[HEAD_WEIGHT][back],
        "head.bias": edges[HEAD_BIAS][back],
    }


def _by_pairs(weight: Tensor) -> Tensor:
    """Turn weights `[O, C, 5, 5]` for columns into `[O, 2 C, 5, 3]` for pairs of them, the last pair half used."""
    out, channels, rows, columns = weight.shape
    pairs = (columns + 1) // SHUFFLE
    wide = F.pad(weight, (0, pairs * SHUFFLE - columns)).reshape(out, channels, rows, pairs, SHUFFLE)
    return wide.permute(0, 4, 1, 2, 3).reshape(out, SHUFFLE * channels, rows, pairs)


def _by_columns(weight: Tensor) -> Tensor:
    """Undo `_by_pairs`."""
    out, channels, rows, pairs = weight.shape
    wide = weight.reshape(out, SHUFFLE, channels // SHUFFLE, rows, pairs).permute(0, 2, 3, 4, 1)
    return wide.reshape(out, channels // SHUFFLE, rows, SHUFFLE * pairs)[..., :-1].contiguous()


def _head_order() -> Tensor:
    """Say which of the head's channels, which are sorted by what they are, row and column, comes at which place."""
    channels = torch.arange((1 + COLOURS) * SHUFFLE**2).reshape(1 + COLOURS, SHUFFLE, SHUFFLE)
    gains, shifts = channels[0], channels[1:].permute(1, 2, 0).flatten(1)  # by row: [2, 2] and [2, 6]
    return torch.cat([gains, shifts], dim=1).flatten()
