"""The quality benchmark: what is asked, its material, and a small run of the embedded translation."""

import itertools
import json
import shutil
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from bench.quality_asked import asked_footage, bundles_by_domain
from bench.quality_gap import MIN_PICTURES
from bench.quality_material import SIZE, MaterialPlan, QualityMaterial, plan_for, render_material
from bench.quality_parts import parts_of
from bench.quality_places import like_footage, places_from_text, scenes_at
from quality import quality

from onestep.bundle import Bundle, open_bundle
from onestep.domains import embedded_bundle, embedded_domains
from onestep.errors import InputError, MissingInputError, OnestepError, SettingError, UnknownNameError
from onestep.frame_size import FrameSize
from onestep.runtime.pictures import read_picture, write_picture
from onestep.scenes import Scene
from tests.evaluation.picture_samples import noisy, rendered, write_folder
from tests.evaluation.video_samples import write_video

SMALL = MaterialPlan("day", "night", scenes=2, seconds=0.2, size=FrameSize(96, 64))


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> QualityMaterial:
    """Small pictures of day and night. Not to be changed."""
    return render_material(tmp_path_factory.mktemp("quality") / "material", SMALL)


def renamed(tmp_path: Path, domain: str) -> Path:
    """Return a copy of a bundle that says it is of another domain."""
    copy = shutil.copytree(embedded_bundle("day2night"), tmp_path / domain)
    manifest = json.loads((copy / "manifest.json").read_text())
    (copy / "manifest.json").write_text(json.dumps({**manifest, "domain": domain}))
    return copy


def domains_of(bundles: dict[str, Bundle]) -> dict[str, str]:
    return {name: opened.manifest.domain for name, opened in bundles.items()}


def test_a_bundle_is_measured_on_its_own_domain_alone() -> None:
    assert list(bundles_by_domain(None, None)) == embedded_domains()
    assert list(bundles_by_domain(["clear2foggy"], None)) == ["clear2foggy"]
    bundle = embedded_bundle("clear2rainy")
    assert domains_of(bundles_by_domain(None, bundle)) == {"clear2rainy": "clear2rainy"}
    assert list(bundles_by_domain(["clear2rainy"] * 2, bundle)) == ["clear2rainy"]


@pytest.mark.parametrize("named", [["day2night"], ["clear2rainy", "day2night"]])
def test_a_domain_that_contradicts_the_bundle_is_refused(named: list[str]) -> None:
    message = f"is for clear2rainy, and --domain says {', '.join(named)}. Leave --domain out"
    with pytest.raises(SettingError, match=message):
        bundles_by_domain(named, embedded_bundle("clear2rainy"))


def test_a_bundle_with_a_name_of_its_own_needs_a_domain(tmp_path: Path) -> None:
    own = renamed(tmp_path, "town-by-night")
    assert domains_of(bundles_by_domain(["day2night"], own)) == {"day2night": "town-by-night"}
    with pytest.raises(SettingError, match="is for town-by-night, which no scenes.* --domain: day2night,"):
        bundles_by_domain(None, own)


def test_truth_is_the_domains_own_or_another_condition() -> None:
    plan = plan_for("day2night", truth=None, scenes=4, seconds=1.0)
    assert (plan.source, plan.result, plan.size) == ("day", "night", SIZE)
    assert replace(plan, result="dark") == plan_for("day2night", truth="dark", scenes=4, seconds=1.0)
    with pytest.raises(UnknownNameError, match="Unknown condition 'dusk'.*murky"):
        plan_for("day2night", truth="dusk", scenes=4, seconds=1.0)
    with pytest.raises(SettingError, match="--truth day is what day2night starts from"):
        plan_for("day2night", truth="day", scenes=4, seconds=1.0)
    with pytest.raises(UnknownNameError, match="edge2image"):
        plan_for("edge2image", truth=None, scenes=2, seconds=0.2)


def test_photos_are_looked_at_before_anything_is_computed(tmp_path: Path) -> None:
    drive, few = flat_folder(tmp_path / "drive", 2), flat_folder(tmp_path / "few", MIN_PICTURES - 1)
    (few / "broken.png").write_bytes(b"no picture")
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "a.png").write_bytes(b"no picture")
    refused: list[tuple[str | None, Path | None, list[str], type[OnestepError], str]] = [
        (str(drive), few, ["day2night"], InputError, f"{MIN_PICTURES - 1} pictures.*needs at least {MIN_PICTURES}"),
        (str(drive), broken, ["day2night"], InputError, "--photos: none of 1 pictures can be read"),
        (str(drive), tmp_path / "nowhere", ["day2night"], MissingInputError, "no file or folder.*nowhere"),
        (None, few, ["day2night"], SettingError, "--photos .* needs --footage"),
        (str(drive), few, ["day2night", "clear2rainy"], SettingError, "--photos .* one condition.*--domain"),
        (str(tmp_path / "gone.mp4"), None, ["day2night"], MissingInputError, "gone.mp4"),
    ]
    for footage, photos, domains, error, message in refused:
        with pytest.raises(error, match=message):
            asked_footage(footage, photos, domains)
    assert asked_footage(None, None, ["day2night", "clear2rainy"]) is None


def test_photos_that_can_be_read_are_taken(tmp_path: Path) -> None:
    photos = flat_folder(tmp_path / "nights", MIN_PICTURES)
    (photos / "broken.png").write_bytes(b"no picture")
    asked = asked_footage(str(flat_folder(tmp_path / "drive", 2)), photos, ["day2night"])
    assert asked is not None
    assert [path.name for path in asked.readable_photos] == [f"p{index}.png" for index in range(MIN_PICTURES)]


def test_footage_is_held_against_rendered_places_like_its_own(tmp_path: Path) -> None:
    real = asked_footage(str(flat_folder(tmp_path / "drive", 2)), None, ["day2night", "clear2rainy"])
    assert real is not None and places_from_text("", real) == ()
    places = places_from_text(" highway,rural,highway", real)
    assert places == ("highway", "rural")
    held = like_footage(real, places, tmp_path / "like", condition="night", count=3)
    assert held.photos == tmp_path / "like"
    assert [path.name for path in held.readable_photos] == ["00000.png", "00001.png", "00002.png"]
    assert {scene.place for scene in itertools.islice(scenes_at(places), 12)} == {"highway", "rural"}
    assert {scene.place for scene in itertools.islice(scenes_at(("urban",)), 4)} == {"urban"}
    assert read_picture(held.readable_photos[0]).mean() < 80, "that is night"
    written = held.readable_photos[0].stat().st_mtime_ns
    again = like_footage(real, places, tmp_path / "like", condition="night", count=3)
    assert again.readable_photos[0].stat().st_mtime_ns == written
    with pytest.raises(SettingError, match="places was .* and is .*choose another -o"):
        like_footage(real, ("urban",), tmp_path / "like", condition="night", count=3)
    write_picture(held.readable_photos[0], np.zeros((288, 512, 3), np.uint8), overwrite=True)
    with pytest.raises(SettingError, match="like was rendered by another version of the scenes.*Remove it"):
        like_footage(real, places, tmp_path / "like", condition="night", count=3)


def test_places_that_make_no_sense_are_refused(tmp_path: Path) -> None:
    footage = str(flat_folder(tmp_path / "drive", 2))
    real, photos = asked_footage(footage, None, ["day2night"]), flat_folder(tmp_path / "nights", MIN_PICTURES)
    with pytest.raises(UnknownNameError, match="Unknown place 'higway'. Did you mean 'highway'"):
        places_from_text("rural,higway", real)
    with pytest.raises(SettingError, match="--places ',' names no place. Known: urban, suburb, rural, highway"):
        places_from_text(",", real)
    with pytest.raises(SettingError, match="--places rural needs --footage"):
        places_from_text("rural", None)
    with pytest.raises(SettingError, match="--places rural and --photos .* both say"):
        places_from_text("rural", asked_footage(footage, photos, ["day2night"]))


def test_material_is_rendered_whole_and_used_again(material: QualityMaterial) -> None:
    names = ["00000.png", "00001.png"]
    for folder in (material.inputs, material.truth, material.later_inputs, material.later_truth, material.targets):
        assert [path.name for path in sorted(folder.iterdir())] == names
    for folder in (material.gamma, material.oracle):
        assert [path.name for path in sorted(folder.iterdir())] == names
    later = Scene.random(1).at(1.74, size=SMALL.size).render("night")
    assert np.array_equal(read_picture(material.later_truth / "00001.png"), later)
    before = material.drive.stat().st_mtime_ns
    assert render_material(material.folder, SMALL) == material
    assert material.drive.stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        (replace(SMALL, scenes=3), "other pictures: scenes was 2 and is 3"),
        (replace(SMALL, seconds=0.4), "seconds was 0.2 and is 0.4"),
        (replace(SMALL, size=FrameSize(128, 64)), "size was '96x64' and is '128x64'"),
        (replace(SMALL, result="dark"), r"conditions was \['day', 'night'\] and is \['day', 'dark'\]"),
    ],
)
def test_material_of_another_plan_is_refused(material: QualityMaterial, plan: MaterialPlan, message: str) -> None:
    with pytest.raises(SettingError, match=f"{message}.*choose another -o"):
        render_material(material.folder, plan)


def test_material_of_unknown_make_or_of_older_scenes_is_refused(material: QualityMaterial, tmp_path: Path) -> None:
    (tmp_path / "unknown" / "inputs").mkdir(parents=True)
    with pytest.raises(SettingError, match="unknown does not say what it was rendered with.*Remove it"):
        render_material(tmp_path / "unknown", SMALL)
    older = shutil.copytree(material.folder, tmp_path / "older")
    write_picture(older / "truth" / "00000.png", np.zeros((64, 96, 3), np.uint8), overwrite=True)
    with pytest.raises(SettingError, match="older was rendered by another version of the scenes.*Remove it"):
        render_material(older, SMALL)
    (older / "plan.json").write_text("{")
    with pytest.raises(SettingError, match="plan.json cannot be read"):
        render_material(older, SMALL)


def test_footage_of_either_kind_is_darkened_to_the_photos(material: QualityMaterial, tmp_path: Path) -> None:
    beside = QualityMaterial(shutil.copytree(material.folder, tmp_path / "material"))
    photos = flat_folder(tmp_path / "photos", MIN_PICTURES)
    drive = tmp_path / "drive.mp4"
    write_video(drive, [np.full((64, 96, 3), 150, np.uint8)] * 3)
    for footage, name in ((str(flat_folder(tmp_path / "folder", 2, 150)), "gamma"), (str(drive), "gamma.mp4")):
        asked = asked_footage(footage, photos, ["day2night"])
        *_, part = parts_of(open_bundle(embedded_bundle("day2night")), beside, asked)
        assert (part.name, part.request.inputs, part.request.targets) == ("footage", footage, photos)
        assert part.request.outputs == (tmp_path / "footage-darkened" / name,)
    assert read_picture(tmp_path / "footage-darkened" / "gamma" / "p0.png").mean() == pytest.approx(40, abs=1)


def test_the_embedded_translation_is_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_video(tmp_path / "real.mp4", [rendered(60 + n, size=(96, 64)) for n in range(MIN_PICTURES)])
    photos = write_folder(tmp_path / "n", {f"n{n}": noisy(rendered(70, "night", (96, 64)), n) for n in range(8)})
    quality(tmp_path, domain=["day2night"], scenes=2, seconds=0.2, footage=str(tmp_path / "real.mp4"), photos=photos)
    folder = tmp_path / "day2night"
    text = (tmp_path / "quality.md").read_text()
    assert text == capsys.readouterr().out.split("\n", 2)[2].removesuffix("\n")
    rows = {line.split("|")[1].strip() for line in text.splitlines() if line.startswith("| ")}
    assert rows >= {"day2night", "gamma", "known-result", "copy-input", "reinhard", "reinhard-oracle", "truth"}
    assert "- `gap_closed`: (D(input, photos) - D(row, photos)) / D(input, photos)" in text

    known = figures(folder / "rendered", "st_lpips")
    assert known["day2night"] < known["copy-input"]
    ratio = figures(folder / "rendered", "st_lpips_over_transfer")
    assert ratio == {"day2night": pytest.approx(known["day2night"] / known["reinhard"])}
    steady = figures(folder / "rendered", "warp_error_known_flow")
    assert list(steady) == ["day2night", "copy-input", "reinhard", "truth"]
    assert 0 < steady["truth"] < 20
    assert "Not measured: needs at least 8 pictures and as many photos, got 2 and 2." in text
    over_truth = figures(folder / "rendered", "warp_error_over_truth")
    assert over_truth == {"day2night": pytest.approx(steady["day2night"] / steady["truth"])}

    assert set(figures(folder / "drive", "warp_error")) == {"day2night", "known-result", "gamma", "copy-input"}
    assert "gamma" in figures(folder / "footage", "warp_error")
    gaps = figures(folder / "footage", "gap_closed")
    assert set(gaps) == {"day2night", "gamma", "copy-input", "reinhard"}
    assert gaps["copy-input"] == 0.0

    found = json.loads((folder / "rendered" / "evaluation.json").read_text())
    assert all(Path(picture["outputs"]["day2night"]).is_file() for picture in found["pictures"])
    assert (folder / "rendered" / "sheet.png").is_file()
    with av.open(str(folder / "drive" / "side-by-side.mp4")) as clip:
        assert (clip.streams.video[0].width, clip.streams.video[0].height) == (2 * SIZE.width, SIZE.height)


def flat_folder(folder: Path, count: int, level: int = 40) -> Path:
    return write_folder(folder, {f"p{index}": np.full((48, 64, 3), level, np.uint8) for index in range(count)})


def figures(folder: Path, name: str) -> dict[str, float]:
    """Return a figure of all rows that have it, from a part's evaluation."""
    found = json.loads((folder / "evaluation.json").read_text())
    values = {row["name"]: row["figures"][name]["value"] for row in found["rows"] if name in row["figures"]}
    return {row: value for row, value in values.items() if value is not None}
