"""What quality is measured on: rendered views whose result is known, now and a moment later, and a rendered drive.

inputs truth                the same views under the two conditions, `00000.png` and on
later/inputs later/truth    the same views 0.04 s later
later/motion                where each point of a view is then, `00000.npz` and on
targets                     other scenes under the condition to reach
drive.mp4 known-result.mp4  the same drive under the two conditions
gamma gamma.mp4             inputs and drive darkened to the mean level of the targets
reinhard-oracle             inputs with the colours of their own truth
plan.json                   what all of it was made with
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bench.plan_file import check_first_picture, holds_plan, write_plan
from bench.quality_baselines import darken, darken_video, transfer_to_truth
from bench.quality_motion import motion_between, save_motion
from onestep.atomic import whole_folder
from onestep.cli.render_video import render_video
from onestep.domains import rendered_conditions
from onestep.errors import SettingError, UnknownNameError
from onestep.frame_size import FrameSize
from onestep.runtime.pictures import find_pictures, write_picture
from onestep.scenes import CONDITIONS, Scene, SceneFrame

SIZE: Final = FrameSize(512, 288)
LATER_SECONDS: Final = 0.04
VIEW_SECONDS: Final = 1.7
_FIRST_VIEW_SEED: Final = 0
"""Inputs are the scenes from here on, which no training has seen; targets are others."""
_FIRST_TARGET_SEED: Final = 50_000
_DRIVE_SEED: Final = _FIRST_TARGET_SEED - 1


@dataclass(frozen=True)
class MaterialPlan:
    """What is rendered; equal plans give equal pictures."""

    source: str
    """Condition of what is translated."""
    result: str
    """Condition of the truth and of the targets."""
    scenes: int
    """Number of views, one of each scene; as many targets."""
    seconds: float
    """Length of the drive."""
    size: FrameSize = SIZE

    def described(self) -> dict[str, Any]:
        """Return the plan as it stands in its file."""
        return {
            "conditions": [self.source, self.result],
            "scenes": self.scenes,
            "seconds": self.seconds,
            "size": str(self.size),
            "seeds": {"views": _FIRST_VIEW_SEED, "targets": _FIRST_TARGET_SEED, "drive": _DRIVE_SEED},
        }


@dataclass(frozen=True)
class QualityMaterial:
    """Folders and videos of one translation."""

    folder: Path

    @property
    def inputs(self) -> Path:
        """Views to translate."""
        return self.folder / "inputs"

    @property
    def truth(self) -> Path:
        """The same views as they should come out."""
        return self.folder / "truth"

    @property
    def later_inputs(self) -> Path:
        """The views to translate, `LATER_SECONDS` later."""
        return self.folder / "later" / "inputs"

    @property
    def later_truth(self) -> Path:
        """The views as they should come out, `LATER_SECONDS` later."""
        return self.folder / "later" / "truth"

    @property
    def motion(self) -> Path:
        """Known motion from each view to the later one."""
        return self.folder / "later" / "motion"

    @property
    def targets(self) -> Path:
        """Other scenes under the condition to reach."""
        return self.folder / "targets"

    @property
    def drive(self) -> Path:
        """A drive to translate."""
        return self.folder / "drive.mp4"

    @property
    def known_result(self) -> Path:
        """The same drive as it should come out."""
        return self.folder / "known-result.mp4"

    @property
    def gamma(self) -> Path:
        """The inputs, darkened."""
        return self.folder / "gamma"

    @property
    def gamma_drive(self) -> Path:
        """The drive, darkened."""
        return self.folder / "gamma.mp4"

    @property
    def oracle(self) -> Path:
        """The inputs with the colours of their own truth."""
        return self.folder / "reinhard-oracle"


def plan_for(domain: str, *, truth: str | None, scenes: int, seconds: float) -> MaterialPlan:
    """Return what is rendered for a translation.

    Args:
        domain: Name of a translation that scenes can be rendered for.
        truth: Condition to measure against; None takes the domain's own.
        scenes: Number of views, one of each scene; as many targets.
        seconds: Length of the drive.

    Raises:
        UnknownNameError: Scenes cannot be rendered for that translation, or under that condition.
        SettingError: The truth is what the translation starts from.
    """
    source, result = rendered_conditions(domain)
    if truth is not None and truth not in CONDITIONS:
        raise UnknownNameError("condition", truth, CONDITIONS)
    if truth == source:
        raise SettingError(f"--truth {truth} is what {domain} starts from. Give the condition that should come out.")
    return MaterialPlan(source, truth or result, scenes, seconds)


def render_material(folder: Path, plan: MaterialPlan) -> QualityMaterial:
    """Render the material, or leave that of the same plan as it is; the folder appears whole or not at all.

    Raises:
        SettingError: The folder holds material of another plan, of an older version of the scenes, or of unknown make.
        OutputError: The folder cannot be written.
    """
    material = QualityMaterial(folder)
    if holds_plan(folder, plan.described()):
        _check_scenes(material, plan)
        return material
    if folder.is_dir() and any(folder.iterdir()):
        raise SettingError(
            f"{folder} does not say what it was rendered with (plan.json). Remove it, or choose another -o."
        )
    with whole_folder(folder, overwrite=False) as partial:
        fresh = QualityMaterial(partial)
        _write_views(fresh, plan)
        for path, condition in ((fresh.drive, plan.source), (fresh.known_result, plan.result)):
            render_video(path, condition=condition, seconds=plan.seconds, size=str(plan.size), seed=_DRIVE_SEED)
        targets, inputs = find_pictures(fresh.targets), find_pictures(fresh.inputs)
        darken(inputs, targets, fresh.gamma)
        darken_video(fresh.drive, targets, fresh.gamma_drive)
        transfer_to_truth(inputs, fresh.truth, fresh.oracle)
        write_plan(partial, plan.described())
    return material


def _write_views(material: QualityMaterial, plan: MaterialPlan) -> None:
    for index in range(plan.scenes):
        now, later = (_view(_FIRST_VIEW_SEED + index, plan, seconds) for seconds in (0.0, LATER_SECONDS))
        _write_frames(index, now, ((material.inputs, plan.source), (material.truth, plan.result)))
        _write_frames(index, later, ((material.later_inputs, plan.source), (material.later_truth, plan.result)))
        save_motion(material.motion / f"{index:05d}.npz", motion_between(now, later))
        _write_frames(index, _view(_FIRST_TARGET_SEED + index, plan), ((material.targets, plan.result),))


def _write_frames(index: int, frame: SceneFrame, folders: Sequence[tuple[Path, str]]) -> None:
    for folder, condition in folders:
        folder.mkdir(parents=True, exist_ok=True)
        write_picture(folder / f"{index:05d}.png", frame.render(condition))


def _view(seed: int, plan: MaterialPlan, later_seconds: float = 0.0) -> SceneFrame:
    return Scene.random(seed).at(VIEW_SECONDS + later_seconds, size=plan.size)


def _check_scenes(material: QualityMaterial, plan: MaterialPlan) -> None:
    """Refuse material whose first view is not what is rendered today."""
    view = _view(_FIRST_VIEW_SEED, plan)
    for folder, condition in ((material.inputs, plan.source), (material.truth, plan.result)):
        check_first_picture(material.folder, folder / "00000.png", view.render(condition))
