"""Rendered day and night scenes as a folder of training pictures, and scenes apart whose night is known.

train_A train_B                     day and night: of different scenes (unpaired), of the same views (paired)
test_A test_B                       what the trainer validates on, the same views by day and by night
scored/day scored/night             what the benchmark scores on; neither training nor validation sees them
fixed_prompt_a.txt fixed_prompt_b.txt, or train_prompts.json test_prompts.json
"""

import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bench.plan_file import holds_plan, write_plan
from onestep.atomic import whole_folder
from onestep.errors import SettingError
from onestep.frame_size import FrameSize
from onestep.runtime.pictures import read_picture
from onestep.training.rendered import render_frames

Kind = Literal["unpaired", "paired"]
Picture = NDArray[np.uint8]

DAY_PROMPT: Final = "driving in the day"
NIGHT_PROMPT: Final = "driving in the night"
_SCENES_APART: Final = 100_000
"""Between the first seeds of two groups of scenes, which therefore share none."""
_DAY_GROUP, _NIGHT_GROUP, _TEST_GROUP, _SCORED_GROUP, _GROUPS = range(1, 6)

_Group = tuple[int, tuple[str, ...], tuple[str, ...], int]
"""Which scenes, their conditions, the folders that these go to, and the number of views."""


@dataclass(frozen=True)
class DataPlan:
    """What is rendered; equal plans give equal pictures."""

    kind: Kind
    size: FrameSize
    train_views: int
    """On each side, three views per scene."""
    test_views: int
    scored_views: int
    seed: int

    def __post_init__(self) -> None:
        for name in ("train_views", "test_views", "scored_views"):
            if not 2 <= getattr(self, name) <= 3 * _SCENES_APART:
                raise SettingError(
                    f"{name} is {getattr(self, name)}, and it must be 2 to {3 * _SCENES_APART}: sides need two "
                    "pictures, and groups of scenes must not overlap."
                )
        if self.seed < 0:
            raise SettingError(f"seed is {self.seed}, and it must be 0 or more.")

    def first_scene(self, group: int) -> int:
        """Return the seed of the first scene of a group."""
        return (self.seed * _GROUPS + group) * _SCENES_APART


def render_learning_data(folder: Path, plan: DataPlan, *, processes: int) -> None:
    """Render a data folder, or leave one of the same plan as it is; it appears whole or not at all.

    Raises:
        SettingError: Pictures of another plan lie there.
        OutputError: The folder cannot be written.
    """
    described = _described(plan)
    if holds_plan(folder, described):
        return
    with whole_folder(folder, overwrite=False) as partial:
        for group, conditions, names, count in _groups(plan):
            arrays = partial / "arrays"
            rendered = render_frames(
                arrays,
                count=count,
                size=plan.size,
                conditions=conditions,
                seed=plan.first_scene(group),
                processes=processes,
            )
            for condition, name in zip(conditions, names, strict=True):
                _write_pictures(partial / name, rendered.frames[condition])
            shutil.rmtree(arrays)
        _write_prompts(partial, plan)
        write_plan(partial, described)


def pictures_of(folder: Path) -> list[Picture]:
    """Read all pictures of a folder, by name."""
    return [read_picture(path) for path in sorted(folder.glob("*.png"))]


def _described(plan: DataPlan) -> dict[str, Any]:
    return {**asdict(plan), "size": str(plan.size)}


def _groups(plan: DataPlan) -> list[_Group]:
    both = ("day", "night")
    train: list[_Group] = [(_DAY_GROUP, both, ("train_A", "train_B"), plan.train_views)]
    if plan.kind == "unpaired":
        train = [
            (_DAY_GROUP, ("day",), ("train_A",), plan.train_views),
            (_NIGHT_GROUP, ("night",), ("train_B",), plan.train_views),
        ]
    return [
        *train,
        (_TEST_GROUP, both, ("test_A", "test_B"), plan.test_views),
        (_SCORED_GROUP, both, ("scored/day", "scored/night"), plan.scored_views),
    ]


def _write_pictures(folder: Path, frames: NDArray[np.uint8]) -> None:
    folder.mkdir(parents=True)
    for index, frame in enumerate(frames):
        Image.fromarray(np.asarray(frame)).save(folder / _name(index))


def _write_prompts(folder: Path, plan: DataPlan) -> None:
    if plan.kind == "unpaired":
        (folder / "fixed_prompt_a.txt").write_text(f"{DAY_PROMPT}\n", encoding="utf-8")
        (folder / "fixed_prompt_b.txt").write_text(f"{NIGHT_PROMPT}\n", encoding="utf-8")
        return
    for split, count in (("train", plan.train_views), ("test", plan.test_views)):
        captions = {_name(index): NIGHT_PROMPT for index in range(count)}
        (folder / f"{split}_prompts.json").write_text(json.dumps(captions, indent=0) + "\n", encoding="utf-8")


def _name(index: int) -> str:
    return f"{index:05d}.png"
