"""Students: what they compute, what they are judged by, where they lie."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import torch

from onestep.errors import GeneratorError, SettingError
from onestep.frame_size import FrameSize
from onestep.scenes import Scene
from onestep.training.folder import load_generator
from onestep.training.students.batch import Batch
from onestep.training.students.folder import PackedStudent, StudentCard, load_student, packed_student, save_student
from onestep.training.students.generator import StudentGenerator
from onestep.training.students.load_any import load_any_generator
from onestep.training.students.losses import LossWeights, student_loss, temporal_l1, warp
from onestep.training.students.network import StudentNetwork, StudentShape
from onestep.training.students.training import StudentTraining

SHAPE = StudentShape(widths=(8, 16), down_blocks=(0, 1), up_blocks=(1,))
SIZE = FrameSize(64, 48)
CARD = StudentCard("day2night", "a2b", "driving in the night", "tiny-student", "MIT", "MIT", (64, 48), "nothing")


def small_student(seed: int = 0) -> StudentNetwork:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network: StudentNetwork = StudentNetwork.of_shape(SHAPE)
        return network


def saved_student(folder: Path, student: StudentNetwork, **changes: Any) -> Path:
    """Write a student's folder with `CARD`, changed."""
    folder.mkdir()
    save_student(packed_student(student, dataclasses.replace(CARD, **changes)), folder)
    return folder


def test_a_shape_needs_as_many_numbers_of_blocks_as_levels() -> None:
    with pytest.raises(SettingError, match="A student of 2 widths has 1 numbers of blocks on the way down"):
        StudentShape(widths=(8, 16), down_blocks=(1,), up_blocks=(1,))
    with pytest.raises(SettingError, match="widths of 1 or more"):
        StudentShape(widths=(8, 0), down_blocks=(1, 1), up_blocks=(1,))


def test_a_new_student_nearly_returns_its_input() -> None:
    image = torch.rand(2, 3, 32, 48) * 1.8 - 0.9
    result = small_student()(image).detach()
    assert result.shape == image.shape
    assert float((result - image).abs().mean()) < 0.1


def test_what_is_too_dark_or_too_bright_can_still_be_unlearnt() -> None:
    student = small_student().train()
    assert student.head.bias is not None
    with torch.no_grad():
        student.head.bias[4:] = -3.0  # shifts that make everything black
    result = student(torch.zeros(1, 3, 16, 16))
    assert float(result.detach().max()) == pytest.approx(-1.0, abs=1e-6)
    result.sum().backward()
    assert student.head.bias.grad is not None and float(student.head.bias.grad[4:].abs().min()) > 0.0
    assert torch.equal(student.eval()(torch.zeros(1, 3, 16, 16)), torch.full((1, 3, 16, 16), -1.0))


def test_a_new_student_has_no_checkerboard() -> None:
    """A flat picture stays flat but for the border, which the padding reaches."""
    result = small_student()(torch.full((1, 3, 64, 64), 0.3)).detach()[0, :, 24:40, 24:40]
    assert float(result.std(dim=(1, 2)).max()) < 1e-5


def test_the_default_student_sees_the_whole_frame() -> None:
    student = StudentNetwork.of_shape(StudentShape()).eval()
    image = torch.zeros(1, 3, 288, 512, requires_grad=True)
    student(image)[0, :, 144, 256].sum().backward()
    assert image.grad is not None
    reached = image.grad.abs().sum(dim=(0, 1)) > 0
    assert bool(reached[:, 100:412].any(dim=1).all()) and student.frame_multiple == 32


def test_a_student_comes_back_from_its_folder(tmp_path: Path) -> None:
    packed = PackedStudent(StudentGenerator(small_student()).eval(), CARD)
    save_student(packed, tmp_path)
    again = load_any_generator(tmp_path)
    image = torch.rand(1, 3, 32, 32) * 2 - 1
    assert isinstance(again, PackedStudent) and again.card == CARD
    embedding = again.base.prompt_embedding(CARD.prompt)
    torch.testing.assert_close(again.generator(image, embedding), packed.generator(image, embedding))


def test_a_card_from_before_there_was_rain_has_none(tmp_path: Path) -> None:
    save_student(PackedStudent(StudentGenerator(small_student()).eval(), CARD), tmp_path)
    card = json.loads((tmp_path / "onestep.json").read_text())
    (tmp_path / "onestep.json").write_text(json.dumps({k: v for k, v in card.items() if k != "streaks"}))
    assert load_student(tmp_path).card == CARD


def test_a_student_refuses_another_prompt() -> None:
    packed = PackedStudent(StudentGenerator(small_student()), CARD)
    with pytest.raises(SettingError, match="knows the one prompt that its teacher had, 'driving in the night'"):
        packed.base.prompt_embedding("driving in snow")


def test_a_damaged_student_is_refused(tmp_path: Path) -> None:
    save_student(PackedStudent(StudentGenerator(small_student()), CARD), tmp_path)
    card = json.loads((tmp_path / "onestep.json").read_text())
    (tmp_path / "onestep.json").write_text(json.dumps({**card, "version": 9}))
    with pytest.raises(GeneratorError, match="version 9; expected 'onestep-student' version 1"):
        load_student(tmp_path)
    (tmp_path / "onestep.json").write_text(json.dumps({k: v for k, v in card.items() if k != "domain"}))
    with pytest.raises(GeneratorError, match="lacks domain"):
        load_student(tmp_path)
    (tmp_path / "onestep.json").unlink()
    with pytest.raises(GeneratorError, match="cannot be read"):
        load_student(tmp_path)
    with pytest.raises(GeneratorError, match="is not a folder"):
        load_student(tmp_path / "nowhere")


def test_a_student_is_no_diffusion_generator(tmp_path: Path) -> None:
    save_student(PackedStudent(StudentGenerator(small_student()), CARD), tmp_path)
    with pytest.raises(GeneratorError, match="lacks skips"):
        load_generator(tmp_path)


def test_warping_follows_the_flow() -> None:
    image = torch.arange(8.0).repeat(1, 1, 4, 1)  # [1, 1, 4, 8], the value is the column
    flow = torch.zeros(1, 4, 8, 2)
    flow[..., 0] = 2.0
    warped, inside = warp(image, flow)
    torch.testing.assert_close(warped[0, 0, :, :6], image[0, 0, :, 2:])
    assert inside[0, 0, 0].tolist() == [True] * 6 + [False] * 2


def test_a_result_that_moves_with_the_scene_is_steady() -> None:
    earlier = torch.rand(1, 3, 16, 16)
    flow = torch.zeros(1, 16, 16, 2)
    flow[..., 0] = 1.0
    later, _ = warp(earlier, flow)
    moving, flickering = torch.cat([earlier, later]), torch.cat([earlier, later + 0.2])
    assert float(temporal_l1(moving, moving, flow)) < 1e-6
    assert float(temporal_l1(flickering, moving, flow)) == pytest.approx(0.2, rel=1e-4)


def test_what_the_truth_does_from_one_moment_to_the_next_is_no_unsteadiness() -> None:
    truth = torch.cat([torch.zeros(1, 3, 8, 8), torch.full((1, 3, 8, 8), 0.1)])
    still = torch.zeros_like(truth)
    flow = torch.zeros(1, 8, 8, 2)
    assert float(temporal_l1(truth, truth, flow)) == 0.0
    assert float(temporal_l1(still, truth, flow)) == pytest.approx(0.1)


def test_a_loss_counts_the_change_along_the_flow() -> None:
    image, truth = (torch.rand(2, 3, 16, 16) * 0.1 for _ in range(2))
    batch = Batch(image, truth, None, flow=torch.zeros(1, 16, 16, 2))
    without, with_two = (
        student_loss(image, batch, weights=LossWeights(temporal=temporal), perceptual=None) for temporal in (0.0, 2.0)
    )
    change = temporal_l1(image, truth, torch.zeros(1, 16, 16, 2))
    assert float(change) > 0.01
    torch.testing.assert_close(with_two - without, 2.0 * change)


def test_nothing_is_asked_where_the_truth_changes() -> None:
    truth = torch.cat([torch.zeros(1, 3, 8, 8), torch.ones(1, 3, 8, 8)])
    assert float(temporal_l1(torch.rand(2, 3, 8, 8), truth, torch.zeros(1, 8, 8, 2))) == 0.0


def test_the_flow_of_rendered_scenes_brings_one_moment_to_the_other() -> None:
    scene = Scene.random(11)
    earlier, later = scene.at(1.0, size=(192, 128)), scene.at(1.2, size=(192, 128))
    before, after = (torch.from_numpy(frame.render("day")).permute(2, 0, 1)[None].float() for frame in (earlier, later))
    warped, inside = warp(before, torch.from_numpy(later.flow_to(earlier))[None])
    with_flow = ((warped - after).abs() * inside).mean()
    assert float(with_flow) < 0.8 * float(((before - after).abs() * inside).mean())


def test_steadiness_counts_more_than_once_only_towards_the_end() -> None:
    options = StudentTraining(steps=10, steadier_from=0.6, weights=LossWeights(temporal=15.0))
    assert [options.weights_at(step).temporal for step in (0, 5, 6, 9)] == [1.0, 1.0, 15.0, 15.0]
    little = StudentTraining(steps=10, steadier_from=0.6, weights=LossWeights(temporal=0.5))
    assert little.weights_at(0).temporal == 0.5
    with pytest.raises(SettingError, match="critic_from and steadier_from are from 0 to 1"):
        StudentTraining(steadier_from=1.5)


def test_loss_weights_are_checked() -> None:
    with pytest.raises(SettingError, match="truth or teacher is above 0"):
        LossWeights(truth=0.0, teacher=0.0)
    with pytest.raises(SettingError, match="0 or more"):
        LossWeights(temporal=-1.0)


def test_a_loss_counts_what_its_weights_say() -> None:
    image, truth, teacher = (torch.rand(2, 3, 16, 16) * 2 - 1 for _ in range(3))
    batch = Batch(image, truth, teacher)
    only_truth = student_loss(image, batch, weights=LossWeights(truth=1, teacher=0, temporal=0), perceptual=None)
    only_teacher = student_loss(image, batch, weights=LossWeights(truth=0, teacher=1, temporal=0), perceptual=None)
    both = student_loss(image, batch, weights=LossWeights(truth=2, teacher=3, temporal=0), perceptual=None)
    torch.testing.assert_close(both, 2 * only_truth + 3 * only_teacher)
    judged = student_loss(
        image,
        batch,
        weights=LossWeights(truth=1, teacher=0, perceptual=0.5, temporal=0),
        perceptual=lambda a, b: torch.ones(len(a)),
    )
    torch.testing.assert_close(judged, only_truth + 0.5)


@pytest.mark.parametrize(("has_flow", "seen"), [(False, 4), (True, 2)])
def test_of_two_moments_of_a_scene_the_perceptual_distance_sees_one(has_flow: bool, seen: int) -> None:
    image, truth = (torch.rand(4, 3, 16, 16) * 2 - 1 for _ in range(2))
    asked: list[tuple[torch.Tensor, torch.Tensor]] = []

    def judge(result: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        asked.append((result, target))
        return torch.zeros(len(result))

    batch = Batch(image, truth, None, flow=torch.zeros(2, 16, 16, 2) if has_flow else None)
    student_loss(image, batch, weights=LossWeights(teacher=0.0), perceptual=judge)
    torch.testing.assert_close(asked, [(image[:seen], truth[:seen])])
