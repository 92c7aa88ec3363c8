"""An engine's record: what fits is found, and each mismatch has its own words and the command that mends it."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from onestep.bundle import Bundle, open_bundle
from onestep.bundle.engine_record import EngineHost, build_command, find_engine, read_record
from onestep.errors import BackendError, BundleError, EngineError
from onestep.frame_size import FrameSize
from tests.runtime.bundles import SMALL, make_bundle
from tests.runtime.engines import engine_record, put_engine

RTX = EngineHost("tensorrt-rtx", "1.7.1.116", "8.9")
TRT = EngineHost("tensorrt", "11.4.0.106", "8.9")
BUILT_HERE = {"backend": "tensorrt", "library_version": "11.4.0.106", "compute_capability": "8.9", "gpu": "RTX 4090"}


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return open_bundle(make_bundle(tmp_path / "bundle"))


def test_what_was_written_is_read_again(bundle: Bundle) -> None:
    path = put_engine(bundle.path)
    assert read_record(path, rebuild="") == engine_record(bundle.path)


def test_an_engine_that_fits_is_found_with_the_profile_of_the_size(bundle: Bundle) -> None:
    put_engine(bundle.path, profiles=["96x64", str(SMALL)])
    found = find_engine(bundle, SMALL, RTX)
    assert found.profile == 1
    assert found.plan.read_bytes() == b"a plan of the engine"
    assert found.record.sizes == [FrameSize(96, 64), SMALL]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"graph": {"generator.onnx": "0" * 64}}, "the bundle's graph changed after the engine was built"),
        ({"library_version": "1.6.0"}, r"it was built by tensorrt-rtx 1\.6\.0, and here is 1\.7\.1\.116"),
        ({"profiles": ["96x64", "160x96"]}, "it was built for 96x64, 160x96 and not for 64x32"),
        ({"plan_bytes": 99}, "its plan was cut off or changed: 20 bytes, expected 99"),
        ({"plan_sha256": "0" * 64}, r"its plan was changed: SHA-256 [0-9a-f]{12}…, expected 0{12}…"),
        ({"plan": "gone.plan"}, r"its plan gone\.plan is missing"),
        ({"plan": "../manifest.json"}, "lies outside the folder and will not be opened"),
    ],
)
def test_each_mismatch_has_its_words_and_the_command(bundle: Bundle, changes: dict[str, Any], message: str) -> None:
    put_engine(bundle.path, **changes)
    with pytest.raises(EngineError, match=message) as caught:
        find_engine(bundle, SMALL, RTX)
    assert f"onestep build {bundle.path} --backend tensorrt-rtx --size 64x32" in str(caught.value)
    assert isinstance(caught.value, BackendError), "so that auto passes over it"


def test_an_engine_for_any_gpu_does_not_run_on_an_older_one(bundle: Bundle) -> None:
    put_engine(bundle.path)
    assert find_engine(bundle, SMALL, EngineHost("tensorrt-rtx", RTX.library_version, "8.0")).profile == 0
    with pytest.raises(EngineError, match=r"from compute capability 8\.0 on, and this GPU has 7\.5\. Choose another"):
        find_engine(bundle, SMALL, EngineHost("tensorrt-rtx", RTX.library_version, "7.5"))


def test_a_damaged_record_hides_no_engine_that_fits(bundle: Bundle) -> None:
    put_engine(bundle.path)
    damaged = bundle.path / "engines" / "tensorrt-rtx.000.json"
    damaged.write_text("{")
    assert find_engine(bundle, SMALL, RTX).plan.read_bytes() == b"a plan of the engine"


def test_a_plan_that_was_cut_off_while_it_was_copied(bundle: Bundle) -> None:
    put_engine(bundle.path)
    plan = bundle.path / "engines" / "tensorrt-rtx.plan"
    plan.write_bytes(plan.read_bytes()[:7])
    with pytest.raises(
        EngineError, match=r"its plan was cut off or changed: 7 bytes, expected 20\).* Rebuild: onestep bu"
    ):
        find_engine(bundle, SMALL, RTX)


def test_a_bundle_that_was_exported_again_after_the_build(tmp_path: Path, bundle: Bundle) -> None:
    put_engine(bundle.path)
    folder = make_bundle(tmp_path / "again", kind="copy")
    shutil.copytree(bundle.path / "engines", folder / "engines")
    again = open_bundle(folder)
    with pytest.raises(EngineError, match="the bundle's graph changed after the engine was built"):
        find_engine(again, SMALL, RTX)


def test_an_engine_of_another_gpu(bundle: Bundle) -> None:
    put_engine(bundle.path, "tensorrt.sm89", **BUILT_HERE)
    assert find_engine(bundle, SMALL, TRT).record.gpu == "RTX 4090"
    other = EngineHost("tensorrt", "11.4.0.106", "9.0")
    with pytest.raises(EngineError, match=r"capability 8\.9 \(RTX 4090\), and this GPU has 9\.0.*--backend tensorrt "):
        find_engine(bundle, SMALL, other)


def test_compatible_engines_run_elsewhere(bundle: Bundle) -> None:
    put_engine(
        bundle.path,
        "tensorrt.ampere_plus",
        **(BUILT_HERE | {"hardware_compatibility": "ampere_plus", "version_compatible": True}),
    )
    assert find_engine(bundle, SMALL, EngineHost("tensorrt", "11.5.0.1", "9.0")).profile == 0
    for version, capability in (("12.0.0.0", "9.0"), ("11.3.0.0", "9.0"), ("11.5.0.1", "7.5")):
        with pytest.raises(EngineError, match="No tensorrt engine of"):
            find_engine(bundle, SMALL, EngineHost("tensorrt", version, capability))


def test_of_several_engines_the_one_that_fits_is_taken(bundle: Bundle) -> None:
    put_engine(bundle.path, "tensorrt.sm86", **(BUILT_HERE | {"compute_capability": "8.6"}))
    put_engine(bundle.path, "tensorrt.sm89", **BUILT_HERE)
    assert find_engine(bundle, SMALL, TRT).record.compute_capability == "8.9"


def test_no_engine_names_the_command(bundle: Bundle) -> None:
    put_engine(bundle.path, "tensorrt.sm89", **BUILT_HERE)
    with pytest.raises(EngineError, match=r"has no tensorrt-rtx engine\. Build one: onestep build .* --size 64x32$"):
        find_engine(bundle, SMALL, RTX)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "other"}, "describes no engine"),
        ({"version": 2}, r"has version 2; this onestep reads version 1\. Update your clone of onestep and install"),
        ({"plan_bytes": "many"}, "plan_bytes is 'many'; expected int"),
        ({"profiles": None}, "profiles is None; expected list"),
        ({"profiles": []}, r"profiles is \[\]; expected frame sizes such as"),
        ({"profiles": ["64x32", 512]}, "profiles is .*; expected frame sizes such as"),
    ],
)
def test_a_record_that_is_none(bundle: Bundle, change: dict[str, Any], message: str) -> None:
    path = put_engine(bundle.path)
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(EngineError, match=message):
        find_engine(bundle, SMALL, RTX)


def test_the_command_names_a_bundle_with_a_space_in_its_name() -> None:
    assert build_command(Path("my bundle"), "tensorrt", [SMALL]) == (
        "onestep build 'my bundle' --backend tensorrt --size 64x32"
    )


def test_a_plan_that_cannot_be_read_does_not_fit(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    put_engine(bundle.path)

    def refused(path: Path) -> None:
        raise BundleError(f"{path} cannot be read (Permission denied).")

    monkeypatch.setattr("onestep.bundle.engine_record.file_record", refused)
    with pytest.raises(EngineError, match=r"No tensorrt-rtx engine of .* fits .*cannot be read \(Permission denied\)"):
        find_engine(bundle, SMALL, RTX)


def test_a_record_that_is_not_json(bundle: Bundle) -> None:
    put_engine(bundle.path).write_text("{")
    with pytest.raises(EngineError, match=r"tensorrt-rtx\.json cannot be read .*Rebuild: onestep build"):
        find_engine(bundle, SMALL, RTX)
