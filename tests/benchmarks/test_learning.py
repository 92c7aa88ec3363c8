"""The learning benchmark: its pictures, its budget, its scores by hand, and the whole of it on a few steps."""

import dataclasses
import json
import time
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pytest
import torch
from bench.cyclegan_networks import ImageBuffer, least_squares, narrow_generator
from bench.cyclegan_training import CycleGan, GanRun, GanSettings, saved_or_trained, trained_cyclegan
from bench.gan_row import resnet_generator
from bench.learning_budget import Budget, spent_seconds
from bench.learning_data import DataPlan, pictures_of, render_learning_data
from bench.learning_plots import draw_contact_sheet, validation_rows
from bench.learning_run import learning_settings, trained_for
from bench.learning_scores import Picture, colour_transfer, copy_input, scored_row
from learning import learning
from PIL import Image

from onestep.errors import InputError, OutputError, SettingError, TrainingError
from onestep.evaluation.measures.reinhard import ColourSums
from onestep.frame_size import FrameSize
from onestep.runtime.pictures import read_picture
from onestep.scenes import Scene
from onestep.training.trainer.run_folder import RunFolder
from tests.patience import PATIENCE_SECONDS
from tests.training.tiny_runs import base_folder

SIZE = FrameSize(64, 64)
FAST = """
[model]
unet_rank = 2
vae_rank = 2
[losses]
perceptual = "none"
discriminator = "patch"
[watch]
log_every = 1
sample_every = 0
validate_every = 2
features = "alexnet-st"
"""


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Unpaired pictures. Not to be changed."""
    folder = tmp_path_factory.mktemp("learning") / "data"
    render_learning_data(folder, plan(), processes=1)
    return folder


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Settings of a run of no cost."""
    path = tmp_path / "fast.toml"
    path.write_text(FAST, encoding="utf-8")
    return path


def plan(kind: str = "unpaired", seed: int = 3) -> DataPlan:
    return DataPlan("paired" if kind == "paired" else "unpaired", SIZE, 3, 2, 2, seed)


def flat(level: int) -> Picture:
    return np.full((64, 64, 3), level, np.uint8)


@pytest.mark.parametrize(
    ("change", "message"),
    [({"train_views": 1}, "train_views is 1, and it must be 2 to"), ({"seed": -1}, "seed is -1, and it must be 0")],
)
def test_a_plan_that_cannot_be_rendered_is_refused(change: dict[str, int], message: str) -> None:
    values = {"train_views": 3, "test_views": 2, "scored_views": 2, "seed": 0} | change
    with pytest.raises(SettingError, match=message):
        DataPlan(kind="unpaired", size=SIZE, **values)


def test_pictures_of_another_plan_are_not_mixed(rendered: Path) -> None:
    render_learning_data(rendered, plan(), processes=1)  # the same plan: nothing to do
    with pytest.raises(SettingError, match="holds other pictures: seed was 3 and is 4. Leave them as they were"):
        render_learning_data(rendered, plan(seed=4), processes=1)


def test_a_folder_that_is_taken_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "mine").write_text("")
    with pytest.raises(OutputError, match="exists already"):
        render_learning_data(tmp_path / "data", plan(), processes=1)


def test_unpaired_sides_share_no_scene_and_the_scored_night_is_the_days(rendered: Path) -> None:
    names = ("train_A", "train_B", "test_A", "test_B", "scored/day", "scored/night")
    assert [len(pictures_of(rendered / name)) for name in names] == [3, 3, 2, 2, 2, 2]
    groups = [range(plan().first_scene(group), plan().first_scene(group) + 100_000) for group in range(1, 5)]
    assert all(set(a).isdisjoint(b) for i, a in enumerate(groups) for b in groups[i + 1 :])
    view = Scene.random(plan().first_scene(4)).at(1.7, size=SIZE)
    assert np.array_equal(pictures_of(rendered / "scored/day")[0], view.render("day"))
    assert np.array_equal(pictures_of(rendered / "scored/night")[0], view.render("night"))
    night = Scene.random(plan().first_scene(2)).at(1.7, size=SIZE).render("night")
    assert np.array_equal(pictures_of(rendered / "train_B")[0], night)


def test_a_budget_calls_once_and_remembers(tmp_path: Path) -> None:
    path, calls, over, start = tmp_path / "spent.json", list[float](), Event(), time.monotonic()

    def call() -> None:
        calls.append(time.monotonic())
        over.set()

    with Budget(path, limit_seconds=0.2, on_over=call) as budget:
        assert over.wait(PATIENCE_SECONDS)
    assert len(calls) == 1 and budget.called and calls[0] - start >= 0.19
    assert spent_seconds(path) >= 0.2
    with Budget(path, limit_seconds=1e6, on_over=call) as again:
        assert again.spent >= 0.2
    assert len(calls) == 1 and not again.called
    path.write_text('{"spent', encoding="utf-8")
    assert spent_seconds(path) == 0.0


class _Level:
    """Mean levels stand for a network's distance."""

    def describe(self, picture: Picture) -> float:
        return float(picture.mean())

    def between(self, a: float, b: float) -> float:
        return abs(a - b)


def test_scores_by_hand() -> None:
    rng = np.random.default_rng(1)
    inputs = [rng.integers(0, 200, (64, 64, 3), dtype=np.uint8) for _ in range(2)]
    truths = [inputs[0] + np.uint8(10), inputs[1]]
    row = scored_row("copy", copy_input, inputs=inputs, truths=truths, distance=_Level())
    assert row.per_view["psnr_db"] == pytest.approx([10 * np.log10(255**2 / 10**2), 100.0])
    assert row.per_view["st_lpips"] == pytest.approx([10.0, 0.0])
    assert row.per_view["ssim"][1] == pytest.approx(1.0)
    assert row.means["edges_kept"] == 1.0
    assert row.means["psnr_db"] == pytest.approx((28.1308 + 100) / 2, abs=1e-3)


def test_a_view_without_edges_does_not_count_for_edges_kept() -> None:
    textured = np.random.default_rng(1).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    row = scored_row("copy", copy_input, inputs=[flat(9), textured], truths=[flat(9), textured], distance=_Level())
    assert np.isnan(row.per_view["edges_kept"][0]) and row.means["edges_kept"] == 1.0


def test_colour_transfer_gives_the_statistics_of_the_nights(rendered: Path) -> None:
    nights, day = pictures_of(rendered / "train_B"), pictures_of(rendered / "train_A")[0]
    both, moved = ColourSums(), ColourSums()
    for night in nights:
        both.add(night)
    moved.add(colour_transfer(nights)(day))
    before = ColourSums()
    before.add(day)
    target = both.statistics().mean[0]
    far = abs(before.statistics().mean[0] - target)
    assert far > 0.3, "day and night differ in brightness"
    assert abs(moved.statistics().mean[0] - target) < far / 2, "but for bytes that are clipped"


def test_least_squares_by_hand() -> None:
    assert float(least_squares([torch.tensor([1.0, 3.0])], 1.0)) == 2.0


def test_the_narrow_generator_is_the_papers_at_the_papers_width() -> None:
    with torch.device("meta"):
        ours, papers = narrow_generator(64), resnet_generator()
    assert sorted(tuple(p.shape) for p in ours.parameters()) == sorted(tuple(p.shape) for p in papers.parameters())
    image = torch.rand(1, 3, 16, 24) * 2 - 1
    result = narrow_generator(2)(image)
    assert result.shape == image.shape and float(result.detach().abs().max()) <= 1


def test_the_buffer_gives_newest_until_full_then_half_older() -> None:
    buffer = ImageBuffer(4, np.random.default_rng(0))
    images = [torch.tensor(float(index)) for index in range(400)]
    given = [buffer.exchange(image) for image in images]
    assert all(given[index] is images[index] for index in range(4))
    older = sum(given[index] is not images[index] for index in range(4, 400))
    assert 150 < older < 246
    assert len({id(image) for image in given}) >= len(given) - 4, "only those that filled it may be given twice"


def test_a_step_of_the_cyclegan_trains_all_four_networks_and_learns() -> None:
    gan = CycleGan(GanSettings(width=4, discriminator_width=4, learning_rate=2e-3))
    networks = (gan.a2b, gan.b2a, gan._judge_a, gan._judge_b)
    before = [next(iter(network.parameters())).detach().clone() for network in networks]
    torch.manual_seed(0)
    a, b = (level + 0.2 * torch.randn(1, 3, 32, 32) for level in (0.6, -0.6))
    first = gan.step(a, b)
    for network, was in zip(networks, before, strict=True):
        assert not torch.equal(next(iter(network.parameters())), was)
    last = [gan.step(a, b) for _ in range(40)][-1]
    assert last["cycle"] < 0.8 * first["cycle"]


def test_the_cyclegan_stops_at_steps_and_at_seconds() -> None:
    small = {"width": 2, "discriminator_width": 2}
    drawn = np.random.default_rng(0)  # of one colour alone, instance normalisation divides by no variance at all
    sides = [drawn.integers(0, 256, (64, 64, 3), np.uint8)], [drawn.integers(0, 99, (64, 64, 3), np.uint8)]
    assert trained_cyclegan(*sides, settings=GanSettings(**small, max_steps=2)).steps == 2
    run = trained_cyclegan(*sides, settings=GanSettings(**small, max_seconds=0.5))
    assert run.steps >= 1 and run.seconds >= 0.5
    assert run.translate(flat(3)).shape == (64, 64, 3)
    with pytest.raises(SettingError, match="sides that are multiples of 4, got 64x62"):
        trained_cyclegan([flat(1)[:62]], [flat(1)[:62]], settings=GanSettings(**small))
    with pytest.raises(SettingError, match="width of the CycleGAN is 0"):
        GanSettings(width=0)


def test_a_loss_that_is_no_number_stops_the_cyclegan() -> None:
    gan = CycleGan(GanSettings(width=2, discriminator_width=2))
    with pytest.raises(TrainingError, match="A loss of the CycleGAN is nan"):
        gan.step(torch.full((1, 3, 32, 32), float("nan")), torch.zeros(1, 3, 32, 32))


def test_a_saved_cyclegan_is_taken_again(tmp_path: Path) -> None:
    settings = GanSettings(width=2, discriminator_width=2, max_steps=1)
    path = tmp_path / "cyclegan.pt"
    run = saved_or_trained(path, settings, lambda: trained_cyclegan([flat(200)], [flat(9)], settings=settings))

    def never() -> GanRun:
        raise AssertionError

    picture = np.random.default_rng(0).integers(0, 255, (32, 32, 3), dtype=np.uint8)
    assert np.array_equal(saved_or_trained(path, settings, never).translate(picture), run.translate(picture))
    with pytest.raises(SettingError, match="was trained with other settings"):
        saved_or_trained(path, GanSettings(width=3), never)


def test_a_run_without_validation_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="It must be of a run that was validated"):
        validation_rows(RunFolder(tmp_path))


def test_a_sheet_shows_views_spread_over_all(tmp_path: Path) -> None:
    columns = {"input": [flat(0), flat(80), flat(160), flat(240)], "output": [flat(9)] * 4}
    path = draw_contact_sheet(columns, tmp_path / "sheet.png", views=2)
    grey = np.asarray(Image.open(path).convert("RGB"))[..., 0]
    assert (grey == 160).sum() > 1000 and (grey == 80).sum() < (grey == 160).sum() / 10
    with pytest.raises(OutputError, match="cannot be written"):
        draw_contact_sheet(columns, tmp_path / "none" / "sheet.png", views=2)


def test_time_that_is_over_ends_a_run_that_can_go_on(
    rendered: Path, config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class UntilTheLogBegins(Budget):
        @property
        def spent(self) -> float:
            log = tmp_path / "run" / "log.jsonl"
            return 1.0 if log.exists() and log.read_text("utf-8") else 0.0

    monkeypatch.setattr("bench.learning_run.Budget", UntilTheLogBegins)
    settings = learning_settings(plan(), rendered, base=str(base_folder()), steps=100_000, config=config)
    ended = trained_for(settings, tmp_path / "run", seconds=0.1)
    assert 1 <= ended.steps < 100_000 and ended.seconds == 1.0
    rows, _ = validation_rows(ended.folder)
    assert max(rows) == ended.steps, "the last step is validated"
    assert trained_for(settings, tmp_path / "run", seconds=0.1).steps == ended.steps, "nothing is left to spend"
    with pytest.raises(SettingError, match="batch_size was 2 and is 3"):
        other = dataclasses.replace(settings, data=dataclasses.replace(settings.data, batch_size=3))
        trained_for(other, tmp_path / "run", seconds=0.1)


def test_the_whole_benchmark_on_a_few_steps(config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def run(kind: str, steps: int, gan: bool) -> dict[str, Any]:
        learning(
            tmp_path / kind,
            kind="paired" if kind == "paired" else "unpaired",
            steps=steps,
            size="64x64",
            views=3,
            test=2,
            scored=2,
            base=str(base_folder()),
            config=config,
            gan=gan,
            gan_width=2,
        )
        figures: dict[str, Any] = json.loads((tmp_path / kind / "learning.json").read_text())
        return figures

    figures = run("unpaired", 2, gan=True)
    names = ["onestep, unpaired", "copy of the input", "colour transfer (Reinhard)", "CycleGAN (ResNet, 9 blocks)"]
    assert list(figures["scores"]) == names
    assert figures["scores"]["copy of the input"]["edges_kept"] == 1.0
    assert all(np.isfinite(value) for row in figures["scores"].values() for value in row.values())
    assert figures["trained"]["steps"] == 2 and figures["cyclegan"]["steps"] == 2
    assert "data" not in figures["settings"], "no path of this machine"
    for picture in ("learning-curve.png", "contact-sheet.png"):
        assert min(read_picture(tmp_path / "unpaired" / picture).shape[:2]) > 100
    assert "colour transfer (Reinhard)" in capsys.readouterr().out
    with pytest.raises(SettingError, match="kind was 'unpaired' and is 'paired'"):
        (tmp_path / "paired").symlink_to(tmp_path / "unpaired")
        run("paired", 2, gan=False)
    (tmp_path / "paired").unlink()
    assert list(run("paired", 2, gan=False)["scores"]) == ["onestep, paired", *names[1:3]]
    assert run("paired", 3, gan=False)["trained"]["steps"] == 3, "it went on"
