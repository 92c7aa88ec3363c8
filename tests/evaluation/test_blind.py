"""Blind pages: what is refused, what is random, and what the page does not give away."""

from pathlib import Path

import numpy as np
import pytest

from onestep.errors import InputError, MissingInputError, OutputError, SettingError
from onestep.evaluation.blind import write_blind_page
from onestep.evaluation.blind.key import Key, opened, sealed
from onestep.runtime.pictures import write_picture
from tests.evaluation.blind_samples import bright_side, page_data, picture, two_folders


def test_folders_with_nothing_in_common(tmp_path: Path) -> None:
    picture(tmp_path / "a" / "x.png", 10)
    picture(tmp_path / "b" / "y.png", 10)
    message = r"have no picture in common\. Pairs need the same stem in both; found x \.\.\. in .*a, y \.\.\. in .*b"
    with pytest.raises(InputError, match=message):
        write_blind_page({"A": tmp_path / "a", "B": tmp_path / "b"}, tmp_path / "p.html", seed=0)


def test_one_pair_is_too_few(tmp_path: Path) -> None:
    folders = two_folders(tmp_path, 1)
    with pytest.raises(InputError, match="have one picture in common, frame 0. .* at least 2 pairs"):
        write_blind_page(folders, tmp_path / "p.html", seed=0)


def test_one_folder_twice(tmp_path: Path) -> None:
    folder = two_folders(tmp_path)["A"]
    with pytest.raises(SettingError, match="Both sides are the same folder"):
        write_blind_page({"A": folder, "B": tmp_path / "b" / ".." / "a"}, tmp_path / "p.html", seed=0)


def test_the_same_pictures_in_both(tmp_path: Path) -> None:
    folders = two_folders(tmp_path)
    for path in folders["A"].iterdir():
        (folders["B"] / path.name).write_bytes(path.read_bytes())
    with pytest.raises(InputError, match="All 6 pairs of .* hold the same pictures"):
        write_blind_page(folders, tmp_path / "p.html", seed=0)


def test_unreadable_pictures_are_listed(tmp_path: Path) -> None:
    folders = two_folders(tmp_path)
    (folders["A"] / "frame 1.png").write_bytes(b"no picture")
    (folders["B"] / "frame 4.png").write_bytes(b"")
    with pytest.raises(
        InputError, match="2 pairs cannot be read: .*frame 1.png is not a picture.*frame 4.png is empty"
    ):
        write_blind_page(folders, tmp_path / "p.html", seed=0)


def test_pairs_of_different_shape_are_listed(tmp_path: Path) -> None:
    folders = two_folders(tmp_path)
    picture(folders["B"] / "frame 2.png", 60, size=(48, 40))
    with pytest.raises(InputError, match=r"1 pairs differ in shape, .*: frame 2 \(48x32 and 48x40\)"):
        write_blind_page(folders, tmp_path / "p.html", seed=0)


def test_same_shape_in_another_size_is_a_pair(tmp_path: Path) -> None:
    folders = two_folders(tmp_path)
    picture(folders["B"] / "frame 2.png", 60, size=(96, 64))
    assert len(page_data(write_blind_page(folders, tmp_path / "p.html", seed=0))["pairs"]) == 6


def test_two_files_of_one_stem(tmp_path: Path) -> None:
    folders = two_folders(tmp_path)
    picture(folders["A"] / "frame 2.webp", 60)
    with pytest.raises(InputError, match="frame 2.png and frame 2.webp have the same name without their suffixes"):
        write_blind_page(folders, tmp_path / "p.html", seed=0)


@pytest.mark.parametrize("labels", [("A",), ("A", "B", "C")])
def test_not_two_folders(labels: tuple[str, ...], tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=f"takes two folders, got {len(labels)}"):
        write_blind_page(dict.fromkeys(labels, tmp_path), tmp_path / "p.html", seed=0)


def test_a_label_that_means_something_else(tmp_path: Path) -> None:
    folders = two_folders(tmp_path)
    with pytest.raises(SettingError, match="cannot be labelled 'tie'"):
        write_blind_page({"tie": folders["A"], "B": folders["B"]}, tmp_path / "p.html", seed=0)


def test_missing_folder_and_file_for_folder(tmp_path: Path) -> None:
    folders = two_folders(tmp_path)
    with pytest.raises(MissingInputError, match="There is no file or folder"):
        write_blind_page({"A": folders["A"], "B": tmp_path / "c"}, tmp_path / "p.html", seed=0)
    with pytest.raises(InputError, match="is a file. Give the folder"):
        write_blind_page({"A": folders["A"], "B": folders["B"] / "frame 1.png"}, tmp_path / "p.html", seed=0)


def test_inputs_must_be_there_for_every_pair(tmp_path: Path) -> None:
    folders = two_folders(tmp_path)
    picture(tmp_path / "inputs" / "frame 0.png", 100)
    with pytest.raises(InputError, match="has no input for frame 1; frame 2; .*frame 5. Add them"):
        write_blind_page(folders, tmp_path / "p.html", seed=0, inputs=tmp_path / "inputs")


def test_an_existing_page_is_kept(tmp_path: Path) -> None:
    folders = two_folders(tmp_path)
    page = write_blind_page(folders, tmp_path / "p.html", seed=0)
    before = page.read_bytes()
    with pytest.raises(OutputError, match="exists"):
        write_blind_page(folders, page, seed=1)
    assert page.read_bytes() == before
    write_blind_page(folders, page, seed=1, overwrite=True)
    assert page.read_bytes() != before


def test_one_seed_gives_one_page(tmp_path: Path) -> None:
    folders = two_folders(tmp_path)
    pages = [write_blind_page(folders, tmp_path / f"{i}.html", seed=seed) for i, seed in enumerate((7, 7, 8))]
    first, again, other = (page.read_bytes() for page in pages)
    assert first == again
    assert first != other


def test_each_folder_is_on_the_left_half_of_the_time_and_the_order_is_drawn(tmp_path: Path) -> None:
    folders = two_folders(tmp_path)
    orders, sides = set(), set()
    for seed in range(12):
        pairs = page_data(write_blind_page(folders, tmp_path / f"{seed}.html", seed=seed))["pairs"]
        left = [bright_side(pair) == "left" for pair in pairs]
        assert sum(left) == 3
        orders.add(tuple(pair["name"] for pair in pairs))
        sides.add(tuple(sorted(pair["name"] for pair, is_left in zip(pairs, left, strict=True) if is_left)))
    assert len(orders) > 8
    assert len(sides) > 4


def test_the_key_says_who_stands_where_and_the_page_does_not(tmp_path: Path) -> None:
    folders = two_folders(tmp_path)
    page = write_blind_page({"ours-v2": folders["A"], "theirs": folders["B"]}, tmp_path / "p.html", seed=3)
    data = page_data(page)
    key = opened(data["key"])
    assert key.labels == ("ours-v2", "theirs")
    assert {pair["name"]: bright_side(pair) == "left" for pair in data["pairs"]} == key.first_is_left
    text = page.read_text(encoding="utf-8")
    assert "ours-v2" not in text
    assert "theirs" not in text
    assert str(tmp_path) not in text


def test_a_changed_key_does_not_open() -> None:
    key = Key(("A", "B"), {"x": True}, "m")
    text = sealed(key, bytes(range(16)))
    assert opened(text) == key
    place = len(text) // 2
    changed = text[:place] + ("A" if text[place] != "A" else "B") + text[place + 1 :]
    for bad in (changed, text[:-8], "", "no key", "ä"):
        with pytest.raises(ValueError, match="damaged"):
            opened(bad)


def test_names_and_question_are_harmless(tmp_path: Path) -> None:
    nasty = "<b>&'\"x</script>".replace("/", "_")
    for label, level in (("a", 20), ("b", 90)):
        for number in range(2):
            picture(tmp_path / label / f"{nasty}{number}.png", level)
    page = write_blind_page(
        {"A": tmp_path / "a", "B": tmp_path / "b"}, tmp_path / "p.html", seed=0, question="<i>Which</i></script>?"
    )
    text = page.read_text(encoding="utf-8")
    assert "<b>&" not in text
    assert "<i>Which" not in text
    assert page_data(page)["question"] == "<i>Which</i></script>?"
    assert {pair["name"] for pair in page_data(page)["pairs"]} == {f"{nasty}0", f"{nasty}1"}


def test_both_sides_are_stored_alike(tmp_path: Path) -> None:
    for number in range(2):
        picture(tmp_path / "a" / f"{number}.jpg", 20)
        write_picture_of_noise(tmp_path / "b" / f"{number}.png")
    pairs = page_data(write_blind_page({"A": tmp_path / "a", "B": tmp_path / "b"}, tmp_path / "p.html", seed=0))[
        "pairs"
    ]
    assert all(pair[side].startswith("data:image/webp;") for pair in pairs for side in ("left", "right"))


def write_picture_of_noise(path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    write_picture(path, np.random.default_rng(0).integers(0, 255, (32, 48, 3), dtype=np.uint8))
