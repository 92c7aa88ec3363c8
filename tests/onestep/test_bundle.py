"""A bundle is checked before it is used; each way to damage one has its message."""

import dataclasses
import errno
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from onestep.bundle import Bundle, FrameSizes, Licences, Manifest, TensorSpec, open_bundle, write_manifest
from onestep.bundle.folder import file_record
from onestep.bundle.manifest import manifest_from_text, text_from_manifest
from onestep.errors import BundleError
from onestep.frame_size import FrameSize

FRAME = TensorSpec("frame", "uint8", [1, "height", "width", 3])


def external(location: str) -> bytes:
    """Write an external-data entry as protobuf does: key `location`, value the path."""
    return entry(KEY + text(b"\x12", location))


KEY = b"\x0a\x08location"


def text(tag: bytes, value: str) -> bytes:
    return tag + bytes([len(value)]) + value.encode()


def entry(fields: bytes) -> bytes:
    return b"\x6a" + bytes([len(fields)]) + fields


def make(folder: Path, graph: bytes = b"graph" + external("generator.onnx.data")) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "generator.onnx").write_bytes(graph)
    (folder / "generator.onnx.data").write_bytes(b"weights")
    manifest = Manifest(
        domain="day2night",
        direction="a2b",
        prompt="driving in the night",
        base="tiny",
        licences=Licences(base="MIT", checkpoint="MIT"),
        precision="fp32",
        frame=FrameSizes(multiple=32, preferred=FrameSize(512, 288), free=True),
        inputs=[FRAME],
        outputs=[dataclasses.replace(FRAME, name="translated")],
        opset=21,
        flops_per_frame={"total": 11},
        files={name: file_record(folder / name) for name in ("generator.onnx", "generator.onnx.data")},
        parity={"max_abs": 1, "psnr_db": None},
        made={"by": "test"},
    )
    write_manifest(folder, manifest)
    return folder


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return make(tmp_path / "bundle")


def edit(bundle: Path, change: Callable[[dict[str, Any]], None]) -> None:
    path = bundle / "manifest.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def test_a_good_bundle_opens_and_keeps_what_was_written(bundle: Path) -> None:
    opened = open_bundle(bundle)
    assert isinstance(opened, Bundle)
    assert opened.manifest.frame.preferred == FrameSize(512, 288)
    assert manifest_from_text(text_from_manifest(opened.manifest), where="here") == opened.manifest


def test_a_flipped_byte_is_found(bundle: Path) -> None:
    (bundle / "generator.onnx.data").write_bytes(b"weighTs")
    with pytest.raises(BundleError, match="SHA-256 .* expected .* changed or damaged after the export"):
        open_bundle(bundle)


def test_a_cut_file_is_found(bundle: Path) -> None:
    (bundle / "generator.onnx.data").write_bytes(b"weig")
    with pytest.raises(BundleError, match="it has 4 bytes, expected 7 bytes"):
        open_bundle(bundle)


@pytest.mark.parametrize("name", ["generator.onnx", "generator.onnx.data"])
def test_a_missing_file_is_named(bundle: Path, name: str) -> None:
    (bundle / name).unlink()
    with pytest.raises(BundleError, match=f"lacks {name}, which its manifest lists"):
        open_bundle(bundle)


def test_a_manifest_without_the_graph(bundle: Path) -> None:
    edit(bundle, lambda content: content["files"].pop("generator.onnx"))
    with pytest.raises(BundleError, match="does not list generator.onnx"):
        open_bundle(bundle)


def test_a_newer_manifest_says_what_to_do(bundle: Path) -> None:
    edit(bundle, lambda content: content.update(version=99))
    with pytest.raises(
        BundleError,
        match="has version 99; this onestep reads versions up to 1. Update your clone of onestep and install",
    ):
        open_bundle(bundle)


@pytest.mark.parametrize("version", ["1", None, 0, True, 1.0])
def test_an_odd_version_is_refused(bundle: Path, version: object) -> None:
    edit(bundle, lambda content: content.update(version=version))
    with pytest.raises(BundleError, match="expected a whole number"):
        open_bundle(bundle)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"frame": {"multiple": 0, "preferred": [512, 288], "free": True}},
            "multiple is 0; expected a whole number above",
        ),
        (
            {"frame": {"multiple": 32, "preferred": [512, 0], "free": True}},
            "preferred is .*expected two whole numbers ab",
        ),
    ],
)
def test_values_that_no_export_writes_are_refused(bundle: Path, change: dict[str, Any], message: str) -> None:
    edit(bundle, lambda content: content.update(change))
    with pytest.raises(BundleError, match=message):
        open_bundle(bundle)


def test_a_file_that_cannot_be_read_is_named(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(path: Path, *args: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", refused)
    with pytest.raises(BundleError, match=r"generator\.onnx cannot be read \(Permission denied\)"):
        file_record(bundle / "generator.onnx")


@pytest.mark.parametrize("name", ["/etc/passwd", "../secret", "a/../../b", "c:\\x", "", "..\\x"])
def test_a_path_that_leaves_the_bundle_is_refused(bundle: Path, name: str) -> None:
    edit(bundle, lambda content: content["files"].update({name: {"bytes": 1, "sha256": "0"}}))
    with pytest.raises(BundleError, match="not a plain path inside the bundle"):
        open_bundle(bundle)


def test_a_link_that_leaves_the_bundle_is_refused(bundle: Path, tmp_path: Path) -> None:
    data = bundle / "generator.onnx.data"
    outside = tmp_path / "outside"
    data.rename(outside)
    data.symlink_to(outside)
    with pytest.raises(BundleError, match="link that leaves the bundle"):
        open_bundle(bundle)


@pytest.mark.parametrize("location", ["/etc/passwd", "../generator.onnx.data"])
def test_external_data_outside_the_bundle_is_refused(tmp_path: Path, location: str) -> None:
    with pytest.raises(BundleError, match=r"external data\) names the file .* not a plain path inside"):
        open_bundle(make(tmp_path / "bundle", graph=b"graph" + external(location)))


OUTSIDE = text(b"\x12", "../../secret")


@pytest.mark.parametrize(
    "graph",
    [
        entry(OUTSIDE + KEY),
        entry(OUTSIDE + KEY) + text(b"\x12", "generator.onnx.data"),
        entry(b"\x8a\x00\x08location" + OUTSIDE),
        entry(b"\x0a\x88\x00location" + OUTSIDE),
        entry(KEY + text(b"\x12", "generator.onnx.data") + OUTSIDE),
    ],
    ids=["value first", "value first, another text behind", "long tag", "long length", "two values"],
)
def test_external_data_in_a_form_that_nobody_writes_is_refused(tmp_path: Path, graph: bytes) -> None:
    with pytest.raises(BundleError, match="in an unusual form where its weights lie"):
        open_bundle(make(tmp_path / "bundle", graph=b"graph" + graph))


def test_external_data_that_is_not_listed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="keeps weights in 'other.data', which the manifest does not list"):
        open_bundle(make(tmp_path / "bundle", graph=b"graph" + external("other.data")))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content.pop("prompt"), "lacks prompt"),
        (lambda content: content.update(precision="fp8"), "precision is 'fp8'; expected one of fp32, fp16, int8"),
        (lambda content: content.update(opset="21"), "opset is '21'; expected int"),
        (lambda content: content.update(files=[]), r"files is \[\]; expected an object"),
        (lambda content: content["frame"].update(preferred=[512]), r"preferred is \[512\]; expected two whole numbers"),
        (lambda content: content["frame"].update(multiple=None), "multiple is None; expected int"),
        (lambda content: content.update(inputs=[1]), "expected an object"),
        (lambda content: content.update(format="zip"), "does not describe a bundle"),
    ],
)
def test_a_field_that_is_wrong_is_named(bundle: Path, change: Callable[[dict[str, Any]], None], message: str) -> None:
    edit(bundle, change)
    with pytest.raises(BundleError, match=message):
        open_bundle(bundle)


def test_a_manifest_that_is_no_json(bundle: Path) -> None:
    (bundle / "manifest.json").write_text("{")
    with pytest.raises(BundleError, match="is not JSON"):
        open_bundle(bundle)


def test_a_folder_without_a_manifest(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"has no manifest.json, so it is no bundle. Make one with `onestep export`"):
        open_bundle(tmp_path)


def test_a_file_instead_of_a_folder(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.touch()
    with pytest.raises(BundleError, match="is not a folder. A bundle is a folder"):
        open_bundle(path)
