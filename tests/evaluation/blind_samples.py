"""Two folders of pictures, and the votes of somebody who sees only what a page shows."""

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from onestep.runtime.pictures import write_picture

BRIGHT, DARK = 200, 60


def two_folders(folder: Path, count: int = 6) -> dict[str, Path]:
    """Return folders of bright pictures, labelled A, and of dark ones, labelled B."""
    for label, level in (("a", BRIGHT), ("b", DARK)):
        for number in range(count):
            picture(folder / label / f"frame {number}.png", level)
    return {"A": folder / "a", "B": folder / "b"}


def picture(path: Path, level: int, size: tuple[int, int] = (48, 32)) -> None:
    """Write a grey picture with a little noise of its own, so that no two files are equal."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(len(str(path)) + level).integers(0, 5, (size[1], size[0], 3))
    write_picture(path, (level + noise).astype(np.uint8), overwrite=True)


def page_data(page: Path) -> dict[str, Any]:
    """Return what a page's script reads."""
    text = page.read_text(encoding="utf-8")
    content = text.split('<script type="application/json" id="data">', 1)[1].split("</script>", 1)[0]
    data: dict[str, Any] = json.loads(content)
    return data


def is_bright(uri: str) -> bool:
    """Tell from a data URI whether the picture is one of folder A."""
    content = base64.b64decode(uri.split(",", 1)[1])
    return float(np.asarray(Image.open(io.BytesIO(content))).mean()) > (BRIGHT + DARK) / 2


def bright_side(pair: dict[str, str]) -> str:
    """Return on which side of a page's pair the picture of folder A stands."""
    return "left" if is_bright(pair["left"]) else "right"


def votes_of(page: Path, rater: str, choices: dict[str, str]) -> dict[str, Any]:
    """Return the votes file of a rater who chose `bright`, `dark` or `tie` by the pair's name."""
    data = page_data(page)
    other = {"left": "right", "right": "left"}
    sides = {pair["name"]: bright_side(pair) for pair in data["pairs"]}
    means = {name: {"bright": side, "dark": other[side], "tie": "tie"} for name, side in sides.items()}
    votes = [{"pair": name, "choice": means[name][choice]} for name, choice in choices.items()]
    head = {"format": "onestep-votes", "version": 1, "page": data["page"], "key": data["key"]}
    return {**head, "rater": rater, "question": data["question"], "saved": "2026-03-04T12:00:00Z", "votes": votes}


def saved_votes(path: Path, content: Any) -> Path:
    """Write a votes file and return its path."""
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path
