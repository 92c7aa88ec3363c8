"""New weights in a bundle: all of it or nothing, whatever fails and whenever, on a stand-in for the GPU."""

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper

from onestep.bundle import Bundle, open_bundle
from onestep.bundle.engine_record import EngineHost, EngineRecord, find_engine
from onestep.bundle.folder import GRAPH_NAME, file_record
from onestep.bundle.manifest import text_from_manifest
from onestep.errors import BackendError, EngineBuildError, EngineError, OutputError, ParityError
from onestep.exporter.engines import refit_bundle as refit_module
from onestep.exporter.engines.refit import RefitPlan
from onestep.exporter.engines.refit_bundle import RefitReport, refit_bundle
from onestep.exporter.engines.refit_choice import BuiltEngine
from onestep.exporter.export import ExportOptions
from onestep.exporter.samples import Frame
from onestep.frame_size import FrameSize
from tests.runtime.bundles import SMALL, make_bundle
from tests.runtime.engines import put_engine

REFITTABLE: dict[str, Any] = {"flags": {"refittable": True}}
NEW_WHITE = 250
NEWER = "1.7.2.1"


@dataclasses.dataclass(frozen=True)
class Card:
    """The one field of a generator's card that a refit sets."""

    preferred_size: tuple[int, int] = (512, 512)


@dataclasses.dataclass(frozen=True)
class Packed:
    """A generator, as far as the orchestration looks at it."""

    card: Card = Card()


@dataclasses.dataclass
class FakeGpu:
    """Refits by writing a text, and runs what the new graph computes, off by some levels if it shall fail."""

    off_by: int = 0
    done: list[str] = dataclasses.field(default_factory=list)
    before: Callable[[str], None] = lambda step: None

    def _do(self, step: str) -> None:
        self.before(step)
        self.done.append(step)

    def check(self, engine: BuiltEngine, bundle: Bundle) -> None:
        self._do(f"check {engine.record.backend}")

    def library_version(self, backend: str) -> str:
        return NEWER

    def refitted(self, engine: BuiltEngine, given: Path, wanted: RefitPlan) -> bytes:
        self._do(f"refit {engine.record.backend}")
        assert wanted.names == ("white",)
        return engine.plan.read_bytes() + b" with new weights"

    @contextmanager
    def running(
        self, record: EngineRecord, plan: bytes, bundle: Bundle, size: FrameSize
    ) -> Iterator[Callable[[Frame], Frame]]:
        self._do(f"run {record.backend} {size}")
        assert plan.endswith(b" with new weights")
        session = onnxruntime.InferenceSession(str(bundle.graph_path), providers=["CPUExecutionProvider"])

        def run(frame: Frame) -> Frame:
            self._do("frame")
            result: Frame = session.run(None, {"frame": frame[None]})[0][0]
            return np.where(result > 100, result - self.off_by, result).astype(np.uint8)

        yield run
        self._do("free")


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    """A bundle with an engine of each library and a file of the user's."""
    folder = make_bundle(tmp_path / "night.bundle")
    put_engine(folder, **REFITTABLE)
    put_engine(folder, "tensorrt.sm89", **REFITTABLE, backend="tensorrt", compute_capability="8.9")
    (folder / "notes").mkdir()
    (folder / "notes" / "mine.txt").write_text("mine")
    return open_bundle(folder)


@pytest.fixture(autouse=True)
def exported(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Let an export write the same graph with another constant; return what it was given."""
    given: list[Any] = []

    def export_bundle(packed: Any, output: Path, *, options: ExportOptions, on_stage: Any) -> Any:
        given.append((packed, options))
        on_stage("exporting")
        brighter(output)
        return SimpleNamespace(parity=SimpleNamespace(frame_count=2))

    monkeypatch.setattr(refit_module, "export_bundle", export_bundle)
    return given


def brighter(folder: Path) -> None:
    bundle = open_bundle(make_bundle(folder))
    model = onnx.load(str(bundle.graph_path))
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(np.full(3, NEW_WHITE, np.int32), "white"))
    onnx.save(model, str(bundle.graph_path))
    manifest = dataclasses.replace(bundle.manifest, files={GRAPH_NAME: file_record(bundle.graph_path)})
    (folder / "manifest.json").write_text(text_from_manifest(manifest))


def tree(folder: Path) -> dict[str, bytes]:
    """Return the content of all files below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def refitted(bundle: Bundle, gpu: FakeGpu) -> RefitReport:
    return refit_bundle(bundle, Packed, open_gpu=lambda: gpu)  # type: ignore[arg-type]


def white(bundle: Path) -> int:
    return int(numpy_helper.to_array(onnx.load(str(bundle / GRAPH_NAME)).graph.initializer[0])[0])


def test_graph_and_engines_are_replaced_together(bundle: Bundle, exported: list[Any]) -> None:
    gpu, stages = FakeGpu(), list[str]()
    mode = bundle.path.stat().st_mode
    report = refit_bundle(bundle, Packed, open_gpu=lambda: gpu, on_stage=stages.append)  # type: ignore[arg-type]
    new = open_bundle(bundle.path)
    assert (white(new.path), new.path.stat().st_mode) == (NEW_WHITE, mode)
    for host in (EngineHost("tensorrt-rtx", NEWER, "9.0"), EngineHost("tensorrt", NEWER, "8.9")):
        found = find_engine(new, SMALL, host)
        assert found.plan.read_bytes().endswith(b" with new weights")
        assert found.record.flags["refitted_at"]
    assert [engine.record.backend for engine in report.engines] == ["tensorrt-rtx", "tensorrt"]
    assert all(parity.graph_to_float32.max_abs == 0 for engine in report.engines for parity in engine.parities)
    assert (report.wanted.names, report.wanted.parameters) == (("white",), 3)
    assert (bundle.path / "notes" / "mine.txt").read_text() == "mine"
    assert len(list((bundle.path / "engines").iterdir())) == 4
    assert [path.name for path in bundle.path.parent.iterdir()] == ["night.bundle"]
    assert gpu.done[:2] == ["check tensorrt-rtx", "check tensorrt"]
    assert gpu.done[2:6] == ["refit tensorrt-rtx", "run tensorrt-rtx 64x32", "frame", "frame"]
    assert stages[-1] == "putting graph and engines in place"
    (packed, options), *_ = exported
    assert packed.card.preferred_size == (64, 32)
    assert (options.precision, options.size) == ("fp32", SMALL)


def test_a_free_size_stays_free(tmp_path: Path) -> None:
    folder = make_bundle(tmp_path / "free", free=True)
    assert refit_module._export_options(open_bundle(folder).manifest, 3).size is None


def test_every_size_of_an_engine_is_compared(tmp_path: Path) -> None:
    folder = make_bundle(tmp_path / "free", free=True)
    put_engine(folder, **REFITTABLE, profiles=["64x32", "96x64"])
    free = dataclasses.replace(open_bundle(folder))
    gpu = FakeGpu()

    def export_free(packed: Any, output: Path, *, options: ExportOptions, on_stage: Any) -> Any:
        make_bundle(output, free=True)
        return SimpleNamespace(parity=SimpleNamespace(frame_count=1))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(refit_module, "export_bundle", export_free)
        report = refitted(free, gpu)
    assert [step for step in gpu.done if step.startswith("run")] == ["run tensorrt-rtx 64x32", "run tensorrt-rtx 96x64"]
    assert [str(parity.frame_size) for parity in report.engines[0].parities] == ["64x32", "96x64"]


def test_an_engine_that_is_not_its_graph_changes_nothing(bundle: Bundle) -> None:
    before = tree(bundle.path.parent)
    with pytest.raises(
        ParityError, match=r"tensorrt-rtx\.plan does not compute what its graph computes: .* over 2 frames"
    ):
        refitted(bundle, FakeGpu(off_by=40))
    assert tree(bundle.path.parent) == before


STEPS = ("check tensorrt", "refit tensorrt-rtx", "refit tensorrt", "run tensorrt-rtx 64x32", "frame", "free")
FAULTS = (EngineBuildError("no"), KeyboardInterrupt(), RuntimeError("no"), OSError("no"))


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
@pytest.mark.parametrize("failing", STEPS)
def test_a_failure_on_the_gpu_changes_nothing(bundle: Bundle, failing: str, fault: BaseException) -> None:
    before = tree(bundle.path.parent)

    def fail(step: str) -> None:
        if step == failing:
            raise fault

    with pytest.raises(type(fault)):
        refitted(bundle, FakeGpu(before=fail))
    assert tree(bundle.path.parent) == before


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
@pytest.mark.parametrize("function", ["export_bundle", "plan_refit", "write_engine", "carry_over", "swap"])
def test_a_failure_in_any_stage_changes_nothing(
    bundle: Bundle, function: str, fault: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = tree(bundle.path.parent)

    def fail(*_: Any, **__: Any) -> None:
        raise fault

    monkeypatch.setattr(refit_module, function, fail)
    with pytest.raises(type(fault)):
        refitted(bundle, FakeGpu())
    assert tree(bundle.path.parent) == before


@pytest.mark.parametrize("moved", ["night.bundle", "new"])
@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("fault", [KeyboardInterrupt(), OSError("no")], ids=lambda fault: type(fault).__name__)
def test_a_bundle_is_there_whenever_the_exchange_breaks(
    bundle: Bundle, moved: str, moment: str, fault: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, rename, broken = tree(bundle.path.parent), Path.rename, list[str]()

    def breaking(path: Path, target: Path) -> Path:
        breaks = path.name == moved and not broken
        if breaks and moment == "before":
            broken.append(moved)
            raise fault
        result = rename(path, target)
        if breaks:
            broken.append(moved)
            raise fault
        return result

    monkeypatch.setattr(Path, "rename", breaking)
    with pytest.raises(OutputError if isinstance(fault, OSError) else type(fault)):
        refitted(bundle, FakeGpu())
    monkeypatch.undo()
    if moved == "new" and moment == "after":
        assert white(open_bundle(bundle.path).path) == NEW_WHITE, "it was in place already, whole"
        assert [path.name for path in bundle.path.parent.iterdir()] == ["night.bundle"]
    else:
        assert tree(bundle.path.parent) == before


def test_another_topology_is_refused_before_the_gpu_is_opened(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    def export_other(packed: Any, output: Path, *, options: ExportOptions, on_stage: Any) -> Any:
        make_bundle(output, kind="copy")
        return SimpleNamespace(parity=SimpleNamespace(frame_count=1))

    monkeypatch.setattr(refit_module, "export_bundle", export_other)
    before = tree(bundle.path.parent)
    with pytest.raises(EngineBuildError, match="Node 0 is Identity .* build a new one with `onestep build`"):
        refit_bundle(bundle, Packed, open_gpu=lambda: pytest.fail("opened"))  # type: ignore[arg-type]
    assert tree(bundle.path.parent) == before


def test_without_a_gpu_it_says_that_the_weights_fit(bundle: Bundle) -> None:
    before = tree(bundle.path.parent)

    def no_gpu() -> Any:
        raise BackendError("refit cannot run here: no NVIDIA driver was found")

    with pytest.raises(
        BackendError,
        match=r"^The new weights fit: 1 of 1 matched by name, type and shape, 3 parameters\. .* none can be used here "
        r"\(refit cannot run here: no NVIDIA driver was found\)\. Nothing was changed\. Run the same command on the "
        r"engine's machine\.$",
    ):
        refit_bundle(bundle, Packed, open_gpu=no_gpu)  # type: ignore[arg-type]
    assert tree(bundle.path.parent) == before


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"flags": {"refittable": False}}, "it was built without --refittable"),
        ({"flags": {}}, "it was built without --refittable"),
        (
            {**REFITTABLE, "graph": {"generator.onnx": "0" * 64}},
            "the bundle's graph changed after the engine was built",
        ),
        ({**REFITTABLE, "plan_bytes": 99}, "its plan was cut off or changed: 20 bytes, expected 99"),
    ],
)
def test_engines_that_cannot_be_refitted(bundle: Bundle, changes: dict[str, Any], message: str) -> None:
    put_engine(bundle.path, "tensorrt-rtx", **changes)
    with pytest.raises(
        EngineError, match=rf"cannot be replaced: {message}\. All engines .*--size 64x32 --refittable\)"
    ):
        refit_bundle(bundle, lambda: pytest.fail("loaded"), open_gpu=FakeGpu)


def test_a_bundle_without_engines_is_exported_anew(tmp_path: Path) -> None:
    bundle = open_bundle(make_bundle(tmp_path / "bundle"))
    with pytest.raises(
        EngineError, match="has no engine whose weights could be replaced. Export the new generator as a"
    ):
        refitted(bundle, FakeGpu())


def test_a_folder_that_cannot_be_written(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("onestep.exporter.engines.swap.TemporaryDirectory", refuse)
    with pytest.raises(OutputError, match=r"Nothing can be written in .* \(Permission denied\).* Copy the bundle"):
        refitted(bundle, FakeGpu())


def test_a_mounted_bundle_is_refused_before_anything_is_loaded(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "is_mount", lambda path: path == bundle.path)
    with pytest.raises(OutputError, match=r"is mounted there and cannot be replaced\. Copy the bundle"):
        refit_bundle(bundle, lambda: pytest.fail("loaded"), open_gpu=FakeGpu)


def test_a_file_of_the_users_that_cannot_be_copied_is_said(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied")

    before = tree(bundle.path.parent)
    monkeypatch.setattr("onestep.exporter.engines.swap.shutil.copytree", refuse)
    with pytest.raises(OutputError, match=r"cannot take the place of .* \(Permission denied\)\. What is there is"):
        refitted(bundle, FakeGpu())
    assert tree(bundle.path.parent) == before


def test_a_bundle_that_is_named_by_the_folder_one_stands_in(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(bundle.path)
    refitted(open_bundle("."), FakeGpu())
    assert white(bundle.path) == NEW_WHITE
