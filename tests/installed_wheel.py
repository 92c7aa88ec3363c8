"""Run with the interpreter of an environment that holds nothing but the wheel and onnxruntime: does it translate?

Not a pytest file: pytest is not installed there. Exits with a message and status 1 when something is missing.
"""

import importlib.util
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SECONDS = 1.0
SHARE_LEFT = 0.6
"""Of the distance from the drive by day to the same drive by night, after translation."""


def main() -> None:
    command = str(Path(sys.executable).with_name("onestep"))
    for heavy in ("torch", "onnx", "diffusers", "pytest"):
        assert importlib.util.find_spec(heavy) is None, f"{heavy} is installed here, so this run would prove nothing"
    with tempfile.TemporaryDirectory() as folder:
        day, night, truth, report = (
            Path(folder, name) for name in ("day.mp4", "night.mp4", "truth.mp4", "report.json")
        )
        for path, condition in ((day, "day"), (truth, "night")):
            render = [command, "render-video", str(path), "--condition", condition, "--seconds", str(SECONDS)]
            subprocess.run(render, check=True)
        subprocess.run([command, "run-video", str(day), "-o", str(night), "--report", str(report)], check=True)
        _check(_frames(day), _frames(night), _frames(truth), json.loads(report.read_text()))
    print("1 passed, 0 failed")


def _frames(path: Path) -> "NDArray[np.float32]":
    import av
    import numpy as np

    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]).astype(np.float32)


def _check(
    day: "NDArray[np.float32]",
    night: "NDArray[np.float32]",
    truth: "NDArray[np.float32]",
    report: dict[str, int],
) -> None:
    assert day.shape == night.shape, f"frames and sizes {day.shape} became {night.shape}"
    assert report["frames_written"] == len(day), report
    left, before = abs(night - truth).mean(), abs(day - truth).mean()
    assert left < SHARE_LEFT * before, f"{left:.0f} levels from the known night, the day itself {before:.0f}"
    by_day, by_night = day.mean(), night.mean()
    assert by_night < 0.6 * by_day, f"mean level {by_day:.0f} by day, {by_night:.0f} by night: that is no night"
    sky = slice(0, day.shape[1] // 4)
    dark, bright = night[:, sky].mean(), day[:, sky].mean()
    assert dark < 0.5 * bright, f"the upper quarter has a mean level of {bright:.0f} by day, {dark:.0f} by night"


if __name__ == "__main__":
    main()
