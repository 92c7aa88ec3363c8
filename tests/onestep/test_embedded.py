"""What ships in the package: it opens, it is small, and it makes night of day."""

import zlib
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

import onestep.runtime
from onestep.bundle import open_bundle
from onestep.domains import DOMAINS, embedded_base, embedded_bundle, embedded_domains, embedded_generator
from onestep.errors import UnknownNameError
from onestep.exporter.export import ExportOptions, export_bundle
from onestep.frame_size import FrameSize
from onestep.scenes import Scene
from onestep.training.folder import load_generator
from onestep.training.students.load_any import load_any_generator

ASSETS = Path(str(files("onestep"))) / "assets"
LARGEST_BYTES = 25_000_000
"""Packed, as in the wheel."""
LARGEST_BYTES_UNPACKED = 25 * 2**20
SIZE = (512, 288)


@pytest.fixture(scope="module")
def pictures() -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Day, translated and true night of scenes that the training never saw."""
    rows = []
    with onestep.runtime.open(embedded_bundle("day2night"), size="512x288") as session:
        for seed in range(4):
            moment = Scene.random(seed).at(2.0, size=SIZE)
            day = moment.render("day")
            rows.append((day, session(day), moment.render("night")))
    return rows


def test_everything_embedded_is_small_enough_to_ship() -> None:
    contents = [path.read_bytes() for path in ASSETS.rglob("*") if path.is_file()]
    assert sum(map(len, contents)) <= LARGEST_BYTES_UNPACKED
    assert sum(len(zlib.compress(content)) for content in contents) <= LARGEST_BYTES


@pytest.mark.parametrize("name", embedded_domains())
def test_each_domain_has_its_parts_and_a_model_card(name: str) -> None:
    manifest = open_bundle(embedded_bundle(name)).manifest
    assert (manifest.domain, manifest.prompt, manifest.direction) == (
        name,
        DOMAINS[name].prompt,
        DOMAINS[name].direction,
    )
    assert manifest.base == "tiny-student"
    assert load_any_generator(embedded_generator(name)).card.domain == name
    assert (embedded_base() / "unet").is_dir()
    card = (ASSETS / f"{name}.md").read_text(encoding="utf-8")
    assert all(word in card for word in ("Data", "Licence", "Figures", "fails"))


def test_the_proof_that_ships_is_within_its_limits() -> None:
    parity = open_bundle(embedded_bundle("day2night")).manifest.parity
    assert parity["max_abs"] <= 1


def test_in_half_precision_no_byte_is_off_by_more_than_six(tmp_path: Path) -> None:
    """Tighter than what an export enforces, which has to let networks of random weights pass."""
    packed = load_generator(embedded_generator("day2night"))
    options = ExportOptions(precision="fp16", size=FrameSize(128, 96), parity_frame_count=8)
    figures = export_bundle(packed, tmp_path / "half", options=options).parity.graph_to_float32
    assert figures.max_abs <= 6
    assert figures.psnr_db >= 45


def test_it_is_night(pictures: list[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> None:
    sky = slice(0, SIZE[1] // 5)
    for day, translated, night in pictures:
        for part in (slice(None), sky):
            darkening, true_darkening = (day[part].mean() - after[part].mean() for after in (translated, night))
            assert darkening > 0.7 * true_darkening


def test_it_is_nearer_to_the_true_night_than_any_darkening(
    pictures: list[tuple[np.ndarray, np.ndarray, np.ndarray]],
) -> None:
    def error(a: np.ndarray, b: np.ndarray) -> float:
        return float(np.abs(a.astype(float) - b).mean())

    ours = np.mean([error(translated, night) for _, translated, night in pictures])
    shades = [np.mean([error(factor * day, night) for day, _, night in pictures]) for factor in np.linspace(0, 1, 21)]
    assert ours < 0.75 * min(shades)


def test_the_road_stays_where_it_was(pictures: list[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> None:
    """The strongest edges of the lower half are found again, up to the change of light."""
    for day, translated, _ in pictures:
        before, after = (np.abs(np.diff(p[SIZE[1] // 2 :].mean(axis=2), axis=1)) for p in (day, translated))
        strong = before > np.quantile(before, 0.97)
        assert after[strong].mean() > 3 * after[~strong].mean()


def test_an_unknown_domain_has_no_parts() -> None:
    with pytest.raises(UnknownNameError, match="Known: day2night"):
        embedded_bundle("day2day")
    with pytest.raises(UnknownNameError, match="Known: day2night"):
        embedded_generator("day2day")
