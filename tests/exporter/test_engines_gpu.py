"""Refitting on a real GPU: the engine then computes the new graph, and the first weights come back whole.

Not run where it was written.
"""

import shutil
from pathlib import Path

import pytest

from onestep.bundle import Bundle, open_bundle
from onestep.exporter.engines.engine_parity import enforce_engine_parity, engine_parity
from onestep.exporter.engines.refit_bundle import refit_bundle
from onestep.exporter.engines.refit_gpu import frame_runner, installed_gpu
from onestep.frame_size import FrameSize
from onestep.runtime.session import SessionOptions, open_session
from onestep.training.folder import PackedGenerator
from tests.exporter.engine_bundles import engine_bundle
from tests.exporter.test_engines_refit_gpu import with_other_loras
from tests.gpu import build, tensorrt_backends

pytestmark = [pytest.mark.gpu, pytest.mark.tensorrt]

SIZE = FrameSize(192, 128)


@pytest.fixture(scope="module", params=tensorrt_backends())
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def refittable(packed: PackedGenerator, backend: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of the tiny base in float16 with a refittable engine."""
    folder = tmp_path_factory.mktemp("refit-gpu") / "bundle"
    engine_bundle(folder, packed.generator, packed.base.prompt_embedding("x"), size=SIZE)
    build(folder, backend, "--refittable")
    return folder


def check_engine(bundle: Bundle, backend: str) -> None:
    with open_session(SessionOptions(bundle=bundle, backend=backend)) as session:
        run = frame_runner(session.engine)
        report = engine_parity(run, graph_path=bundle.graph_path, precision="fp16", size=SIZE, count=4)
    enforce_engine_parity(report, name=backend)


def refit_with(folder: Path, wanted: PackedGenerator) -> None:
    report = refit_bundle(open_bundle(folder), lambda: wanted, open_gpu=installed_gpu, parity_frame_count=2)
    assert len(report.engines) == 1


def test_a_refittable_build_loses_no_weight(refittable: Path, backend: str) -> None:
    check_engine(open_bundle(refittable), backend)


def test_other_weights_go_in_and_the_first_come_back(
    refittable: Path, backend: str, packed: PackedGenerator, tmp_path: Path
) -> None:
    folder = shutil.copytree(refittable, tmp_path / "bundle")
    for wanted in (with_other_loras(packed), packed):
        refit_with(folder, wanted)
        check_engine(open_bundle(folder), backend)
