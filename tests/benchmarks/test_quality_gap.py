"""Gap closed, where the answer is known."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from bench.quality_gap import MIN_PICTURES, gap_closed, gap_figures
from numpy.typing import NDArray

from onestep.evaluation.results import PictureRef
from tests.evaluation.picture_samples import Picture, as_bytes, write_folder

Array = NDArray[np.float64]


def sample(count: int, mean: float, seed: int) -> Array:
    return np.random.default_rng(seed).normal(mean, 0.3, (count, 24))


def test_the_input_closes_nothing_and_pictures_like_the_photos_close_all() -> None:
    inputs, photos = sample(60, 0.0, 1), sample(80, 1.0, 2)
    assert gap_closed(inputs, inputs, photos) == 0.0
    assert gap_closed(sample(60, 1.0, 3), inputs, photos) == pytest.approx(1.0, abs=0.02)
    half_way, away = gap_closed(sample(60, 0.5, 4), inputs, photos), gap_closed(sample(60, -1.0, 5), inputs, photos)
    assert half_way is not None and 0.3 < half_way < 0.9
    assert away is not None and away < 0
    assert gap_closed(sample(60, 0.5, 4), inputs, photos) == half_way


def test_there_is_no_gap_to_close_where_inputs_are_like_the_photos() -> None:
    photos = sample(80, 1.0, 2)
    assert gap_closed(sample(60, 0.0, 1), photos, photos) is None
    for seed in range(5, 15):
        assert gap_closed(sample(60, 0.0, 1), sample(60, 1.0, seed), photos) is None, "what parts them is chance"


def test_folders_of_pictures_are_measured(tmp_path: Path) -> None:
    """Photos and results are draws of one soft texture, inputs are of a sharp one; a paler one is on the way."""
    names = tuple(f"s{number}" for number in range(MIN_PICTURES))
    outputs = {
        "copy-input": write_folder(tmp_path / "in", {name: texture(seed, 0.0) for seed, name in enumerate(names)}),
        "like": write_folder(tmp_path / "like", {name: texture(seed, 4.0) for seed, name in enumerate(names, 10)}),
        "between": write_folder(tmp_path / "mid", {name: texture(seed, 0.7) for seed, name in enumerate(names, 25)}),
    }
    photos = sorted(
        write_folder(tmp_path / "photos", {f"p{n}": texture(40 + n, 4.0) for n in range(MIN_PICTURES)}).iterdir()
    )
    pictures = [
        PictureRef(name, outputs["copy-input"], None, None, {row: at / f"{name}.png" for row, at in outputs.items()})
        for name in names
    ]
    found = {row: figures["gap_closed"] for row, figures in gap_figures(pictures, photos, quiet).items()}
    assert found["copy-input"].value == 0.0
    assert found["like"].value == pytest.approx(1.0, abs=0.05)
    assert found["between"].value is not None and 0.02 < found["between"].value < 0.9
    assert found["like"].count == MIN_PICTURES
    for few in ((pictures[1:], photos), (pictures, photos[1:])):
        figure = gap_figures(*few, quiet)["like"]["gap_closed"]
        reason = f"needs at least 8 pictures and as many photos, got {len(few[0])} and {len(few[1])}"
        assert (figure.value, figure.reason) == (None, reason)


def quiet(done: int, total: int | None) -> None:
    assert total is not None and done <= total


def texture(seed: int, sigma_px: float) -> Picture:
    """Return noise that was blurred and brought to a contrast."""
    noise = np.random.default_rng(seed).normal(0, 1, (64, 64, 3))
    soft = blurred_field(noise, sigma_px) if sigma_px else noise
    return as_bytes(128 + 40 * soft / soft.std())


def blurred_field(field: Array, sigma_px: float) -> Array:
    return np.asarray(cv2.GaussianBlur(field, (0, 0), sigma_px))
