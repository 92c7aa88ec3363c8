"""The pictures of a report: each is in the file once, however often it is shown."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from onestep.errors import InputError
from onestep.evaluation.pages.markup import Markup, element
from onestep.evaluation.pages.picture_data import PictureData, picture_data

SIDE_PX: Final = 800
"""Longest side of a picture in the report."""

_QUALITY: Final = 82


@dataclass
class PictureStore:
    """Collects the pictures that a page shows; the page's script puts them where they are named."""

    data: dict[str, str] = field(default_factory=dict)
    """Data URIs by the names that the `img` elements carry."""
    _pictures: dict[Path, "_Stored"] = field(default_factory=dict)

    def image(self, path: Path, alternative: str) -> Markup:
        """Return an `img` that shows the picture, or a box that says why it cannot be shown."""
        stored = self._stored(path)
        if stored.picture is None:
            return element("span", f"Cannot be shown: {stored.reason}", class_="unshown")
        return element(
            "img",
            alt=alternative,
            width=stored.picture.width_px,
            height=stored.picture.height_px,
            data_picture=stored.name,
            loading="lazy",
            decoding="async",
        )

    def size_px(self, path: Path) -> tuple[int, int] | None:
        """Return width and height of a picture as it is shown; None where it cannot be shown."""
        picture = self._stored(path).picture
        return (picture.width_px, picture.height_px) if picture else None

    def _stored(self, path: Path) -> "_Stored":
        if path not in self._pictures:
            stored = _read(path, name=f"p{len(self._pictures)}")
            self._pictures[path] = stored
            if stored.picture:
                self.data[stored.name] = stored.picture.uri
        return self._pictures[path]


@dataclass(frozen=True)
class _Stored:
    name: str
    picture: PictureData | None
    reason: str = ""


def _read(path: Path, *, name: str) -> _Stored:
    try:
        return _Stored(name, picture_data(path, side_px=SIDE_PX, quality=_QUALITY))
    except InputError as err:
        return _Stored(name, None, str(err))
