"""Write a blind page: random sides and order, and nothing in it that says who made which picture."""

import hashlib
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Final

from onestep.evaluation.blind.key import Key, page_name, sealed
from onestep.evaluation.blind.pairs import Pair, content_hash, find_pairs
from onestep.evaluation.pages.markup import Markup, element
from onestep.evaluation.pages.page import resource, whole_page
from onestep.evaluation.pages.picture_data import picture_data
from onestep.runtime.text_file import write_whole

QUESTION: Final = "Which picture is better?"

_PACKAGE: Final = "onestep.evaluation.blind"
_SIDE_PX: Final = 1280
_QUALITY: Final = 92


def write_blind_page(
    folders: Mapping[str, Path],
    path: Path,
    *,
    seed: int,
    inputs: Path | None = None,
    question: str = QUESTION,
    overwrite: bool = False,
) -> Path:
    """Write one HTML file in which people choose between the pictures of two folders without knowing whose they are.

    Pictures of the same stem are a pair. The first folder is on the left in half of the pairs (one more or less where
    their number is odd), and which pairs these are, like their order, is drawn with `seed`. Everybody who opens one
    page sees the same sides and order; write pages with several seeds to vary them. All pictures are stored alike:
    WebP of quality 92, at most 1280 pixels.

    The page needs no other file and no network, remembers votes over a reload, and saves them as JSON for
    `onestep.evaluation.votes.read_votes`, with the sealed key that says who stood where.

    Args:
        folders: Two folders by the labels that the result shall have, such as `{"A": Path("a"), "B": Path("b")}`.
        path: File to write, ending in .html.
        seed: Draws sides and order.
        inputs: Folder of the pictures that both were made from, shown below the pair.
        question: Asked above each pair.
        overwrite: Replace an existing file.

    Returns:
        `path`.

    Raises:
        SettingError, InputError, MissingInputError: See `find_pairs`.
        OutputError: The file cannot be written.
    """
    pairs = find_pairs(folders, inputs)
    dice = random.Random(seed)
    dice.shuffle(pairs)
    key = Key(_labels(folders), _drawn_sides(pairs, dice), _material(_labels(folders), pairs))
    sealed_key = sealed(key, dice.randbytes(16))
    shown = [_shown(pair, first_is_left=key.first_is_left[pair.name]) for pair in pairs]
    data = {"page": page_name(sealed_key), "key": sealed_key, "question": question, "pairs": shown}
    body = Template(resource(_PACKAGE, "blind.html")).substitute(
        question=element("h1", question), count=len(pairs), source=_source_figure() if inputs else ""
    )
    text = whole_page("Blind comparison", Markup(body), data, package=_PACKAGE, name="blind")
    write_whole(path, text, overwrite=overwrite)
    return path


def _labels(folders: Mapping[str, Path]) -> tuple[str, str]:
    first, second = folders
    return first, second


def _drawn_sides(pairs: Sequence[Pair], dice: random.Random) -> dict[str, bool]:
    """Draw for each pair whether its first picture stands on the left, as often as not."""
    start = dice.randrange(2)
    sides = [(start + place) % 2 == 0 for place in range(len(pairs))]
    dice.shuffle(sides)
    return {pair.name: left for pair, left in zip(pairs, sides, strict=True)}


def _material(labels: tuple[str, str], pairs: Sequence[Pair]) -> str:
    """Return a hash of what is compared, which depends neither on the order nor on which folder was named first."""
    sides = sorted(zip(labels, ("first", "second"), strict=True))
    lines = [
        f"{label} {pair.name} {content_hash(getattr(pair, side))}"
        for pair in sorted(pairs, key=lambda pair: pair.name)
        for label, side in sides
    ]
    return hashlib.sha256("\n".join(lines).encode("utf-8")).hexdigest()


def _shown(pair: Pair, *, first_is_left: bool) -> dict[str, str]:
    left, right = (pair.first, pair.second) if first_is_left else (pair.second, pair.first)
    paths = {"left": left, "right": right} | ({"source": pair.source} if pair.source else {})
    uris = {side: picture_data(path, side_px=_SIDE_PX, quality=_QUALITY).uri for side, path in paths.items()}
    return {"name": pair.name, **uris}


def _source_figure() -> Markup:
    image = Markup('<img id="source" alt="The input of both pictures">')
    return element("figure", image, element("figcaption", "input of both"), class_="source")
