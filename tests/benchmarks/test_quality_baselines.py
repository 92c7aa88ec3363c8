"""What a translation is held against: darkening by gamma against hand computation, and the oracle's colours."""

from pathlib import Path

import av
import numpy as np
import pytest
from bench.quality_baselines import darken, darken_video, gamma_for, transfer_to_truth

from onestep.evaluation.measures.reinhard import ColourSums
from onestep.runtime.pictures import read_picture, write_picture
from tests.evaluation.picture_samples import rendered, write_folder
from tests.evaluation.video_samples import write_video


def test_gamma_by_hand() -> None:
    levels = np.zeros(256)
    levels[128] = 1.0
    assert 255 * (128 / 255) ** gamma_for(levels, 64.0) == pytest.approx(64.0, abs=1e-6)
    assert gamma_for(levels, 128.0) == pytest.approx(1.0)


def test_darkened_pictures_have_the_mean_level_of_the_others(tmp_path: Path) -> None:
    ramp = np.broadcast_to(np.arange(64, dtype=np.uint8)[None, :, None] * 4, (32, 64, 3))
    write_picture(tmp_path / "day.png", np.ascontiguousarray(ramp))
    write_picture(tmp_path / "night.png", np.full((32, 64, 3), 40, np.uint8))
    darken([tmp_path / "day.png"], [tmp_path / "night.png"], tmp_path / "dark")
    dark = read_picture(tmp_path / "dark" / "day.png")
    assert dark.mean() == pytest.approx(40.0, abs=0.5)
    assert (np.diff(dark[0, :, 0].astype(int)) >= 0).all()


def test_a_darkened_video_has_the_mean_level_of_the_others_and_its_own_times(tmp_path: Path) -> None:
    write_video(tmp_path / "day.mp4", [rendered(seed, size=(128, 72)) for seed in (1, 2, 3)])
    write_picture(tmp_path / "night.png", np.full((32, 64, 3), 40, np.uint8))
    gamma = darken_video(tmp_path / "day.mp4", [tmp_path / "night.png"], tmp_path / "made" / "gamma.mp4")
    assert gamma > 1.5
    with av.open(str(tmp_path / "made" / "gamma.mp4")) as dark, av.open(str(tmp_path / "day.mp4")) as day:
        frames, before = list(dark.decode(video=0)), list(day.decode(video=0))
    assert [frame.time for frame in frames] == [frame.time for frame in before]
    assert np.mean([frame.to_ndarray(format="rgb24").mean() for frame in frames]) == pytest.approx(40.0, abs=1.5)


def test_the_oracle_takes_the_colours_of_each_true_result(tmp_path: Path) -> None:
    days = write_folder(tmp_path / "days", {"a": rendered(1), "b": rendered(2)})
    nights = write_folder(tmp_path / "nights", {"a": rendered(1, "night"), "b": rendered(2, "night")})
    transfer_to_truth(sorted(days.iterdir()), nights, tmp_path / "oracle")
    for name in ("a", "b"):
        made, wanted = ColourSums(), ColourSums()
        made.add(read_picture(tmp_path / "oracle" / f"{name}.png"))
        wanted.add(read_picture(nights / f"{name}.png"))
        assert made.statistics().mean == pytest.approx(wanted.statistics().mean, abs=0.15)
