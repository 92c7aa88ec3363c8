"""`onestep distill`: a generator becomes a student, and what cannot work is said before it begins."""

import dataclasses
import json
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from onestep.cli.distill import distill, rendered_data
from onestep.errors import GeneratorError, InputError, OutputError, SettingError, UnknownNameError
from onestep.exporter.export import ExportOptions, export_bundle
from onestep.frame_size import FrameSize
from onestep.training.folder import PackedGenerator, save_generator
from onestep.training.students.batch import Batch
from onestep.training.students.claim import weights_sha256
from onestep.training.students.distillation import DistillOptions, RenderedData, distil
from onestep.training.students.folder import PackedStudent, load_student, packed_student, save_student
from onestep.training.students.generator import StudentGenerator
from onestep.training.students.losses import LossWeights
from onestep.training.students.network import StudentShape
from onestep.training.students.picture_source import PictureSource
from onestep.training.students.rendered_source import RenderedSource
from onestep.training.students.teacher_cache import translated_by_teacher
from onestep.training.students.training import StudentTraining
from tests.training.test_students import CARD, saved_student, small_student

SIZE, CROP = FrameSize(64, 64), FrameSize(32, 32)


class Quiet:
    """Takes everything and keeps it."""

    def __init__(self) -> None:
        self.stages: list[str] = []
        self.lines: list[str] = []

    def stage(self, text: str) -> None:
        self.stages.append(text)

    def log(self, line: str) -> None:
        self.lines.append(line)

    def progress(self, done: int, total: int | None) -> None:
        assert total is None or done <= total


def options(data: RenderedData | Path, *, steps: int = 2, teacher: float = 1.0) -> DistillOptions:
    weights = LossWeights(teacher=teacher, perceptual=0.0)
    return DistillOptions(
        data=data,
        size=SIZE,
        crop=CROP,
        pairs_per_batch=1,
        shape=StudentShape(widths=(8, 16), down_blocks=(0, 1), up_blocks=(1,)),
        training=StudentTraining(steps=steps, report_every=1, checkpoint_every=1, weights=weights),
    )


RENDERED = RenderedData("day", "night", pairs=1, processes=1)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Three small pictures of different sizes."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for index, size in enumerate([(80, 70), (64, 64), (200, 90)]):
        noise = np.random.default_rng(index).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
        Image.fromarray(noise).save(folder / f"{index}.png")
    return folder


def test_conditions_are_checked() -> None:
    with pytest.raises(UnknownNameError, match="Unknown condition 'nigth'. Did you mean 'night'"):
        rendered_data("rendered:day-nigth", 1, 1)
    with pytest.raises(SettingError, match="names no two conditions; expected such as rendered:day-night"):
        rendered_data("rendered:day", 1, 1)
    with pytest.raises(SettingError, match="two conditions and 1 or more pairs"):
        RenderedData("day", "day")


def test_an_empty_folder_is_refused(packed: PackedGenerator, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="No picture was found"):
        distil(
            packed,
            tmp_path / "student",
            work=tmp_path / "work",
            options=options(tmp_path / "empty"),
            perceptual=None,
            listener=Quiet(),
        )
    assert not (tmp_path / "student").exists()


def test_a_teacher_of_another_multiple_is_refused(packed: PackedGenerator, tmp_path: Path) -> None:
    wrong = dataclasses.replace(options(RENDERED), size=FrameSize(72, 72))
    with pytest.raises(SettingError, match="The teacher.* multiples of 32"):
        distil(packed, tmp_path / "s", work=tmp_path / "w", options=wrong, perceptual=None, listener=Quiet())
    wrong = dataclasses.replace(options(RENDERED), crop=FrameSize(34, 34))
    with pytest.raises(SettingError, match="The student.* multiples of 4"):
        distil(packed, tmp_path / "s", work=tmp_path / "w", options=wrong, perceptual=None, listener=Quiet())
    assert not (tmp_path / "w").exists()


def test_pictures_need_the_teacher(packed: PackedGenerator, pictures: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="only the teacher knows the result, and its weight is 0"):
        distil(
            packed,
            tmp_path / "s",
            work=tmp_path / "w",
            options=options(pictures, teacher=0.0),
            perceptual=None,
            listener=Quiet(),
        )


def test_pictures_are_as_dark_as_what_the_teacher_translates(
    packed: PackedGenerator, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A camera's contrast turns around a night's middle where the teacher makes days of nights."""
    middles: list[float] = []
    drawn = PictureSource.batch

    def noted(self: PictureSource, rng: np.random.Generator) -> Batch:
        middles.append(self.middle)
        return drawn(self, rng)

    monkeypatch.setattr(PictureSource, "batch", noted)
    for domain in ("day2night", "night2day"):
        teacher = dataclasses.replace(packed, card=dataclasses.replace(packed.card, domain=domain))
        place = tmp_path / domain
        chosen = options(pictures, steps=1)
        distil(teacher, place, work=place.with_suffix(".work"), options=chosen, perceptual=None, listener=Quiet())
    assert middles == [0.5, 0.15]


def test_rendered_scenes_make_a_student_that_exports(packed: PackedGenerator, tmp_path: Path) -> None:
    listener = Quiet()
    student = distil(
        packed,
        tmp_path / "student",
        work=tmp_path / "work",
        options=options(RENDERED),
        perceptual=None,
        listener=listener,
    )
    assert listener.stages == ["rendering scenes", "asking the teacher", "training the student"]
    assert student.card.prompt == packed.card.prompt and student.card.base == "tiny-student"
    assert student.card.data == "1 rendered pairs, day to night; truth 1, teacher 1"
    again = load_student(tmp_path / "student")
    report = export_bundle(again, tmp_path / "bundle", options=ExportOptions(parity_frame_count=1))
    assert report.manifest.frame.multiple == 4 and report.manifest.flops_per_frame.keys() == {"total"}
    half = export_bundle(again, tmp_path / "half", options=ExportOptions(precision="fp16", parity_frame_count=1))
    assert half.parity.graph_to_float32.psnr_db > 45


def test_steps_begin_on_windows_of_half_the_side_and_end_on_whole_frames(
    packed: PackedGenerator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[tuple[FrameSize, tuple[float, float]]] = []
    drawn = RenderedSource.batch

    def noted(source: RenderedSource, rng: np.random.Generator) -> Batch:
        sizes.append((source.size, source.scales))
        return drawn(source, rng)

    monkeypatch.setattr(RenderedSource, "batch", noted)
    chosen = dataclasses.replace(options(RENDERED, steps=10), crop=FrameSize(36, 32), half_size_share=0.3)
    distil(packed, tmp_path / "s", work=tmp_path / "w", options=chosen, perceptual=None, listener=Quiet())
    half = (FrameSize(20, 16), (2.0, 2.6))
    window, whole = (FrameSize(36, 32), (1.0, 1.3)), (SIZE, (1.0, 1.3))
    assert sizes == [half] * 3 + [window] * 6 + [whole]


@pytest.mark.parametrize("shares", [(-0.1, 0.2), (0.9, 0.2)])
def test_shares_of_the_steps_that_are_none_are_refused(shares: tuple[float, float]) -> None:
    with pytest.raises(SettingError, match="shares of the steps at half size and .* together 1 or less"):
        dataclasses.replace(options(RENDERED), half_size_share=shares[0], whole_frame_share=shares[1])


def test_a_second_run_goes_on_and_asks_nobody_again(
    packed: PackedGenerator, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = {"work": tmp_path / "work", "options": options(pictures), "perceptual": None}
    first = Quiet()
    distil(packed, tmp_path / "student", **arguments, listener=first)  # type: ignore[arg-type]
    monkeypatch.setattr(type(packed.generator), "forward", None)
    second = Quiet()
    distil(packed, tmp_path / "other", **arguments, listener=second)  # type: ignore[arg-type]
    assert second.lines == ["going on after step 2"]
    ours, theirs = (
        (tmp_path / name / "student" / "diffusion_pytorch_model.safetensors").read_bytes()
        for name in ("student", "other")
    )
    assert ours == theirs
    with pytest.raises(OutputError, match="with other settings: perceptual was None, is [0-9a-f]{64}"):
        distil(packed, tmp_path / "third", **{**arguments, "perceptual": torch.nn.Linear(1, 1)}, listener=Quiet())  # type: ignore[arg-type]


def test_the_teacher_is_asked_again_about_other_pictures(packed: PackedGenerator, tmp_path: Path) -> None:
    one, other = (np.full((1, 64, 64, 3), level, np.uint8) for level in (40, 200))
    path = tmp_path / "teacher.npy"
    asked: list[int] = []
    first = np.array(translated_by_teacher(packed, one, path))
    second = translated_by_teacher(packed, other, path, on_picture=lambda done, total: asked.append(done))
    assert asked == [1]
    assert not np.array_equal(first, second)
    translated_by_teacher(packed, other, path, on_picture=lambda done, total: asked.append(done))
    assert asked == [1]


def test_a_student_that_is_there_is_kept(packed: PackedGenerator, tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "mine.txt").write_text("mine")
    with pytest.raises(OutputError, match="exists already"):
        distil(
            packed,
            tmp_path / "s",
            work=tmp_path / "w",
            options=options(RENDERED),
            perceptual=None,
            listener=Quiet(),
        )


def test_the_command(packed: PackedGenerator, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A student can be a teacher, too."""
    small = distil(
        packed, tmp_path / "one", work=tmp_path / "w", options=options(RENDERED), perceptual=None, listener=Quiet()
    )
    (tmp_path / "teacher").mkdir()
    save_student(small, tmp_path / "teacher")
    distill(
        tmp_path / "teacher",
        "rendered:day-night",
        tmp_path / "two",
        steps=1,
        pairs=1,
        pairs_per_batch=1,
        size="64x64",
        crop="32x32",
        place=True,
        perceptual="none",
        processes=1,
    )
    captured = capsys.readouterr()
    assert captured.out == f"{tmp_path / 'two'}\n" and "training the student" in captured.err
    student = load_student(tmp_path / "two")
    assert student.card.base == "tiny-student" and student.generator.student.config.sees_place
    assert (tmp_path / "two.work" / "progress.safetensors").is_file()


def _going_on(first: Path, output: Path, **more: Any) -> None:
    small = {"pairs": 1, "pairs_per_batch": 1, "size": "64x64", "crop": "32x32", "processes": 1, "perceptual": "none"}
    distill(first, "rendered:day-night", output, start=first, **{**small, **more})


def _gone_on_with(teacher: PackedGenerator, folder: Path, start: PackedStudent) -> PackedStudent:
    work, asked = folder / "w", options(RENDERED)
    return distil(teacher, folder / "s", work=work, options=asked, perceptual=None, listener=Quiet(), start=start)


def test_a_student_goes_on_from_another_whose_shape_size_and_rain_it_has(tmp_path: Path) -> None:
    before, output = small_student(5), tmp_path / "second"
    first = saved_student(tmp_path / "first", before, streaks=0.5, preferred_size=(64, 64))
    _going_on(first, output, size=None, steps=1, learning_rate=1e-6, perceptual_every=3)
    after = load_student(output)
    assert after.generator.student.shape == before.shape
    assert (after.card.streaks, after.card.preferred_size) == (0.5, (64, 64))
    assert after.card.data == "nothing; gone on with on 1 rendered pairs, day to night; truth 1, teacher 1"
    moved = [
        (ours - theirs).abs().max()
        for ours, theirs in zip(after.generator.student.parameters(), before.parameters(), strict=True)
    ]
    assert 0.0 < max(moved) < 1e-3
    settings = json.loads((tmp_path / "second.work" / "settings.json").read_text())
    assert settings["start"] == weights_sha256(before) and settings["shape"]["widths"] == list(before.shape.widths)
    assert settings["training"]["perceptual_every"] == 3
    assert weights_sha256(load_student(first).generator.student) == weights_sha256(before)


def test_rain_is_as_asked_and_not_that_of_another_domain(packed: PackedGenerator, tmp_path: Path) -> None:
    first = saved_student(tmp_path / "first", small_student(5), streaks=0.5)
    _going_on(first, tmp_path / "dry", steps=1, streaks=0.0)
    assert load_student(tmp_path / "dry").card.streaks == 0.0
    start = dataclasses.replace(load_student(first), card=dataclasses.replace(CARD, streaks=0.5, domain="clear2rainy"))
    other = _gone_on_with(packed, tmp_path, start)
    assert packed.card.domain != "clear2rainy" and other.card.streaks == 0.0


def test_the_licence_of_what_was_gone_on_from_stays(packed: PackedGenerator, tmp_path: Path) -> None:
    """With half-precision weights, too: they are trained in float32."""
    card = dataclasses.replace(CARD, checkpoint_licence="CC BY-NC 4.0")
    student = _gone_on_with(packed, tmp_path, packed_student(small_student(5).half(), card))
    assert student.card.checkpoint_licence == f"{packed.card.checkpoint_licence}; CC BY-NC 4.0"
    assert next(student.generator.parameters()).dtype == torch.float32


def test_a_student_that_teaches_draws_no_rain(tmp_path: Path) -> None:
    """Where a drop is, nobody can learn."""
    picture = np.full((1, 64, 64, 3), 90, np.uint8)
    seen = []
    for rain in (0.0, 1.0):
        teacher = packed_student(small_student(5), dataclasses.replace(CARD, streaks=rain))
        seen.append(np.array(translated_by_teacher(teacher, picture, tmp_path / f"{rain}.npy")))
    np.testing.assert_array_equal(seen[0], seen[1])


def test_what_a_student_cannot_go_on_from_is_refused(packed: PackedGenerator, tmp_path: Path) -> None:
    student, generator = saved_student(tmp_path / "student", small_student()), tmp_path / "generator"
    generator.mkdir()
    save_generator(packed, generator)
    with pytest.raises(SettingError, match=r"--from .*student is a student that does not see.*Leave --place out"):
        _going_on(student, tmp_path / "out", place=True)
    with pytest.raises(SettingError, match=r"--from .*generator is a generator of tiny. Name a student's folder"):
        _going_on(generator, tmp_path / "out")
    with pytest.raises(GeneratorError, match=r"--from: .*nowhere"):
        _going_on(tmp_path / "nowhere", tmp_path / "out")
    with pytest.raises(SettingError, match="is --from's own folder"):
        distill(generator, "rendered:day-night", student, start=student, overwrite=True)
    assert load_student(student).card == CARD
    assert not (tmp_path / "out").exists() and not (tmp_path / "out.work").exists()


def test_a_student_does_not_take_its_teachers_place(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="is the teacher's own folder"):
        distill(tmp_path / "t", "rendered:day-night", tmp_path / "x" / ".." / "t", overwrite=True)


def test_the_teacher_is_let_go_of_before_the_training(tmp_path: Path) -> None:
    """One of SD-Turbo's size is 5 GB."""
    there: list[bool] = []

    class Watching(Quiet):
        def log(self, line: str) -> None:
            there.append(weights() is not None)

    teacher = [PackedStudent(StudentGenerator(small_student()), CARD)]
    weights = weakref.ref(next(teacher[0].generator.parameters()))
    work, asked = tmp_path / "work", options(RENDERED)
    distil(teacher.pop(), tmp_path / "s", work=work, options=asked, perceptual=None, listener=Watching())
    assert there and not any(there)
