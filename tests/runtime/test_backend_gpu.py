"""The GPU backends on a real GPU, against ONNX Runtime on the processor. Not run where they were written."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from onestep.bundle import Bundle
from onestep.exporter.samples import sample_frames
from onestep.frame_size import FrameSize
from onestep.runtime.backends.tensorrt_timing import frame_latencies_ms
from onestep.runtime.session import Session, SessionOptions, open_session
from onestep.training.folder import PackedGenerator
from tests.exporter.engine_bundles import engine_bundle
from tests.gpu import build, gpu_backends, tensorrt_backends

pytestmark = pytest.mark.gpu

SIZE = FrameSize(192, 128)
MAX_LEVELS, MIN_PSNR_DB = 6, 45.0
"""As for an fp16 graph against float32 (`onestep.exporter.parity.LIMITS`): the same sums in another order."""


@pytest.fixture(scope="module")
def bundle(packed: PackedGenerator, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    folder = tmp_path_factory.mktemp("gpu") / "bundle"
    bundle = engine_bundle(folder, packed.generator, packed.base.prompt_embedding("x"), size=SIZE)
    for backend in tensorrt_backends():
        build(bundle.path, backend)
    return bundle


@pytest.fixture(params=gpu_backends())
def session(bundle: Bundle, request: pytest.FixtureRequest) -> Iterator[Session]:
    with open_session(SessionOptions(bundle=bundle, backend=request.param)) as opened:
        yield opened


def test_the_gpu_gives_what_the_processor_gives(bundle: Bundle, session: Session) -> None:
    with open_session(SessionOptions(bundle=bundle, backend="onnxruntime-cpu")) as reference:
        pairs = [(session(frame), reference(frame)) for frame in sample_frames(SIZE, 8)]
    difference = np.stack([ours.astype(int) - theirs for ours, theirs in pairs])
    assert np.abs(difference).max() <= MAX_LEVELS
    assert 10 * np.log10(255**2 / max(np.square(difference).mean(), 1e-9)) >= MIN_PSNR_DB


def test_frames_in_flight_do_not_touch_each_other(session: Session) -> None:
    frames = list(sample_frames(SIZE, 6))
    alone = [session(frame) for frame in frames]
    slots = [session.engine.new_slot() for _ in range(2)]
    together = []
    for index, frame in enumerate(frames):
        slot = slots[index % 2]
        if index >= 2:
            session.engine.wait(slot)
            together.append(slot.output.copy())
        slot.input[:] = frame
        session.engine.submit(slot)
    for index in (len(frames), len(frames) + 1):
        session.engine.wait(slots[index % 2])
        together.append(slots[index % 2].output.copy())
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one, other)


def test_latency_can_be_measured(session: Session) -> None:
    assert min(frame_latencies_ms(session.engine, warm_up=5, count=20)) > 0


@pytest.mark.tensorrt
@pytest.mark.parametrize("backend", tensorrt_backends())
def test_polygraphys_runner_agrees(bundle: Bundle, tmp_path: Path, backend: str) -> None:
    """The same plan in polygraphy's runner, in a process of its own: it is bound to one library for good."""
    (plan,) = (bundle.path / "engines").glob(f"{backend}.*.plan")
    frame = next(sample_frames(SIZE, 1))
    np.save(tmp_path / "frame.npy", frame[None])
    code = (
        "import sys, numpy as np\n"
        "from polygraphy.backend.common import BytesFromPath\n"
        "from polygraphy.backend.trt import EngineFromBytes, TrtRunner\n"
        "with TrtRunner(EngineFromBytes(BytesFromPath(sys.argv[1]))) as runner:\n"
        "    np.save(sys.argv[3], runner.infer({'frame': np.load(sys.argv[2])})['translated'])\n"
    )
    arguments = [str(plan), str(tmp_path / "frame.npy"), str(tmp_path / "translated.npy")]
    environment = os.environ | {"POLYGRAPHY_USE_TENSORRT_RTX": str(int(backend == "tensorrt-rtx"))}
    subprocess.run([sys.executable, "-c", code, *arguments], check=True, env=environment, capture_output=True)
    with open_session(SessionOptions(bundle=bundle, backend=backend)) as session:
        np.testing.assert_array_equal(session(frame), np.load(tmp_path / "translated.npy")[0])
