"""What students learn from: windows, rendered pairs, the sources of batches, and how inputs are spoilt."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from onestep.errors import OutputError
from onestep.frame_size import FrameSize
from onestep.scenes import Scene
from onestep.training.students import pairs, rendered_source
from onestep.training.students.degrade import compressed, maybe_another_camera, random_degradation
from onestep.training.students.done_file import read_done, write_done
from onestep.training.students.losses import warp
from onestep.training.students.pairs import render_pairs
from onestep.training.students.picture_source import PictureSource
from onestep.training.students.rendered_source import RenderedSource
from onestep.training.students.windows import Window

SIZE = FrameSize(64, 48)


def test_a_window_cuts_picture_and_flow_alike() -> None:
    """A point that the flow moves from one window stays the same point in the scaled and flipped one."""
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[20:28, 30:38] = 255
    flow = np.full((48, 64, 2), (4.0, 2.0), np.float16)
    window = Window(top=0, left=0, rows=48, columns=64, flipped=True, size=FrameSize(128, 96))
    earlier = window.image(np.roll(picture, (2, 4), (0, 1)))[None]
    warped, inside = warp(earlier, window.flow(flow)[None])
    difference = (warped - window.image(picture)[None]).abs() * inside
    assert float(difference.mean()) < 0.01


@pytest.mark.parametrize("seed", range(4))
def test_windows_of_half_the_side_show_as_much(seed: int) -> None:
    """Twice the scale, as far as the picture goes: what a road mirrors is in them, too."""
    picture, rng = FrameSize(512, 288), np.random.default_rng(seed)
    full = Window.random(picture, FrameSize(224, 288), rng, scales=(1.0, 1.3))
    half = Window.random(picture, FrameSize(128, 160), rng, scales=(2.0, 2.6))
    assert full.rows == half.rows == picture.height and half.columns > full.columns
    free = Window.random(picture, FrameSize(100, 50), rng, scales=(2.0, 2.6))
    assert 100 <= free.rows <= 130 and 200 <= free.columns <= 260


def test_rendered_pairs_are_rendered_once(tmp_path: Path) -> None:
    settings = {"count": 2, "size": SIZE, "conditions": ("day", "night"), "seed": 5, "processes": 1}
    told: list[int] = []
    first = render_pairs(tmp_path, **settings, on_pair=lambda done, total: told.append(done))  # type: ignore[arg-type]
    again = render_pairs(tmp_path, **settings, on_pair=lambda done, total: told.append(done))  # type: ignore[arg-type]
    assert told == [1, 2] and len(again) == 2
    assert first.frames["night"].shape == (2, 2, 48, 64, 3) and first.flow.shape == (2, 48, 64, 2)
    np.testing.assert_array_equal(first.frames["day"], again.frames["day"])
    untouched = (tmp_path / "day.npy").stat().st_mtime_ns
    more = render_pairs(tmp_path, **{**settings, "conditions": ("day", "wet")})  # type: ignore[arg-type]
    assert more.frames["wet"].shape == first.frames["day"].shape, "a condition more is rendered beside the others"
    assert (tmp_path / "day.npy").stat().st_mtime_ns == untouched
    with pytest.raises(OutputError, match=r"day\.npy holds an array of \(2, 2, 48, 64, 3\); 3 pairs of 64x48 make"):
        render_pairs(tmp_path, **{**settings, "count": 3})  # type: ignore[arg-type]
    with pytest.raises(OutputError, match=r"day\.npy.*: such pairs are rendered otherwise today.* Remove the folder"):
        render_pairs(tmp_path, **{**settings, "seed": 6})  # type: ignore[arg-type]


@pytest.mark.parametrize("index", [0, 2, 3])
def test_pairs_in_which_one_lamp_is_missing_are_refused(tmp_path: Path, index: int) -> None:
    """As after a change of the scenes; what a processor rounds otherwise is not refused."""
    ask = partial(render_pairs, tmp_path, count=4, size=SIZE, conditions=("day",), seed=5, processes=1)
    ask()
    kept = np.lib.format.open_memmap(tmp_path / "day.npy", mode="r+")
    kept[index] ^= 1
    ask()
    kept[index, 1, 8:16, 8:16] ^= 8
    with pytest.raises(OutputError, match="such pairs are rendered otherwise today"):
        ask()


def test_two_trainings_that_share_a_folder_render_it_once(tmp_path: Path) -> None:
    told: list[int] = []
    ask = partial(render_pairs, tmp_path, size=SIZE, conditions=("day",), seed=5, processes=1)
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: ask(count=6, on_pair=lambda done, total: told.append(done)), range(2))
    np.testing.assert_array_equal(first.frames["day"], second.frames["day"])
    assert told == [1, 2, 3, 4, 5, 6]


def test_who_waited_for_other_pairs_than_it_asked_for_is_told(tmp_path: Path) -> None:
    ask = partial(render_pairs, tmp_path, size=SIZE, conditions=("day",), seed=5, processes=1)
    with ThreadPoolExecutor(2) as pool:
        asked = [pool.submit(ask, count=count) for count in (3, 4)]
    errors = [one.exception() for one in asked]
    assert [type(error) for error in errors if error is not None] == [OutputError]
    assert any("pairs of 64x48 make" in str(error) for error in errors)


def test_every_second_scene_is_varied(tmp_path: Path) -> None:
    rendered = render_pairs(tmp_path, count=4, size=SIZE, conditions=("day",), seed=5, processes=1)
    for index, varied in ((0, True), (3, False)):
        scene = Scene.random(5 + index // 3)
        asked = scene.with_variety() if varied else scene
        np.testing.assert_array_equal(rendered.frames["day"][index, 0], asked.at(1.7, size=SIZE).render("day"))


def test_a_disk_without_room_is_said_before_rendering(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=10_000))
    with pytest.raises(OutputError, match="needs about 0.0 GB, and the disk has 0.0 GB free"):
        render_pairs(tmp_path / "pairs", count=1, size=SIZE, conditions=("day",), seed=5, processes=1)


@pytest.mark.parametrize("text", ['{"jo', "[]", '{"done": 3}', '{"job": {"a": 2}, "done": 3}', '{"job": {"a": 1}}'])
def test_a_damaged_or_foreign_state_is_nothing_done(tmp_path: Path, text: str) -> None:
    state = tmp_path / "state.json"
    assert read_done(state, job={"a": 1}) == 0
    write_done(state, 3, job={"a": 1})
    assert read_done(state, job={"a": 1}) == 3
    state.write_text(text, encoding="utf-8")
    assert read_done(state, job={"a": 1}) == 0


def test_rendering_that_was_cut_off_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {"count": 2, "size": FrameSize(16, 16), "conditions": ("day", "dark"), "seed": 5, "processes": 1}
    whole = render_pairs(tmp_path / "whole", **settings)  # type: ignore[arg-type]
    monkeypatch.setattr(pairs, "_SAVE_EVERY", 1)

    def cut(done: int, total: int | None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        render_pairs(tmp_path / "cut", **settings, on_pair=cut)  # type: ignore[arg-type]
    told: list[int] = []
    again = render_pairs(tmp_path / "cut", **settings, on_pair=lambda done, total: told.append(done))  # type: ignore[arg-type]
    assert told == [2], "the first pair was there"
    np.testing.assert_array_equal(again.frames["dark"], whole.frames["dark"])
    np.testing.assert_array_equal(again.flow, whole.flow)
    assert sorted(path.name for path in (tmp_path / "cut").iterdir()) == ["dark.npy", "day.npy", "flow.npy"]


def test_rendering_for_something_else_starts_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {"size": FrameSize(16, 16), "conditions": ("day", "dark"), "processes": 1}
    monkeypatch.setattr(pairs, "_SAVE_EVERY", 1)

    def cut(done: int, total: int | None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        render_pairs(tmp_path, **settings, count=2, seed=5, on_pair=cut)  # type: ignore[arg-type]
    told: list[int] = []
    render_pairs(tmp_path, **settings, count=2, seed=6, on_pair=lambda done, total: told.append(done))  # type: ignore[arg-type]
    assert told == [1, 2]


def test_sources_give_the_same_batch_for_the_same_seed(tmp_path: Path) -> None:
    pairs = render_pairs(tmp_path, count=1, size=SIZE, conditions=("day", "night"), seed=5, processes=1)
    source = RenderedSource(pairs, "day", "night", FrameSize(32, 16), 2)
    one, two = (source.batch(np.random.default_rng(3)) for _ in range(2))
    assert one.image.shape == (4, 3, 16, 32) and one.truth is not None and one.teacher is None
    assert one.flow is not None and one.flow.shape == (2, 16, 32, 2)
    torch.testing.assert_close(one.image, two.image)


@pytest.mark.parametrize(("target", "follows"), [("wet", True), ("murky", False)])
def test_another_camera_takes_the_result_too_where_the_scenes_own_camera_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str, follows: bool
) -> None:
    pairs = render_pairs(tmp_path, count=1, size=SIZE, conditions=("day", target), seed=5, processes=1)
    source = RenderedSource(pairs, "day", target, FrameSize(32, 16), 1)
    truths = []
    for light in (1.0, 0.5):
        monkeypatch.setattr(
            rendered_source, "maybe_another_camera", lambda image, seed, light=light, **_: image * light
        )
        truths.append(source.batch(np.random.default_rng(3)).truth)
    assert truths[0] is not None and truths[1] is not None
    torch.testing.assert_close(truths[1], truths[0] * (0.5 if follows else 1.0))


def test_pictures_move_by_a_shift_of_the_window() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (1, 48, 64, 3), dtype=np.uint8)
    batch = PictureSource(picture, picture, FrameSize(32, 16), 3).batch(np.random.default_rng(1))
    assert batch.teacher is not None and batch.flow is not None and batch.truth is None
    warped, inside = warp(batch.teacher[:3], batch.flow)
    assert float(((warped - batch.teacher[3:]).abs() * inside).mean()) < 0.12
    assert float((batch.teacher[:3] - batch.teacher[3:]).abs().mean()) > 0.3


def test_degradation_keeps_shape_and_range() -> None:
    image = torch.rand(3, 32, 48) * 2 - 1
    rng = np.random.default_rng(0)
    results = [random_degradation(image, rng) for _ in range(12)]
    assert all(result.shape == image.shape and float(result.abs().max()) <= 1.0 for result in results)
    assert len({float(result.sum()) for result in results}) > 6


def test_half_of_the_pictures_are_as_another_camera_shows_them() -> None:
    image = torch.rand(3, 16, 16) * 2.0 - 1.0
    kept = [torch.equal(maybe_another_camera(image, seed), image) for seed in range(200)]
    assert 70 < sum(kept) < 130
    changed = kept.index(False)
    assert torch.equal(maybe_another_camera(image, changed), maybe_another_camera(image, changed)), "both moments alike"


def test_another_camera_adds_no_noise() -> None:
    """Noise is a moment's own. Here it would be the same in both, and in the result that is asked for."""
    flat = torch.full((3, 64, 64), 0.2)
    for seed in range(40):
        seen = maybe_another_camera(flat, seed)
        assert float(seen.diff(dim=-1).abs().max()) < 0.02, "a vignette's slope alone"


@pytest.mark.parametrize(
    ("condition", "target", "middles"),
    [
        ("night", "bright", [0.15, 0.15]),  # one camera takes `bright`: no other one takes the result
        ("day", "wet", [0.5, 0.5, 0.5, 0.5]),
        ("day", "night", [0.5, 0.15, 0.5, 0.15]),
        ("night", "day", [0.15, 0.5, 0.15, 0.5]),
    ],
)
def test_another_cameras_contrast_turns_around_the_middle_of_the_condition(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, condition: str, target: str, middles: list[float]
) -> None:
    asked: list[float] = []

    def noted(image: torch.Tensor, seed: int, *, middle: float) -> torch.Tensor:
        asked.append(middle)
        return image

    monkeypatch.setattr(rendered_source, "maybe_another_camera", noted)
    pairs = render_pairs(tmp_path, count=1, size=SIZE, conditions=(condition, target), seed=5, processes=1)
    RenderedSource(pairs, condition, target, FrameSize(32, 16), 1).batch(np.random.default_rng(3))
    assert asked == middles


def test_a_dark_picture_becomes_black_around_the_days_middle_more_than_around_its_own() -> None:
    dark = torch.linspace(-1.0, -0.6, 64).expand(3, 64, 64)

    def black(middle: float) -> float:
        seen = [maybe_another_camera(dark, seed, middle=middle) for seed in range(60)]
        return float(torch.stack([(picture <= -1.0 + 1e-6).float().mean() for picture in seen]).mean())

    assert black(0.15) < 0.8 * black(0.5)


def test_compression_loses_more_at_lower_quality() -> None:
    image = torch.rand(3, 32, 48) * 2 - 1
    low, high = (float((compressed(image, quality) - image).abs().mean()) for quality in (20, 95))
    assert high < low
