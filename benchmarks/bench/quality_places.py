"""Rendered pictures of the places that real footage shows, where nobody has photos of its other condition.

A set of pictures is far from another that shows other things, whatever the light: a motorway by night is as far from a
town by night as from itself by day. So footage of motorways is held against rendered motorways.
"""

import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from bench.plan_file import check_first_picture, holds_plan, write_plan
from bench.quality_asked import Footage
from bench.quality_material import SIZE, VIEW_SECONDS
from onestep.atomic import whole_folder
from onestep.errors import SettingError, UnknownNameError
from onestep.runtime.pictures import find_pictures, write_picture
from onestep.scenes import Scene
from onestep.scenes.road import PLACES

_FIRST_SEED: Final = 70_000


def places_from_text(text: str, real: Footage | None) -> tuple[str, ...]:
    """Read what `--places` says.

    Args:
        text: Names with commas between them; none where it is empty.
        real: The footage that they are like.

    Raises:
        UnknownNameError: There is no such place.
        SettingError: There is no footage, or photos to hold it against.
    """
    places = tuple(sorted({name.strip() for name in text.split(",") if name.strip()}))
    if text and not places:
        raise SettingError(f"--places {text!r} names no place. Known: {', '.join(PLACES)}.")
    for place in places:
        if place not in PLACES:
            raise UnknownNameError("place", place, PLACES)
    if places and real is None:
        raise SettingError(f"--places {text} needs --footage: it says what places that shows.")
    if places and real is not None and real.photos is not None:
        raise SettingError(
            f"--places {text} and --photos {real.photos} both say what to hold footage against. Drop one."
        )
    return places


def like_footage(real: Footage, places: tuple[str, ...], folder: Path, *, condition: str, count: int) -> Footage:
    """Return the footage with rendered pictures of such places instead of photos; the folder appears whole or not.

    Args:
        real: The footage.
        places: Of `onestep.scenes`, at least one.
        folder: Where the pictures go, or lie already.
        condition: Under which they are rendered.
        count: How many, one of each scene.

    Raises:
        SettingError: The folder holds other pictures, or such of older scenes, or does not say how they were made.
        OutputError: It cannot be written.
    """
    plan = {"places": list(places), "condition": condition, "scenes": count, "size": str(SIZE), "seed": _FIRST_SEED}
    views = (scene.at(VIEW_SECONDS, size=SIZE).render(condition) for scene in scenes_at(places))
    if holds_plan(folder, plan):
        check_first_picture(folder, find_pictures(folder)[0], next(views))
    else:
        with whole_folder(folder, overwrite=False) as partial:
            for index, view in zip(range(count), views, strict=False):
                write_picture(partial / f"{index:05d}.png", view)
            write_plan(partial, plan)
    return replace(real, photos=folder, readable_photos=tuple(find_pictures(folder)))


def scenes_at(places: tuple[str, ...]) -> Iterator[Scene]:
    """Give scenes at such places without end; no training has seen them."""
    return (scene for seed in itertools.count(_FIRST_SEED) if (scene := Scene.random(seed)).place in places)
