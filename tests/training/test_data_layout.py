"""Folders of training pictures: which layout they have, what is missing, what is broken."""

import json
from pathlib import Path

import pytest

from onestep.errors import InputError, MissingInputError, SettingError
from onestep.training.data import Bdd100k, PairedFolder, UnpairedFolder, recognise_layout
from onestep.training.data.bdd100k import read_specification
from tests.training.picture_folders import bdd100k, controlnet, paired, save, unpaired


def as_unpaired(folder: Path) -> UnpairedFolder:
    found = recognise_layout(folder)
    assert isinstance(found, UnpairedFolder)
    return found


def as_paired(folder: Path) -> PairedFolder:
    found = recognise_layout(folder)
    assert isinstance(found, PairedFolder)
    return found


@pytest.mark.parametrize("names", [("_A", "_B"), ("A", "B"), ("A", "_B")])
def test_both_spellings_of_the_reference(tmp_path: Path, names: tuple[str, str]) -> None:
    found = as_unpaired(unpaired(tmp_path, names=names))
    assert [path.name for path in found.train_a] == ["0.png", "1.png", "2.png"]
    assert (len(found.train_b), len(found.test_a), len(found.test_b)) == (4, 1, 1)
    assert found.prompt_a == "driving in the day"
    assert found.prompt_b == "driving in the night"


def test_suffixes_in_any_case_and_nothing_else(tmp_path: Path) -> None:
    folder = unpaired(tmp_path, test=0)
    for name in ("b.JPG", "c.Jpeg", "d.bmp", "e.GIF", "f.webp"):
        save(folder / "train_A" / name, seed=7)
    (folder / "train_A" / "notes.txt").write_text("no picture")
    save(folder / "train_A" / "below" / "g.png", seed=8)
    found = as_unpaired(folder)
    assert [path.name for path in found.train_a[3:]] == ["b.JPG", "c.Jpeg", "d.bmp", "e.GIF", "f.webp"]
    assert found.test_a == ()


def test_prompt_files_may_be_absent(tmp_path: Path) -> None:
    folder = unpaired(tmp_path)
    (folder / "fixed_prompt_a.txt").unlink()
    assert as_unpaired(folder).prompt_a is None


def test_paired_by_captions(tmp_path: Path) -> None:
    found = as_paired(paired(tmp_path))
    assert [pair.caption for pair in found.train] == ["picture 0", "picture 1", "picture 2"]
    assert found.train[1].source == tmp_path / "train_A" / "1.png"
    assert found.train[1].target == tmp_path / "train_B" / "1.png"
    assert len(found.test) == 1


def test_controlnet(tmp_path: Path) -> None:
    found = as_paired(controlnet(tmp_path))
    assert [pair.caption for pair in found.train] == ["circle 0", "circle 1", "circle 2"]
    assert found.train[2].target == tmp_path / "target" / "2.png"
    assert found.test == ()


def test_bdd100k_by_labels(tmp_path: Path) -> None:
    folder = bdd100k(tmp_path)
    found = Bdd100k(images=folder / "images", labels=folder / "labels").folder()
    assert [path.name for path in found.train_a] == ["0a.jpg", "1b.jpg"]
    assert [path.name for path in found.train_b] == ["2c.jpg", "5f.jpg"]
    assert [path.parent.name for path in found.test_b] == ["val", "val"]


def test_bdd100k_from_its_file(tmp_path: Path) -> None:
    (bdd100k(tmp_path) / "bdd100k.toml").write_text(
        'images = "images"\nlabels = "labels"\nprompt_b = "rain"\n'
        "b = 'timeofday=night weather=rainy|\"partly cloudy\" scene=highway'\n"
    )
    found = as_unpaired(tmp_path)
    assert [path.name for path in found.train_b] == ["3d.jpg", "4e.jpg"]
    assert found.prompt_b == "rain"
    assert found.prompt_a is None


def test_no_such_folder(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match="nowhere is not a folder"):
        recognise_layout(tmp_path / "nowhere")


def test_wrong_layout_says_what_is_there_and_what_is_known(tmp_path: Path) -> None:
    (tmp_path / "day").mkdir()
    with pytest.raises(InputError, match="(?s)No layout .* holds: day.*train_A/ train_B/.*source/ target/ prompt.json"):
        recognise_layout(tmp_path)


@pytest.mark.parametrize("side", ["A", "B"])
def test_a_missing_side_names_the_layout_that_was_recognised(tmp_path: Path, side: str) -> None:
    folder = unpaired(tmp_path)
    (folder / f"train_{side}").rename(folder / "elsewhere")
    with pytest.raises(InputError, match=rf"recognised as unpaired .*, and train_{side} \(or train{side}\) is missing"):
        recognise_layout(folder)


def test_both_spellings_at_once(tmp_path: Path) -> None:
    (unpaired(tmp_path) / "trainA").mkdir()
    with pytest.raises(InputError, match="holds both train_A and trainA"):
        recognise_layout(tmp_path)


def test_an_empty_side(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="train_B has no pictures in it.*side B"):
        recognise_layout(unpaired(tmp_path, b=0))


def test_one_picture(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Side A has 1 training picture, and each side needs 2 or more"):
        recognise_layout(unpaired(tmp_path, a=1))


def test_one_pair(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There is one training pair, and 2 or more are needed"):
        recognise_layout(paired(tmp_path, count=1))


@pytest.mark.parametrize("text", ["", "  \n\t\n"])
def test_a_prompt_file_without_text(tmp_path: Path, text: str) -> None:
    (unpaired(tmp_path) / "fixed_prompt_b.txt").write_text(text)
    with pytest.raises(InputError, match="fixed_prompt_b.txt has no text in it. Write one line"):
        recognise_layout(tmp_path)


def test_a_prompt_file_with_two_lines(tmp_path: Path) -> None:
    (unpaired(tmp_path) / "fixed_prompt_b.txt").write_text("one\ntwo\n")
    with pytest.raises(InputError, match="fixed_prompt_b.txt has 2 lines of text"):
        recognise_layout(tmp_path)


def test_a_prompt_file_that_is_no_text(tmp_path: Path) -> None:
    (unpaired(tmp_path) / "fixed_prompt_b.txt").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(InputError, match="fixed_prompt_b.txt cannot be read as UTF-8 text"):
        recognise_layout(tmp_path)


def test_captions_that_name_missing_files(tmp_path: Path) -> None:
    paired(tmp_path)
    (tmp_path / "train_B" / "1.png").unlink()
    with pytest.raises(InputError, match="train_prompts.json names a file that is not there: .*train_B/1.png"):
        recognise_layout(tmp_path)
    captions = {f"{index}.jpg": "x" for index in range(5)}
    (tmp_path / "train_prompts.json").write_text(json.dumps(captions))
    with pytest.raises(InputError, match=r"names 10 files that are not there: .*train_A/0.jpg, .*, \.\.\.\."):
        recognise_layout(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"0.png": "x",}', "train_prompts.json is broken JSON: .* at line 1, column"),
        ('["0.png"]', "must hold one JSON object of file names and captions"),
        ('{"0.png": 3}', "must hold one JSON object of file names and captions"),
        ("{}", "names no pictures"),
    ],
)
def test_captions_that_are_broken(tmp_path: Path, text: str, message: str) -> None:
    (paired(tmp_path) / "train_prompts.json").write_text(text)
    with pytest.raises(InputError, match=message):
        recognise_layout(tmp_path)


def test_captions_without_a_side(tmp_path: Path) -> None:
    (paired(tmp_path) / "test_B").rename(tmp_path / "elsewhere")
    with pytest.raises(InputError, match=r"recognised as paired .*, and test_B \(or testB\) is missing"):
        recognise_layout(tmp_path)


@pytest.mark.parametrize("part", ["source", "target", "prompt.json"])
def test_controlnet_with_a_part_missing(tmp_path: Path, part: str) -> None:
    (controlnet(tmp_path) / part).rename(tmp_path / "elsewhere")
    with pytest.raises(InputError, match=rf"recognised as paired \(ControlNet.*and {part} is missing"):
        recognise_layout(tmp_path)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"source": "source/0.png"', "Line 1 of .*prompt.json is broken JSON"),
        ('{"source": "source/0.png"}', "Entry 1 of .*prompt.json must be an object with the texts"),
        ('{"source": "../0.png", "target": "t", "prompt": "p"}', "names ../0.png, which lies outside"),
        ('{"source": "source/9.png", "target": "target/0.png", "prompt": "p"}', "not there: .*source/9.png"),
        ("", "prompt.json has no lines"),
    ],
)
def test_controlnet_with_a_broken_line(tmp_path: Path, line: str, message: str) -> None:
    (controlnet(tmp_path) / "prompt.json").write_text(line)
    with pytest.raises(InputError, match=message):
        recognise_layout(tmp_path)


def test_bdd100k_without_a_match_counts_what_there_is(tmp_path: Path) -> None:
    folder = bdd100k(tmp_path)
    chosen = Bdd100k(images=folder / "images", labels=folder / "labels", b="timeofday=nihgt")
    with pytest.raises(InputError, match=r"No frame of train .* fits 'timeofday=nihgt'.*timeofday=night \(4\)"):
        chosen.folder()


def test_bdd100k_without_a_match_to_test_on(tmp_path: Path) -> None:
    folder = bdd100k(tmp_path)
    for label in (folder / "labels" / "val").iterdir():
        label.unlink()
    found = Bdd100k(images=folder / "images", labels=folder / "labels").folder()
    assert (len(found.train_b), found.test_b) == (2, ())


@pytest.mark.parametrize("text", ["night", "timeofday=", "=night"])
def test_bdd100k_with_a_broken_condition(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingError, match="is not KEY=VALUE. Write such as: timeofday=night"):
        Bdd100k(images=tmp_path, labels=tmp_path, a=text)


def test_bdd100k_with_an_empty_condition(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="condition on BDD100K's labels is empty"):
        Bdd100k(images=tmp_path, labels=tmp_path, a=" ")


def test_bdd100k_with_an_open_quote(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="No closing quotation"):
        Bdd100k(images=tmp_path, labels=tmp_path, a='scene="city street')


def test_bdd100k_with_broken_labels(tmp_path: Path) -> None:
    folder = bdd100k(tmp_path)
    chosen = Bdd100k(images=folder / "images", labels=folder / "labels")
    labels = folder / "labels" / "bdd100k_labels_images_train.json"
    labels.write_text('[{"name": "0a", "attributes": {"timeofday": ["night"], "weather": "rainy"}}]')
    with pytest.raises(InputError, match=r"No frame .* fits 'timeofday=daytime.* The labels have: weather=rainy"):
        chosen.folder()
    labels.write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(InputError, match="cannot be read as UTF-8 text"):
        chosen.folder()


def test_bdd100k_with_missing_frames_or_labels(tmp_path: Path) -> None:
    folder = bdd100k(tmp_path)
    chosen = Bdd100k(images=folder / "images", labels=folder / "labels")
    (folder / "images" / "train" / "2c.jpg").unlink()
    with pytest.raises(InputError, match="names a file that is not there: .*2c.jpg"):
        chosen.folder()
    labels = folder / "labels" / "bdd100k_labels_images_train.json"
    (folder / "labels" / "det_train.json").write_text("[]")
    with pytest.raises(InputError, match="several labels of train: bdd100k_labels_images_train.json, det_train.json"):
        chosen.folder()
    (folder / "labels" / "det_train.json").unlink()
    labels.write_text('[{"name": "x.jpg"}]')
    with pytest.raises(InputError, match="has a frame without name or attributes"):
        chosen.folder()
    labels.write_text("[")
    with pytest.raises(InputError, match="images_train.json is broken JSON"):
        chosen.folder()
    labels.unlink()
    with pytest.raises(MissingInputError, match="no labels of train in .*: neither a folder train nor a file"):
        chosen.folder()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("images = ", "bdd100k.toml is broken TOML"),
        ('images = "x"', "must have the texts images and labels, and may have a, b, prompt_a, prompt_b"),
        ('images = "x"\nlabels = "y"\nweather = "clear"', "wrong: weather"),
        ('images = "x"\nlabels = "y"\na = 3', "wrong: a"),
    ],
)
def test_bdd100k_with_a_broken_file(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "bdd100k.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        read_specification(path)
