"""What `manifest.json` says, as frozen dataclasses, and its reading and writing.

The manifest is the only file of a bundle whose shape this version of the program must know before it trusts anything
else in the folder, so every field is checked on reading and a newer version is refused in words.
"""

import dataclasses
import json
import types
import typing
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Literal, get_args, get_origin, get_type_hints

from onestep.errors import BundleError
from onestep.frame_size import FrameSize

FORMAT = "onestep-bundle"
VERSION = 1

Precision = Literal["fp32", "fp16", "int8"]
Direction = Literal["a2b", "b2a", "paired"]


@dataclass(frozen=True)
class FileRecord:
    """One file of the bundle."""

    bytes: int
    """Size in bytes."""
    sha256: str
    """SHA-256 of the content, 64 hexadecimal digits."""


@dataclass(frozen=True)
class TensorSpec:
    """One input or output of the graph."""

    name: str
    dtype: str
    """Numpy name of the element type, such as `uint8`."""
    shape: list[int | str]
    """Lengths; a text names a free dimension."""


@dataclass(frozen=True)
class FrameSizes:
    """Which frame sizes the graph takes."""

    multiple: int
    """Width and height are multiples of this many pixels."""
    preferred: FrameSize
    """The size the generator was made for; the only one where `free` is false."""
    free: bool
    """Whether width and height may be any multiples."""


@dataclass(frozen=True)
class Licences:
    """Under which terms the parts may be used."""

    base: str
    checkpoint: str


@dataclass(frozen=True)
class Manifest:
    """Everything a bundle says about itself."""

    domain: str
    direction: Direction
    prompt: str
    base: str
    """Name of the base model."""
    licences: Licences
    precision: Precision
    frame: FrameSizes
    inputs: list[TensorSpec]
    outputs: list[TensorSpec]
    opset: int
    flops_per_frame: dict[str, int]
    """Floating-point operations of one frame of the preferred size, by part and in `total` (a multiply-add is two)."""
    files: dict[str, FileRecord]
    """Every file that the bundle was shipped with but the manifest, by its path inside the folder."""
    parity: dict[str, Any]
    """Of `parity.json`: how far the graph is from the generator in float32."""
    made: dict[str, str]
    """How it was made: command, time, versions."""
    format: str = FORMAT
    version: int = field(default=VERSION)


def text_from_manifest(manifest: Manifest) -> str:
    """Return the manifest as indented JSON."""
    return json.dumps(dataclasses.asdict(manifest), indent=2, ensure_ascii=False) + "\n"


def manifest_from_text(text: str, *, where: str) -> Manifest:
    """Read and check a manifest.

    Args:
        text: Content of `manifest.json`.
        where: Path of the file, for messages.

    Raises:
        BundleError: Not JSON, another format, a newer version, a field that is missing or of the wrong type, or a file
            path that leaves the folder.
    """
    try:
        raw = json.loads(text)
    except json.JSONDecodeError as err:
        raise BundleError(f"{where} is not JSON ({err}). The bundle is damaged: export it again.") from err
    if not isinstance(raw, dict) or raw.get("format") != FORMAT:
        raise BundleError(f'{where} does not describe a bundle: its "format" is not {FORMAT!r}.')
    _check_version(raw.get("version"), where)
    manifest = _value_from_json(Manifest, raw, where)
    assert isinstance(manifest, Manifest)
    multiple = manifest.frame.multiple
    _checked(multiple > 0, multiple, "a whole number above 0", f"{where}: frame: multiple")
    for name in manifest.files:
        check_inside(name, where)
    return manifest


def check_inside(name: str, where: str) -> None:
    """Raise BundleError unless `name` is a relative path that stays inside the bundle."""
    path = PurePosixPath(name)
    if not name or path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name:
        raise BundleError(
            f"{where} names the file {name!r}, which is not a plain path inside the bundle. It will not be opened: "
            "get the bundle from a source that you trust."
        )


def _check_version(version: object, where: str) -> None:
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise BundleError(f"{where} has version {version!r}; expected a whole number from 1 to {VERSION}.")
    if version > VERSION:
        raise BundleError(
            f"{where} has version {version}; this onestep reads versions up to {VERSION}. "
            "Update your clone of onestep and install it again, or export the bundle again with this version."
        )


def _value_from_json(kind: Any, raw: object, where: str) -> object:
    """Return `raw` as the annotated type `kind`, or raise BundleError naming the field."""
    if dataclasses.is_dataclass(kind):
        return _dataclass_from_json(typing.cast(type, kind), raw, where)
    origin, args = get_origin(kind), get_args(kind)
    if kind is Any:
        return raw
    if kind is FrameSize:
        holds = isinstance(raw, list) and len(raw) == 2 and all(type(side) is int and side > 0 for side in raw)
        return FrameSize(*typing.cast(list[int], _checked(holds, raw, "two whole numbers above 0", where)))
    if origin is Literal:
        return _checked(raw in args, raw, f"one of {', '.join(map(str, args))}", where)
    if origin is list:
        _checked(isinstance(raw, list), raw, "a list", where)
        return [_value_from_json(args[0], item, f"{where}[{i}]") for i, item in enumerate(typing.cast(list[Any], raw))]
    if origin is dict:
        _checked(isinstance(raw, dict), raw, "an object", where)
        return {
            key: _value_from_json(args[1], item, f"{where}.{key}")
            for key, item in typing.cast(dict[str, Any], raw).items()
        }
    accepted = args if origin is types.UnionType else (kind,)
    return _checked(type(raw) in accepted, raw, " or ".join(t.__name__ for t in accepted), where)


def _dataclass_from_json(kind: type, raw: object, where: str) -> object:
    _checked(isinstance(raw, dict), raw, "an object", where)
    values = typing.cast(dict[str, Any], raw)
    hints = get_type_hints(kind)
    missing = [name for name in hints if name not in values]
    if missing:
        raise BundleError(f"{where} lacks {', '.join(missing)}. The bundle is damaged: export it again.")
    return kind(**{name: _value_from_json(hint, values[name], f"{where}: {name}") for name, hint in hints.items()})


def _checked(holds: bool, raw: object, expected: str, where: str) -> object:
    if not holds:
        raise BundleError(f"{where} is {raw!r:.80}; expected {expected}. The bundle is damaged: export it again.")
    return raw
