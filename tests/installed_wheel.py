"""Run with the interpreter of an environment that holds nothing but the wheel and onnxruntime: does it translate?

Not a pytest file: pytest is not installed there. Exits with a message and status 1 when something is missing.
"""

import importlib.util
import json
import subprocess
import sys
import tempfile
from pathlib import Path

SECONDS = 1.0


def main() -> None:
    command = str(Path(sys.executable).with_name("onestep"))
    for heavy in ("torch", "onnx", "diffusers", "pytest"):
        assert importlib.util.find_spec(heavy) is None, f"{heavy} is installed here, so this run would prove nothing"
    with tempfile.TemporaryDirectory() as folder:
        day, night, report = (Path(folder, name) for name in ("day.mp4", "night.mp4", "report.json"))
        subprocess.run([command, "render-video", str(day), "--seconds", str(SECONDS)], check=True)
        subprocess.run([command, "run-video", str(day), "-o", str(night), "--report", str(report)], check=True)
        _check(day, night, json.loads(report.read_text()))
    print("1 passed, 0 failed")


def _check(day: Path, night: Path, report: dict[str, int]) -> None:
    import av
    import numpy as np

    means = []
    for path in (day, night):
        with av.open(str(path)) as container:
            frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        means.append((len(frames), frames[0].shape, float(np.mean(frames))))
    (count, shape, by_day), (translated, same_shape, by_night) = means
    assert (count, shape) == (translated, same_shape), f"{count} frames of {shape} became {translated} of {same_shape}"
    assert report["frames_written"] == count, report
    assert by_night < 0.6 * by_day, f"mean level {by_day:.0f} by day, {by_night:.0f} by night: that is no night"


if __name__ == "__main__":
    main()
