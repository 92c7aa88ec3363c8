"""From nothing to the first frame: a fresh process imports the runtime, opens a bundle and translates a frame."""

import json
import signal
import subprocess
import sys
from pathlib import Path

from onestep.errors import BackendError
from onestep.frame_size import FrameSize

_SCRIPT = """
import json, sys, time
start = time.perf_counter()
import numpy
import onestep.runtime
imported = time.perf_counter()
bundle, backend, size, threads = sys.argv[1:]
session = onestep.runtime.open(bundle, backend=backend, size=size, threads=int(threads))
opened = time.perf_counter()
session(numpy.zeros((session.frame_size.height, session.frame_size.width, 3), numpy.uint8))
done = time.perf_counter()
print(json.dumps({"import": imported - start, "open": opened - imported, "first frame": done - opened}))
"""


def cold_start(bundle: Path, backend: str, size: FrameSize, threads: int) -> dict[str, float]:
    """Return the seconds to `import`, to `open` and to translate the `first frame`, in a fresh process.

    The files of the bundle are in the system's cache: they have just been written or read.

    Raises:
        BackendError: The process failed or was killed.
    """
    command = [sys.executable, "-c", _SCRIPT, str(bundle), backend, str(size), str(threads)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BackendError(f"the cold start failed: {_ending(done.returncode, done.stderr)}")
    seconds: dict[str, float] = json.loads(done.stdout)
    return seconds


def _ending(status: int, errors: str) -> str:
    """Say in a few words how a process ended."""
    said = "".join(errors.strip().splitlines()[-1:]) or "it said nothing"
    known = -status in {each.value for each in signal.Signals}
    return f"killed by {signal.Signals(-status).name} ({said})" if known else f"exit status {status} ({said})"
