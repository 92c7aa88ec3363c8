"""Folders of small pictures for the tests of training data."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIZE = (48, 32)
"""Width and height."""


def picture(seed: int, size: tuple[int, int] = SIZE) -> NDArray[np.uint8]:
    """Return a smooth random picture, `[H, W, 3]`: no two seeds look alike."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (5, 6, 3), dtype=np.uint8))
    return np.array(coarse.resize(size, Image.Resampling.BICUBIC))


def save(path: Path, seed: int, size: tuple[int, int] = SIZE) -> Path:
    """Write a random picture."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture(seed, size)).save(path)
    return path


def unpaired(
    folder: Path,
    *,
    a: int = 3,
    b: int = 4,
    test: int = 1,
    names: Sequence[str] = ("_A", "_B"),
    size: tuple[int, int] = SIZE,
) -> Path:
    """Make an unpaired folder with prompts; all pictures differ."""
    for side, (name, count) in enumerate(zip(names, (a, b), strict=True)):
        for split, number in (("train", count), ("test", test)):
            (folder / f"{split}{name}").mkdir(parents=True)
            for index in range(number):
                seed = 1000 * side + 100 * (split == "test") + index
                save(folder / f"{split}{name}" / f"{index}.png", seed, size)
    (folder / "fixed_prompt_a.txt").write_text("driving in the day\n")
    (folder / "fixed_prompt_b.txt").write_text("driving in the night\n")
    return folder


def paired(folder: Path, *, count: int = 3, test: int = 1) -> Path:
    """Make a paired folder of the reference's layout: B is A with its channels turned round."""
    for split, number in (("train", count), ("test", test)):
        captions = {}
        for index in range(number):
            name = f"{index}.png"
            rgb = picture(500 + 100 * (split == "test") + index)
            for side, pixels in (("A", rgb), ("B", rgb[:, :, ::-1])):
                (folder / f"{split}_{side}").mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels).save(folder / f"{split}_{side}" / name)
            captions[name] = f"picture {index}"
        (folder / f"{split}_prompts.json").write_text(json.dumps(captions))
    return folder


def controlnet(folder: Path, *, count: int = 3) -> Path:
    """Make a folder of ControlNet's layout."""
    rows = []
    for index in range(count):
        save(folder / "source" / f"{index}.png", index)
        save(folder / "target" / f"{index}.png", 100 + index)
        rows.append({"source": f"source/{index}.png", "target": f"target/{index}.png", "prompt": f"circle {index}"})
    (folder / "prompt.json").write_text("\n".join(map(json.dumps, rows)) + "\n")
    return folder


def bdd100k(folder: Path) -> Path:
    """Make a folder of BDD100K's layout, labels of `train` in one file and of `val` in one file per frame."""
    frames = [
        ("0a", "daytime", "clear"),
        ("1b", "daytime", "clear"),
        ("2c", "night", "clear"),
        ("3d", "night", "rainy"),
        ("4e", "night", "partly cloudy"),
        ("5f", "night", "clear"),
    ]
    labels = [
        {"name": f"{name}.jpg", "attributes": {"timeofday": time, "weather": weather, "scene": "highway"}}
        for name, time, weather in frames
    ]
    for split in ("train", "val"):
        for seed, label in enumerate(labels):
            save(folder / "images" / split / str(label["name"]), seed)
    (folder / "labels" / "val").mkdir(parents=True)
    (folder / "labels" / "bdd100k_labels_images_train.json").write_text(json.dumps(labels))
    for label in labels:
        name = str(label["name"]).removesuffix(".jpg")
        (folder / "labels" / "val" / f"{name}.json").write_text(json.dumps({**label, "name": name}))
    return folder
