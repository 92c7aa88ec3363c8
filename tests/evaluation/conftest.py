"""What several tests of evaluations share: folders of pictures to measure."""

from pathlib import Path

import numpy as np
import pytest

from tests.evaluation.picture_samples import SEEDS, blurred, darkened, noisy, rendered, write_folder


def pictures(condition: str, seeds: tuple[int, ...] = SEEDS) -> dict[str, np.ndarray]:
    return {f"p{seed}": rendered(seed, condition) for seed in seeds}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with day, night (the truth), other nights, and results of several qualities."""
    root = tmp_path_factory.mktemp("evaluation")
    days = pictures("day")
    write_folder(root / "day", days)
    write_folder(root / "night", pictures("night"))
    write_folder(root / "targets", pictures("night", (21, 22, 23, 24, 25, 26)))
    write_folder(root / "dark", {name: darkened(day, 0.25) for name, day in days.items()})
    write_folder(root / "murky", {name: noisy(blurred(darkened(day, 0.25), 3), 12) for name, day in days.items()})
    return root
