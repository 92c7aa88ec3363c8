"""Options that do not go together, the choice of the fastest, the count of steps, and writing whole or not at all."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from onestep.atomic import check_writable
from onestep.bundle import TensorSpec, open_bundle
from onestep.bundle.engine_record import ANY_GPU, EngineHost, find_engine
from onestep.errors import EngineBuildError, OutputError, SettingError, UnknownNameError
from onestep.exporter.engines import network
from onestep.exporter.engines.build import _builds, build_engine, fastest
from onestep.exporter.engines.build import _Built as Built
from onestep.exporter.engines.builder_config import _read_timing_cache, keep_timing_cache
from onestep.exporter.engines.options import BuildOptions, profile_sizes
from onestep.exporter.engines.progress import StepCount
from onestep.exporter.engines.write_engine import write_engine
from onestep.frame_size import FrameSize, frame_size_from_text
from onestep.tensorrt_library import LIBRARIES
from tests.runtime.bundles import SMALL, make_bundle
from tests.runtime.engines import engine_record


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"backend": "tensort"}, UnknownNameError, "Unknown engine library 'tensort'. Did you mean 'tensorrt'"),
        ({"optimization_level": 6}, SettingError, "Optimisation level 6 does not exist; 0 to 5 do"),
        ({"workspace_mib": 0}, SettingError, "workspace mib is 0; expected 1 or more"),
        ({"builds": 0}, SettingError, "builds is 0; expected 1 or more"),
        ({"hardware_compatibility": "all"}, UnknownNameError, "Unknown hardware compatibility 'all'"),
        ({"timing_cache": Path("x")}, SettingError, "takes no timing cache and no hardware compatibility"),
        ({"hardware_compatibility": "ampere_plus"}, SettingError, "or build with --backend tensorrt"),
    ],
)
def test_options_that_do_not_go(options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        BuildOptions(**options)


def test_several_builds_need_something_that_times_them(tmp_path: Path) -> None:
    bundle = open_bundle(make_bundle(tmp_path / "bundle"))
    with pytest.raises(SettingError, match="3 builds were asked for, and there is no GPU here"):
        build_engine(bundle, options=BuildOptions(builds=3))


def test_a_graph_with_more_inputs_is_refused(tmp_path: Path) -> None:
    inputs = [TensorSpec("frame", "uint8", [1, 32, 64, 3]), TensorSpec("strength", "float32", [1])]
    bundle = open_bundle(make_bundle(tmp_path / "bundle", promise={"inputs": inputs}))
    with pytest.raises(EngineBuildError, match="takes frame, strength; engines are built of graphs that take one"):
        build_engine(bundle, options=BuildOptions())


def test_the_fastest_of_several_builds_is_kept() -> None:
    builds = [Built(b"a", 1.0, 12.0), Built(b"b", 1.0, 9.5), Built(b"c", 1.0, 10.0)]
    assert fastest(builds).plan == b"b"
    assert fastest([Built(b"a", 1.0), Built(b"b", 1.0)]).plan == b"a"


def test_sizes_are_the_bundles_unless_given(tmp_path: Path) -> None:
    fixed = open_bundle(make_bundle(tmp_path / "fixed")).manifest
    free = open_bundle(make_bundle(tmp_path / "free", free=True)).manifest
    twice = (FrameSize(96, 64), SMALL, FrameSize(96, 64))
    assert profile_sizes(BuildOptions(), fixed) == [SMALL]
    assert profile_sizes(BuildOptions(sizes=twice), free) == [FrameSize(96, 64), SMALL]
    with pytest.raises(SettingError, match="takes frames of 64x32 only, and an engine for 96x64 was asked for"):
        profile_sizes(BuildOptions(sizes=twice), fixed)


def test_steps_only_grow_and_end_complete() -> None:
    told: list[tuple[int, int | None]] = []
    count = StepCount(lambda done, known: told.append((done, known)))
    count.start("outer", 2)
    count.start("inner", 3)
    count.step("inner")
    count.finish("inner")
    for _ in range(4):
        count.step("outer")
    count.finish("outer")
    assert told[-1] == (5, 5)
    assert [done for done, _ in told] == [1, 3, 4, 5, 5, 5, 5]


def test_plan_and_record_are_written_together(tmp_path: Path) -> None:
    bundle = open_bundle(make_bundle(tmp_path / "bundle"))
    plan, record = write_engine(bundle, b"first", engine_record(bundle.path))
    assert plan.read_bytes() == b"first"
    assert (record.plan_bytes, record.plan) == (5, plan.name)
    here = {"backend": "tensorrt", "compute_capability": "8.9"}
    other, _ = write_engine(bundle, b"second", engine_record(bundle.path, **here))
    assert other.name.startswith("tensorrt.sm89.")
    portable, _ = write_engine(bundle, b"3", engine_record(bundle.path, **here, hardware_compatibility="ampere_plus"))
    assert portable.name.startswith("tensorrt.ampere_plus.")
    again, _ = write_engine(bundle, b"third", engine_record(bundle.path, compute_capability=ANY_GPU))
    assert sorted(path.suffix for path in plan.parent.iterdir()) == [".json"] * 3 + [".plan"] * 3
    assert again.exists() and not plan.exists()


def test_an_engine_for_another_size_stays(tmp_path: Path) -> None:
    bundle = open_bundle(make_bundle(tmp_path / "bundle"))
    for text in ("64x32", "96x64"):
        plan = text.encode()
        write_engine(bundle, plan, engine_record(bundle.path, profiles=[text], compute_capability=ANY_GPU))
    for text in ("64x32", "96x64"):
        found = find_engine(bundle, frame_size_from_text(text), EngineHost("tensorrt-rtx", "1.7.1.116", "8.9"))
        assert found.plan.read_bytes() == text.encode()


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    bundle = open_bundle(make_bundle(tmp_path / "bundle"))
    (bundle.path / "engines").write_text("a file in the way")
    with pytest.raises(OutputError, match=r"cannot be written to .*engines"):
        write_engine(bundle, b"plan", engine_record(bundle.path))


def test_tensorrt_without_a_gpu_says_what_to_do() -> None:
    class Library:
        __version__ = "11.4"

        def Builder(self, logger: object) -> None:  # the library's name
            raise TypeError("pybind11::init(): factory function returned nullptr")

    logger = type("Logger", (), {"errors": ["CUDA initialization failure with error: 35"]})()
    with pytest.raises(EngineBuildError, match=r"needs an NVIDIA GPU .*error: 35.*--backend tensorrt-rtx, which"):
        network._builder(LIBRARIES["tensorrt"], Library(), logger)  # type: ignore[arg-type]


def test_a_timing_cache_that_cannot_be_written_loses_no_engine(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = SimpleNamespace(get_timing_cache=lambda: SimpleNamespace(serialize=lambda: b"times"))
    (tmp_path / "file").touch()
    keep_timing_cache(config, tmp_path / "file" / "cache")
    assert "The timing cache could not be written" in caplog.text
    keep_timing_cache(config, tmp_path / "folder" / "cache")
    assert (tmp_path / "folder" / "cache").read_bytes() == b"times"
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["cache"]


def test_a_timing_cache_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(EngineBuildError, match=r"timing cache .* cannot be read \(Is a directory\)\. Name a file"):
        _read_timing_cache(SimpleNamespace(), tmp_path)


def test_a_bundle_that_cannot_be_written_is_said_before_the_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = open_bundle(make_bundle(tmp_path / "b"))
    before = sorted(bundle.path.iterdir())
    check_writable(bundle.path, advice="")
    assert sorted(bundle.path.iterdir()) == before

    def refuse(**_: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("onestep.atomic.tempfile.TemporaryFile", refuse)
    with pytest.raises(OutputError, match=r"Nothing can be written in .*/b \(Permission denied\).* Copy"):
        build_engine(bundle, options=BuildOptions())


@pytest.mark.parametrize("fault", [KeyboardInterrupt(), EngineBuildError("out of memory")], ids=["Ctrl-C", "failure"])
def test_builds_that_are_done_are_not_lost(fault: BaseException) -> None:
    def failing_after(count: int) -> Any:
        made = iter([Built(b"1", 1.0, 2.0), Built(b"2", 1.0, 1.0)][:count])

        def build() -> Built:
            for each in made:
                return each
            raise fault

        return build

    stages: list[str] = []
    assert fastest(_builds(3, failing_after(2), stages.append)).plan == b"2"
    assert stages == [f"build 3 of 3 ended ({str(fault) or 'interrupted'}): keeping the fastest of those before"]
    with pytest.raises(type(fault)):
        _builds(3, failing_after(0), stages.append)
