"""Checks of single pictures: whether they can be read, in which colours, how large."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from onestep.errors import InputError
from onestep.training.data.finding import Finding
from onestep.training.data.look import Look, Unreadable
from onestep.training.data.preparation import Preparation

_KINDS_BY_MODE: Final = {
    **dict.fromkeys(("1", "L", "I", "F", "I;16", "I;16L", "I;16B", "I;16N"), "greyscale"),
    **dict.fromkeys(("LA", "La", "RGBA", "RGBa", "PA"), "partly transparent"),
    "P": "palette",
}
"""What is neither here nor RGB, such as CMYK, goes by Pillow's name."""


def unreadable_pictures(side: str, seen: Sequence[Look | Unreadable]) -> Iterable[Finding]:
    """Yield an error for empty files and one for those that cannot be decoded."""
    broken = [picture for picture in seen if isinstance(picture, Unreadable)]
    for empty, check, what in (
        (True, "zero-byte", "empty files (0 bytes)"),
        (False, "unreadable", "pictures that cannot be read"),
    ):
        found = [picture for picture in broken if picture.empty is empty]
        if found:
            message = (
                f"{side}, {what}: {len(found)} of {len(seen)}. Copy them again or take them out. {found[0].reason}"
            )
            yield Finding("error", check, message, tuple((picture.path,) for picture in found))


def colour_modes(side: str, looks: Sequence[Look]) -> Iterable[Finding]:
    """Yield a warning for each kind of pictures that have to be converted to RGB."""
    kinds = {look.path: _KINDS_BY_MODE.get(look.mode, look.mode) for look in looks if look.mode != "RGB"}
    for kind, count in Counter(kinds.values()).items():
        message = f"{side}, {kind} pictures: {count} of {len(looks)}. They are converted to RGB."
        yield Finding("warning", "colour-mode", message, tuple((path,) for path, of in kinds.items() if of == kind))


def sizes(side: str, looks: Sequence[Look], preparation: Preparation) -> Iterable[Finding]:
    """Yield an error for pictures below the crop, and a warning for those that are scaled up."""
    small = [look for look in looks if _is_below_crop(look, preparation)]
    if small:
        message = (
            f"{side}, pictures below the crop of {preparation.crop} that {preparation.name} cuts: {len(small)} of "
            f"{len(looks)}, such as one of {small[0].size}. Take them out, or choose a smaller crop."
        )
        yield Finding("error", "too-small", message, tuple((look.path,) for look in small))
    target = preparation.scaled if preparation.crop is None else None
    enlarged = [
        look for look in looks if target and (look.size.width < target.width or look.size.height < target.height)
    ]
    if enlarged:
        message = f"{side}, pictures that are scaled up to {target}: {len(enlarged)} of {len(looks)}."
        yield Finding("warning", "scaled-up", message, tuple((look.path,) for look in enlarged))


def different_sizes(looks: Mapping[str, Sequence[Look]], preparation: Preparation) -> Iterable[Finding]:
    """Yield a warning if pictures keep their sizes and these differ."""
    counts = Counter(look.size for side in looks.values() for look in side)
    if preparation.size is None and len(counts) > 1:
        common = ", ".join(f"{size} ({count})" for size, count in counts.most_common(3))
        message = f"{preparation.name} leaves pictures as they are, and there are {len(counts)} sizes: {common}. "
        yield Finding("warning", "sizes-differ", message + "A batch needs one size: train with a batch size of 1.")


def _is_below_crop(look: Look, preparation: Preparation) -> bool:
    try:
        preparation.check_size(look.size, of=look.path)
    except InputError:
        return True
    return False
