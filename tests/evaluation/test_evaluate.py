"""A whole evaluation over folders of results, of bundles and of videos."""

import json
import math
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from onestep.bundle import open_bundle
from onestep.domains import embedded_bundle
from onestep.errors import InputError, SettingError
from onestep.evaluation.catalogue import MEASURES
from onestep.evaluation.evaluate import evaluate
from onestep.evaluation.kpi import Kpi
from onestep.evaluation.measures.edges import edges_kept
from onestep.evaluation.request import Request
from onestep.evaluation.results import Evaluation, Row, evaluation_as_json
from onestep.runtime.pictures import read_picture
from tests.evaluation.picture_samples import SEEDS, darkened, rendered, write_folder


@pytest.fixture(scope="module")
def measured(folders: Path, tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    """Return the evaluation of three folders of results, the truth among them."""
    request = Request(
        inputs=str(folders / "day"),
        outputs=(folders / "dark", folders / "murky", folders / "night"),
        truth=folders / "night",
        targets=folders / "targets",
        training_data=folders / "targets",
        title="three folders",
    )
    kpis = [Kpi("edges_kept", ">= 0.9"), Kpi("fid", "<= 100")]
    return evaluate(request, tmp_path_factory.mktemp("report"), kpis=kpis)


def row(evaluation: Evaluation, name: str) -> Row:
    return next(each for each in evaluation.rows if each.name == name)


def value(evaluation: Evaluation, name: str, figure: str) -> float:
    found = row(evaluation, name).figures[figure].value
    assert found is not None
    return found


def test_rows_are_the_translators_and_then_the_references(measured: Evaluation) -> None:
    assert [(each.name, each.kind) for each in measured.rows] == [
        ("dark", "translator"),
        ("murky", "translator"),
        ("night", "translator"),
        ("copy-input", "reference"),
        ("reinhard", "reference"),
        ("real-vs-real", "reference"),
    ]


def test_figures_are_the_means_of_their_pictures_with_intervals(measured: Evaluation, folders: Path) -> None:
    by_hand = [
        edges_kept(read_picture(folders / "day" / f"p{seed}.png"), read_picture(folders / "dark" / f"p{seed}.png"))
        for seed in SEEDS
    ]
    assert [picture.name for picture in measured.pictures] == [f"p{seed}" for seed in SEEDS]
    assert row(measured, "dark").per_picture["edges_kept"] == pytest.approx(by_hand)
    figure = row(measured, "dark").figures["edges_kept"]
    assert figure.value is not None
    assert figure.value == pytest.approx(np.mean(by_hand))
    assert figure.count == 4
    assert figure.low is not None
    assert figure.high is not None
    assert figure.low <= figure.value <= figure.high


def test_every_measure_says_what_is_better(measured: Evaluation) -> None:
    for name in ("edges_kept", "structure_ssim", "keypoints_kept", "psnr", "ssim"):
        assert value(measured, "dark", name) > value(measured, "murky", name)
    assert value(measured, "dark", "ciede2000") < value(measured, "copy-input", "ciede2000")
    assert value(measured, "reinhard", "st_lpips") < value(measured, "murky", "st_lpips")
    assert value(measured, "night", "psnr") == 100.0
    assert value(measured, "night", "ciede2000") == value(measured, "night", "st_lpips") == 0.0
    assert value(measured, "night", "colour_distance") < value(measured, "copy-input", "colour_distance") / 3
    assert value(measured, "reinhard", "colour_distance") < value(measured, "copy-input", "colour_distance") / 2
    assert value(measured, "night", "kid_efficientnet_lite0") < value(measured, "copy-input", "kid_efficientnet_lite0")


def test_a_copy_is_called_a_copy(measured: Evaluation) -> None:
    copies = row(measured, "copy-input").per_picture
    assert copies["change_ratio"] == [0.0] * 4
    assert copies["edges_kept"] == [1.0] * 4
    assert copies["st_lpips_to_input"] == [0.0] * 4
    assert value(measured, "night", "change_ratio") > 0.3


def test_the_floor_is_half_of_the_targets_against_the_other_half(measured: Evaluation) -> None:
    floor = row(measured, "real-vs-real")
    assert set(floor.figures) == {
        "colour_distance",
        "kid_efficientnet_lite0",
        "frechet_efficientnet_lite0",
        "nearest_training",
    }
    assert floor.figures["kid_efficientnet_lite0"].count == 3
    assert floor.figures["nearest_training"].value == pytest.approx(0, abs=1e-6)
    assert floor.per_picture == {}


def test_every_translator_has_every_figure_or_the_reason_why_not(measured: Evaluation) -> None:
    figures = row(measured, "dark").figures
    assert set(figures) == set(MEASURES)
    unmeasured = {name: figure.reason for name, figure in figures.items() if figure.value is None}
    assert unmeasured["fid"] == "needs FID's own network: --inception FILE"
    assert unmeasured["latency_p95_ms"] == "the results were made elsewhere (--outputs)"
    assert unmeasured["warp_error"] == "needs a video as --inputs"
    assert unmeasured["dino_structure"].startswith("needs the weights of a vision transformer")
    assert unmeasured["lpips"].startswith("its package is not usable here")
    assert all(unmeasured.values())
    assert not set(unmeasured) & {"edges_kept", "psnr", "kid_efficientnet_lite0", "nearest_training"}


def test_verdicts_judge_the_translators_and_fail_what_was_not_measured(measured: Evaluation) -> None:
    assert [(v.row, v.kpi, v.passed) for v in measured.verdicts] == [
        ("dark", "edges_kept", True),
        ("dark", "fid", False),
        ("murky", "edges_kept", False),
        ("murky", "fid", False),
        ("night", "edges_kept", False),
        ("night", "fid", False),
    ]
    assert measured.verdicts[1].reason == "not measured: needs FID's own network: --inception FILE"


def test_pictures_name_their_files_and_licences_are_said(measured: Evaluation, folders: Path) -> None:
    first = measured.pictures[0]
    assert first.source == folders / "day" / "p1.png"
    assert first.truth == folders / "night" / "p1.png"
    assert first.target == folders / "targets" / "p21.png"
    assert set(first.outputs) == {"dark", "murky", "night", "reinhard", "copy-input"}
    assert all(path.is_file() for path in first.outputs.values())
    assert measured.licences["efficientnet-lite0"] == "Apache-2.0"
    assert measured.licences["ST-LPIPS (AlexNet)"] == "BSD-2-Clause"
    assert any("nearest to a training picture" in note for note in measured.notes)


def test_the_json_holds_no_nan_and_no_paths(measured: Evaluation) -> None:
    with_nan = replace(measured.rows[0], per_picture={"edges_kept": [math.nan, 1.0]})
    text = json.dumps(evaluation_as_json(replace(measured, rows=[with_nan])), allow_nan=False)
    assert '"edges_kept": [null, 1.0]' in text


def one_measured(tmp_path: Path, folders: Path, **changes: Any) -> Evaluation:
    request = Request(inputs=str(folders / "day"), outputs=(folders / "dark",))
    return evaluate(replace(request, **changes), tmp_path)


def test_one_picture_has_figures_without_intervals_and_the_run_says_so(tmp_path: Path, folders: Path) -> None:
    found = one_measured(
        tmp_path, folders, inputs=str(folders / "day" / "p1.png"), targets=folders / "targets" / "p21.png"
    )
    figure = row(found, "dark").figures["edges_kept"]
    assert figure.count == 1
    assert figure.value is not None
    assert figure.low is None
    assert figure.reason == "too few pictures for an interval"
    kid = row(found, "dark").figures["kid_efficientnet_lite0"]
    assert kid.value is None
    assert kid.reason == "a distance of distributions needs 2 pictures on each side, got 1 and 1"
    assert any("Only one picture was measured" in note for note in found.notes)
    assert any("real-vs-real row needs at least 4" in note for note in found.notes)


def test_sizes_unreadable_and_missing_files_are_said(tmp_path: Path, folders: Path) -> None:
    odd = write_folder(tmp_path / "odd", {"p1": darkened(rendered(1), 0.25)[:72, :128], "p2": rendered(2)})
    (odd / "p3.png").write_bytes(b"no picture")
    truth = write_folder(tmp_path / "truth", {"p1": rendered(1, "night"), "x": rendered(2)})
    found = one_measured(tmp_path, folders, outputs=(odd,), truth=truth)
    assert [picture.name for picture in found.pictures] == ["p1", "p2"]
    notes = "\n".join(found.notes)
    assert "--outputs (odd): no picture for 1 of 4 inputs: p4." in notes
    assert "p3.png is not a picture" in notes
    assert re.search(r"1 of 2 pictures have another size .* first p1: 128x72 to 256x144", notes)
    assert "--truth: no picture for" in notes
    assert "the true pictures stand for the domain" in notes
    values = row(found, "odd").per_picture["psnr"]
    assert math.isfinite(values[0])
    assert math.isnan(values[1])
    assert row(found, "odd").figures["psnr"].count == 1


def test_a_picture_too_small_to_be_measured_is_left_out(tmp_path: Path, folders: Path) -> None:
    day = write_folder(tmp_path / "mixed", {"p1": rendered(1), "p2": rendered(2)[:20], "p3": rendered(3)})
    found = one_measured(tmp_path, folders, inputs=str(day))
    assert [picture.name for picture in found.pictures] == ["p1", "p3"]
    assert any("p2.png is 256x20, and the measures need 24 pixels" in note for note in found.notes)


def test_folders_that_go_with_each_other_in_nothing_are_refused(tmp_path: Path, folders: Path) -> None:
    with pytest.raises(InputError, match=r"--outputs \(targets\) has nothing in common with --inputs"):
        one_measured(tmp_path, folders, outputs=(folders / "targets",))
    left, right = (write_folder(tmp_path / n, {f"p{i}": rendered(1)}) for i, n in ((1, "left"), (2, "right")))
    with pytest.raises(InputError, match="have no input in common with each other"):
        one_measured(tmp_path, folders, outputs=(left, right))


@pytest.fixture
def videos(tmp_path: Path, folders: Path) -> Iterator[Path]:
    """Return a folder with a short video and, in `made`, a darker one that flickers."""
    from tests.evaluation.video_samples import write_video

    wide = rendered(2)
    frames = [np.ascontiguousarray(wide[:128, 2 * n : 2 * n + 192]) for n in range(12)]
    write_video(tmp_path / "drive.mp4", frames)
    (tmp_path / "made").mkdir()
    flickering = [darkened(frame, 0.5 + 0.2 * (n % 2)) for n, frame in enumerate(frames)]
    write_video(tmp_path / "made" / "drive.mp4", flickering[:11])
    yield tmp_path


def test_damaged_videos_are_told_of(videos: Path) -> None:
    """A frame that is missing in the middle would pair every later one with the wrong input."""
    damaged = bytearray((videos / "drive.mp4").read_bytes())
    pictures = damaged.index(b"mdat")
    third = (damaged.rindex(b"moov") - pictures) // 3
    damaged[pictures + third : pictures + 2 * third] = b"\xff" * third
    (videos / "broken").mkdir()
    (videos / "broken" / "drive.mp4").write_bytes(damaged)
    (videos / "report").mkdir()
    request = Request(inputs=str(videos / "drive.mp4"), outputs=(videos / "broken",), video_pictures=2)
    with pytest.raises(InputError, match=r"--outputs \(broken\): .*is damaged.*no longer match"):
        evaluate(request, videos / "report")


def test_a_finished_video_of_another_shape_is_noted(videos: Path) -> None:
    from tests.evaluation.video_samples import write_video

    (videos / "small").mkdir()
    write_video(videos / "small" / "drive.mp4", [np.full((64, 96, 3), 40, np.uint8)] * 15)
    request = Request(inputs=str(videos / "drive.mp4"), outputs=(videos / "small",), video_pictures=2)
    (videos / "report").mkdir()
    found = evaluate(request, videos / "report")
    assert any("the video is 96x64 and was resized to 192x128 (Lanczos)" in note for note in found.notes)
    assert any("goes on after its input's 12 frames" in note for note in found.notes)


def test_a_video_is_measured_over_time_and_by_some_of_its_frames(videos: Path) -> None:
    report = videos / "report"
    report.mkdir()
    for beside in ("drive.json", "drive.xml", "drive.srt"):  # such as what `run-video --report` left
        (videos / "made" / beside).write_text("")
    (videos / "made" / "drive").mkdir()
    request = Request(inputs=str(videos / "drive.mp4"), outputs=(videos / "made",), video_pictures=3)
    found = evaluate(request, report)
    made = row(found, "made").figures
    assert [picture.name for picture in found.pictures] == ["frame_000000", "frame_000006"]
    assert (made["warp_error"].value or 0) > 10
    assert (made["warp_error_ratio"].value or 0) > 2
    assert (made["flicker_ratio"].value or 0) > 3
    assert made["warp_error"].count == 10
    copied = row(found, "copy-input").figures
    assert (copied["warp_error"].value or 99) < (made["warp_error"].value or 0) / 3
    assert copied["warp_error_ratio"].value == copied["flicker_ratio"].value == 1.0
    assert made["fps"].reason == "the results were made elsewhere (--outputs)"
    assert any("ends after 11 frames, before its input" in note for note in found.notes)
    assert not any("resized" in note or "goes on" in note for note in found.notes)
    assert [clip.name for clip in found.clips] == ["drive.mp4, made"]
    assert found.clips[0].source.is_file()
    assert found.clips[0].output.is_file()
    with pytest.raises(SettingError, match="--truth goes with pictures, and --inputs is a video"):
        evaluate(replace(request, truth=videos), report)
    with pytest.raises(InputError, match="has no video named drive, as the input drive.mp4 is"):
        evaluate(replace(request, outputs=(report,)), videos)
    (videos / "made" / "drive.mkv").write_bytes((videos / "made" / "drive.mp4").read_bytes())
    with pytest.raises(InputError, match=r"several files named drive: drive\.mkv, drive\.mp4\. Give the video itself"):
        evaluate(request, videos / "made")


def test_a_bundle_is_run_over_pictures_and_over_a_video_and_timed(videos: Path, folders: Path) -> None:
    report = videos / "report"
    report.mkdir()
    bundles = (open_bundle(embedded_bundle("day2night")),)
    still = evaluate(Request(inputs=str(folders / "day"), bundles=bundles, size="96x64"), report)
    figures = row(still, "day2night").figures
    assert figures["latency_p95_ms"].count == 4
    assert (figures["latency_p50_ms"].value or 0) > 0
    assert (figures["fps"].value or 0) > 0
    assert still.licences["checkpoint day2night"] == "MIT"
    outputs = [read_picture(picture.outputs["day2night"]) for picture in still.pictures]
    assert all(output.shape == (144, 256, 3) for output in outputs)
    assert np.mean(outputs) < np.mean([rendered(seed) for seed in SEEDS]) / 2
    moving = evaluate(
        Request(inputs=str(videos / "drive.mp4"), bundles=bundles, size="96x64", video_pictures=2), videos / "made"
    )
    figures = row(moving, "day2night").figures
    assert figures["latency_p95_ms"].count == 12
    assert figures["warp_error_ratio"].value is not None
    assert len(moving.pictures) == 2
