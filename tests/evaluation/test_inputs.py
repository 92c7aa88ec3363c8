"""Which pictures are taken: matching by name, and bad input in words."""

from pathlib import Path

import numpy as np
import pytest

from onestep.errors import InputError, MissingInputError, SettingError, UnknownNameError
from onestep.evaluation.inputs import is_video, matched, pictures_by_stem, readable, resized_to
from onestep.evaluation.request import Request
from onestep.evaluation.translators import translators_of
from onestep.frame_size import FrameSize
from tests.evaluation.picture_samples import blurred, rendered, write_folder


def silent(done: int, total: int | None) -> None:
    """Say nothing."""


def test_two_pictures_of_one_name_are_refused(tmp_path: Path) -> None:
    write_folder(tmp_path, {"a": rendered(1)})
    (tmp_path / "a.jpg").write_bytes(b"")
    with pytest.raises(InputError, match=r"--inputs: a\.jpg and a\.png have the same name without their suffixes"):
        pictures_by_stem(tmp_path, "--inputs")


def test_folders_with_nothing_in_common_are_refused_with_examples() -> None:
    with pytest.raises(InputError, match=r"--truth has nothing in common .* Inputs: a, b\. --truth: c\."):
        matched(["b", "a"], {"c": Path("c.png")}, "--truth", [])


def test_missing_counterparts_are_listed() -> None:
    notes: list[str] = []
    assert matched(["a", "b", "c"], {"b": Path("b.png")}, "--truth", notes) == {"b"}
    assert notes == ["--truth: no picture for 2 of 3 inputs: a, c."]


def test_unreadable_pictures_are_listed_and_all_of_them_refused(tmp_path: Path) -> None:
    write_folder(tmp_path, {"good": rendered(1)})
    (tmp_path / "bad.png").write_bytes(b"no picture")
    notes: list[str] = []
    files = {"bad": tmp_path / "bad.png", "good": tmp_path / "good.png"}
    assert readable(files, "--inputs", notes, silent) == {"good": FrameSize(256, 144)}
    assert len(notes) == 1
    assert "bad.png is not a picture" in notes[0]
    with pytest.raises(InputError, match="--inputs: none of 1 pictures can be read"):
        readable({"bad": files["bad"]}, "--inputs", [], silent)


def test_pictures_too_small_to_be_measured_are_listed(tmp_path: Path) -> None:
    write_folder(tmp_path, {"good": rendered(1), "low": rendered(1)[:23]})
    notes: list[str] = []
    files = {name: tmp_path / f"{name}.png" for name in ("good", "low")}
    assert readable(files, "--inputs", notes, silent, least_px=24) == {"good": FrameSize(256, 144)}
    assert len(notes) == 1
    assert "low.png is 256x23, and the measures need 24 pixels or more on each side" in notes[0]


def test_resizing_keeps_what_fits_and_averages_what_does_not() -> None:
    picture = blurred(rendered(1), 3)
    assert resized_to(picture, FrameSize(256, 144)) is picture
    half = resized_to(picture, FrameSize(128, 72))
    assert half.shape == (72, 128, 3)
    assert np.abs(half.astype(int) - picture[::2, ::2]).mean() < 3


def test_a_video_is_told_by_its_suffix(tmp_path: Path) -> None:
    for name in ("a.mp4", "a.png"):
        (tmp_path / name).write_bytes(b"x")
    assert is_video(str(tmp_path / "a.mp4"))
    assert not is_video(str(tmp_path / "a.png"))
    assert not is_video(str(tmp_path))


def test_a_request_without_anything_to_evaluate_is_refused() -> None:
    with pytest.raises(SettingError, match="There is nothing to evaluate: give a domain or a bundle"):
        Request(inputs="day")


def test_a_request_with_an_unknown_network_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="Unknown feature network 'vgg16'. Did you mean 'vgg16-st'"):
        Request(inputs="day", outputs=(Path("a"),), features="vgg16")


def test_rows_have_names_of_their_own(tmp_path: Path) -> None:
    folders = [tmp_path / "x" / "night", tmp_path / "y" / "night", tmp_path / "reinhard"]
    for folder in folders:
        folder.mkdir(parents=True)
    names = [translator.name for translator in translators_of(Request(inputs="day", outputs=tuple(folders)))]
    assert names == ["night", "night-2", "reinhard-2"]
    with pytest.raises(MissingInputError, match="There is no folder or video .*none"):
        translators_of(Request(inputs="day", outputs=(tmp_path / "none",)))
