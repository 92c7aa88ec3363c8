"""The check of training data: each kind of trouble is found, once, at the right level, with the files it is about."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from onestep.errors import MissingInputError
from onestep.frame_size import FrameSize
from onestep.training.data import preparation
from onestep.training.data.check import check_data
from onestep.training.data.finding import DataReport, Finding
from onestep.training.data.look import Look, look_at
from onestep.training.data.near import looks_alike, near_pairs
from tests.training.picture_folders import bdd100k, controlnet, paired, picture, save, unpaired

EXPECTED_IN_SMALL_FOLDERS = {"few-pictures"}
LARGE = (192, 128)
"""Saving a smaller picture as JPEG changes more of it than a near duplicate may differ."""


def checked(folder: Path, how: str = "resize_32x24") -> DataReport:
    return check_data(folder, preparation=preparation(how))


def of(report: DataReport, check: str) -> Finding:
    found = [finding for finding in report.findings if finding.check == check]
    assert len(found) == 1, [finding.message for finding in report.findings]
    return found[0]


def checks(report: DataReport) -> set[str]:
    return {finding.check for finding in report.findings} - EXPECTED_IN_SMALL_FOLDERS


def names(finding: Finding) -> list[list[str]]:
    return [["/".join(path.parts[-2:]) for path in group] for group in finding.files]


@pytest.mark.parametrize("make", [unpaired, paired])
def test_sound_folders_have_nothing_to_mend(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    report = checked(make(tmp_path))
    assert checks(report) == set(), [finding.message for finding in report.findings]
    assert report.number_of("error") == 0
    assert report.counts["train A"] == 3


def test_few_pictures_are_a_warning(tmp_path: Path) -> None:
    finding = of(checked(unpaired(tmp_path)), "few-pictures")
    assert finding.level == "warning"
    assert "only 3 training pictures" in finding.message


def test_progress_counts_all_pictures(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    check_data(
        unpaired(tmp_path),
        preparation=preparation("resize_8"),
        on_progress=lambda done, total: told.append((done, total)),
    )
    assert told == [(done, 9) for done in range(1, 10)]


def test_unreadable_and_empty_files(tmp_path: Path) -> None:
    folder = unpaired(tmp_path)
    (folder / "train_A" / "empty.jpg").touch()
    whole = (folder / "train_B" / "0.png").read_bytes()
    (folder / "train_B" / "cut.png").write_bytes(whole[: len(whole) // 2])
    (folder / "train_B" / "text.png").write_text("no picture")
    report = checked(folder)
    assert names(of(report, "zero-byte")) == [["train_A/empty.jpg"]]
    assert "train A, empty files (0 bytes): 1 of 4." in of(report, "zero-byte").message
    assert names(of(report, "unreadable")) == [["train_B/cut.png"], ["train_B/text.png"]]
    assert report.number_of("error") == 2


def test_colour_modes(tmp_path: Path) -> None:
    folder = unpaired(tmp_path)
    rgb = Image.fromarray(picture(70))
    rgb.convert("L").save(folder / "train_A" / "grey.png")
    rgb.convert("RGBA").save(folder / "train_A" / "clear.png")
    Image.fromarray(picture(71)).quantize(16).save(folder / "train_B" / "palette.png")
    Image.fromarray(picture(72)).convert("CMYK").save(folder / "test_B" / "print.jpg")
    found = {f.message: names(f) for f in checked(folder).findings if f.check == "colour-mode"}
    assert found == {
        "train A, greyscale pictures: 1 of 5. They are converted to RGB.": [["train_A/grey.png"]],
        "train A, partly transparent pictures: 1 of 5. They are converted to RGB.": [["train_A/clear.png"]],
        "train B, palette pictures: 1 of 5. They are converted to RGB.": [["train_B/palette.png"]],
        "test B, CMYK pictures: 1 of 2. They are converted to RGB.": [["test_B/print.jpg"]],
    }


def test_pictures_below_the_crop(tmp_path: Path) -> None:
    folder = unpaired(tmp_path)
    save(folder / "train_A" / "small.png", 71, (40, 24))
    finding = of(checked(folder, "randomcrop_48x32"), "too-small")
    assert finding.level == "error"
    assert "below the crop of 48x32 that randomcrop_48x32 cuts: 1 of 4, such as one of 40x24" in finding.message
    assert names(finding) == [["train_A/small.png"]]


def test_pictures_that_are_scaled_up(tmp_path: Path) -> None:
    found = [f for f in checked(unpaired(tmp_path), "resize_64x48").findings if f.check == "scaled-up"]
    assert [f.level for f in found] == ["warning"] * 4
    assert "train A, pictures that are scaled up to 64x48: 3 of 3." in found[0].message


def test_sizes_that_differ(tmp_path: Path) -> None:
    folder = unpaired(tmp_path)
    save(folder / "train_A" / "wide.png", 71, (64, 32))
    finding = of(checked(folder, "no_resize"), "sizes-differ")
    assert "there are 2 sizes: 48x32 (9), 64x32 (1). A batch needs one size" in finding.message


def test_exact_duplicates_in_any_format(tmp_path: Path) -> None:
    folder = unpaired(tmp_path)
    Image.open(folder / "train_A" / "1.png").save(folder / "train_A" / "again.bmp")
    report = checked(folder)
    assert checks(report) == {"duplicates"}
    assert of(report, "duplicates").level == "warning"
    assert names(of(report, "duplicates")) == [["train_A/1.png", "train_A/again.bmp"]]


def test_near_duplicates(tmp_path: Path) -> None:
    folder = unpaired(tmp_path, size=LARGE)
    one = Image.open(folder / "train_A" / "1.png")
    one.save(folder / "train_A" / "again.jpg", quality=85)
    one.resize((288, 192), Image.Resampling.BICUBIC).save(folder / "train_A" / "larger.png")
    report = checked(folder)
    assert checks(report) == {"near-duplicates"}
    assert "train A, pictures that look nearly like another one: 3 of 5." in of(report, "near-duplicates").message


def test_flat_pictures_of_other_colours_are_no_near_duplicates() -> None:
    def look(level: int, seed: int) -> Look:
        thumbnail = np.full((16, 16, 3), level, np.uint8)
        return Look(Path(str(seed)), FrameSize(8, 8), "RGB", bytes([seed]), 0, thumbnail)

    looks = [look(level, seed) for seed, level in enumerate((0, 5, 40, 80, 84))]
    assert [(str(a.path), str(b.path)) for a, b in near_pairs(looks)] == [("0", "1"), ("3", "4")]


def test_random_pictures_do_not_look_alike(tmp_path: Path) -> None:
    looks = [look_at(save(tmp_path / f"{seed}.png", seed)) for seed in range(40)]
    assert all(isinstance(look, Look) for look in looks)
    known = [look for look in looks if isinstance(look, Look)]
    assert near_pairs(known) == []
    assert not looks_alike(known[0], known[1])


def test_leaks_from_test_into_training(tmp_path: Path) -> None:
    folder = unpaired(tmp_path, a=6, test=2, size=LARGE)
    (folder / "test_A" / "leak.png").write_bytes((folder / "train_A" / "2.png").read_bytes())
    Image.open(folder / "train_B" / "1.png").save(folder / "test_B" / "near.jpg", quality=85)
    report = checked(folder)
    assert checks(report) == {"leak", "near-leak"}
    leak, near = of(report, "leak"), of(report, "near-leak")
    assert (leak.level, near.level) == ("error", "warning")
    assert "Test pictures of A that are in training too: 1 of 3." in leak.message
    assert names(leak) == [["train_A/2.png", "test_A/leak.png"]]
    assert names(near) == [["train_B/1.png", "test_B/near.jpg"]]


def test_sides_that_are_the_same(tmp_path: Path) -> None:
    folder = unpaired(tmp_path, b=3, size=LARGE)
    for index in range(2):
        Image.open(folder / "train_A" / f"{index}.png").save(folder / "train_B" / f"{index}.jpg", quality=85)
    finding = of(checked(folder), "same-sides")
    assert finding.level == "error"
    assert "in train B too, or nearly so: 2 of 3. The sides are the same" in finding.message


def test_sides_that_share_a_picture(tmp_path: Path) -> None:
    folder = unpaired(tmp_path, a=8, b=8)
    (folder / "train_B" / "shared.png").write_bytes((folder / "train_A" / "0.png").read_bytes())
    assert of(checked(folder), "same-sides").level == "warning"


def test_pairs_whose_target_is_the_source(tmp_path: Path) -> None:
    folder = paired(tmp_path)
    for index in range(2):
        Image.open(folder / "train_A" / f"{index}.png").save(folder / "train_B" / f"{index}.png")
    finding = of(checked(folder), "same-sides")
    assert (finding.level, len(finding.files)) == ("error", 2)
    assert (
        "Pairs whose target is the source, or nearly so: 2 of 3. There is no translation to learn." in finding.message
    )


def test_a_few_pairs_whose_target_is_the_source_are_a_warning(tmp_path: Path) -> None:
    folder = paired(tmp_path)
    Image.open(folder / "train_A" / "0.png").save(folder / "train_B" / "0.png")
    finding = of(checked(folder), "same-sides")
    assert (finding.level, len(finding.files)) == ("warning", 1)
    assert "1 of 3. Take them out, unless" in finding.message


def test_pairs_of_two_aspects(tmp_path: Path) -> None:
    folder = paired(tmp_path)
    save(folder / "train_B" / "1.png", 1, (48, 48))
    save(folder / "train_B" / "2.png", 2, (95, 63))
    finding = of(checked(folder, "resized_crop_32x24"), "pair-sizes")
    assert finding.level == "error"
    assert names(finding) == [["train_A/1.png", "train_B/1.png"]]
    assert "1 of 4, such as 48x32 and 48x48" in finding.message
    squeezed = of(checked(folder, "resize_32x24"), "pair-sizes")
    assert squeezed.level == "warning" and names(squeezed) == names(finding)
    assert "resize_32x24 squeezes both to one size: they match only if one was" in squeezed.message


def test_pairs_of_two_sizes_are_an_error_where_nothing_scales(tmp_path: Path) -> None:
    """Training refuses them, too: a window of one would show another place than that of the other."""
    folder = paired(tmp_path)
    save(folder / "train_B" / "1.png", 1, (96, 64))
    finding = of(checked(folder, "randomcrop_16"), "pair-sizes")
    assert finding.level == "error"
    assert names(finding) == [["train_A/1.png", "train_B/1.png"]]
    assert "differ in size, which randomcrop_16 leaves so: 1 of 4, such as 48x32 and 96x64" in finding.message
    assert "pair-sizes" not in checks(checked(folder, "resize_32x24"))
    save(folder / "train_B" / "1.png", 1, (48, 32))
    save(folder / "test_B" / "0.png", 9, (96, 64))
    assert names(of(checked(folder, "randomcrop_16"), "pair-sizes")) == [["test_A/0.png", "test_B/0.png"]]


def test_missing_prompts_and_test_pictures(tmp_path: Path) -> None:
    folder = unpaired(tmp_path, test=0)
    (folder / "fixed_prompt_b.txt").unlink()
    report = checked(folder)
    assert checks(report) == {"prompts", "no-test"}
    assert "no prompt for side B, which the direction a2b is told by" in of(report, "prompts").message
    assert "no pictures for test A and test B" in of(report, "no-test").message
    assert report.number_of("error") == 0


def test_an_empty_prompt_file_is_an_error_and_pictures_are_checked_all_the_same(tmp_path: Path) -> None:
    folder = unpaired(tmp_path)
    (folder / "fixed_prompt_b.txt").write_text("")
    (folder / "train_A" / "empty.jpg").touch()
    report = checked(folder)
    assert report.layout is None
    assert "fixed_prompt_b.txt has no text in it" in of(report, "layout").message
    assert of(report, "zero-byte").level == "error"
    assert report.counts == {"train A": 4, "train B": 4, "test A": 1, "test B": 1}


def test_orphans_and_captions_without_text(tmp_path: Path) -> None:
    folder = paired(tmp_path)
    save(folder / "train_A" / "9.png", 77)
    captions = json.loads((folder / "train_prompts.json").read_text())
    (folder / "train_prompts.json").write_text(json.dumps({**captions, "0.png": " "}))
    report = checked(folder)
    assert checks(report) == {"orphans", "prompts"}
    assert names(of(report, "orphans")) == [["train_A/9.png"]]
    assert names(of(report, "prompts")) == [["train_B/0.png"]]


def test_orphans_in_controlnets_layout(tmp_path: Path) -> None:
    folder = controlnet(tmp_path)
    save(folder / "target" / "9.png", 77)
    report = checked(folder)
    assert checks(report) == {"orphans", "no-test"}
    assert report.layout == "paired (ControlNet: source, target, prompt.json)"


def test_files_that_are_passed_over(tmp_path: Path) -> None:
    folder = unpaired(tmp_path)
    (folder / "train_A" / "notes.txt").write_text("x")
    (folder / "train_A" / ".DS_Store").write_text("x")
    (folder / "train_A" / "more").mkdir()
    finding = of(checked(folder), "passed-over")
    assert names(finding) == [["train_A/more"], ["train_A/notes.txt"]]


def test_bdd100k(tmp_path: Path) -> None:
    (bdd100k(tmp_path) / "bdd100k.toml").write_text('images = "images"\nlabels = "labels"\n')
    report = checked(tmp_path)
    assert report.layout == "BDD100K by its labels"
    assert report.counts == {"train A": 2, "train B": 2, "test A": 2, "test B": 2}
    assert "leak" in checks(report), "the test's val is its train"


def test_errors_come_first_and_json_is_plain(tmp_path: Path) -> None:
    folder = unpaired(tmp_path, test=0)
    (folder / "train_A" / "empty.jpg").touch()
    report = checked(folder)
    assert [finding.level for finding in report.findings][:2] == ["error", "warning"]
    plain = json.loads(json.dumps(report.as_json()))
    assert plain["errors"] == 1
    assert plain["findings"][0]["files"] == [["train_A/empty.jpg"]]
    assert plain["pictures"]["train A"] == 4


def test_no_such_folder(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match="nowhere is not a folder"):
        checked(tmp_path / "nowhere")


def test_ten_pictures_a_side_are_enough(tmp_path: Path) -> None:
    report = checked(unpaired(tmp_path, a=10, b=10))
    assert report.number_of("error") == 0
