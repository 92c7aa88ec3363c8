"""The bundle as a folder: opening it checked, and giving it its manifest."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from onestep.bundle.manifest import FileRecord, Manifest, check_inside, manifest_from_text, text_from_manifest
from onestep.errors import BundleError

MANIFEST_NAME = "manifest.json"
GRAPH_NAME = "generator.onnx"
PARITY_NAME = "parity.json"
_GRAPH_LIMIT_BYTES = 256 << 20
_LENGTH = rb"([\x80-\xff]{0,4}[\x00-\x7f])"
_LOCATION_KEY = re.compile(rb"(?:\x08|\x88\x80*\x00)location")
_LOCATION_ENTRY = re.compile(rb"\x6a" + _LENGTH + rb"\x0a\x08location\x12" + _LENGTH)
_KEY_BYTES, _TAG_BYTES = 10, 1


@dataclass(frozen=True)
class Bundle:
    """A bundle whose files were checked."""

    path: Path
    manifest: Manifest

    @property
    def graph_path(self) -> Path:
        """Path of the ONNX graph."""
        return self.path / GRAPH_NAME

    @property
    def weight_bytes(self) -> int:
        """Size of the graph's files: nearly all of it is weights."""
        return sum(record.bytes for name, record in self.manifest.files.items() if name.startswith(GRAPH_NAME))


def open_bundle(path: str | Path) -> Bundle:
    """Open a bundle after checking its manifest and the size and SHA-256 of each of its files.

    Args:
        path: Folder of the bundle.

    Raises:
        BundleError: No bundle there, or damaged, incomplete, unsafe, or of a newer version.
    """
    folder = Path(path)
    manifest = _read_manifest(folder)
    if GRAPH_NAME not in manifest.files:
        raise BundleError(f"{folder / MANIFEST_NAME} does not list {GRAPH_NAME}. Export the bundle again.")
    for name, record in manifest.files.items():
        _check_file(folder, name, record)
    _check_external_data(folder, manifest)
    return Bundle(folder, manifest)


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write `manifest.json` into a bundle folder whose other files are complete."""
    (folder / MANIFEST_NAME).write_text(text_from_manifest(manifest), encoding="utf-8")


def file_record(path: Path) -> FileRecord:
    """Return size and SHA-256 of a file.

    Raises:
        BundleError: It cannot be read.
    """
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return FileRecord(bytes=path.stat().st_size, sha256=digest)
    except OSError as err:
        raise BundleError(f"{path} cannot be read ({err.strerror or err}).") from err


def _read_manifest(folder: Path) -> Manifest:
    path = folder / MANIFEST_NAME
    if not folder.is_dir():
        raise BundleError(
            f"{folder} is not a folder. A bundle is a folder with {MANIFEST_NAME} and {GRAPH_NAME} in it."
        )
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as err:
        raise BundleError(
            f"{folder} has no {MANIFEST_NAME}, so it is no bundle. Make one with `onestep export`."
        ) from err
    except (OSError, UnicodeDecodeError) as err:
        raise BundleError(f"{path} cannot be read ({err}).") from err
    return manifest_from_text(text, where=str(path))


def _check_file(folder: Path, name: str, record: FileRecord) -> None:
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise BundleError(f"{path} is a link that leaves the bundle. It will not be opened.")
    if not path.is_file():
        raise BundleError(
            f"{folder} lacks {name}, which its manifest lists. Copy the bundle again, or export it again."
        )
    actual = file_record(path)
    if actual != record:
        what = f"{actual.bytes} bytes" if actual.bytes != record.bytes else f"SHA-256 {actual.sha256[:12]}…"
        expected = f"{record.bytes} bytes" if actual.bytes != record.bytes else f"{record.sha256[:12]}…"
        raise BundleError(
            f"{path} is not the file that the manifest describes: it has {what}, expected {expected}. "
            "It was changed or damaged after the export: copy the bundle again, or export it again."
        )


def _check_external_data(folder: Path, manifest: Manifest) -> None:
    """Refuse a graph whose weights lie anywhere but in a listed file.

    ONNX keeps the place of external weights as a key-value pair of two texts (onnx.proto: field 13 of TensorProto is a
    StringStringEntryProto, whose field 1 is the key and field 2 the value), so the pairs are found without parsing the
    graph. Protobuf would read the same pair in other orders and longer numbers, which no exporter writes: refused.
    """
    graph = folder / GRAPH_NAME
    if manifest.files[GRAPH_NAME].bytes > _GRAPH_LIMIT_BYTES:
        raise BundleError(f"{graph} is over {_GRAPH_LIMIT_BYTES >> 20} MiB: its weights should lie in external data.")
    content = graph.read_bytes()
    entries = [match for match in _LOCATION_ENTRY.finditer(content) if _fills_its_entry(match)]
    if len(entries) != len(_LOCATION_KEY.findall(content)):
        raise BundleError(
            f"{graph} says in an unusual form where its weights lie. It will not be opened: get the bundle from a "
            "source that you trust."
        )
    for match in entries:
        location = content[match.end() : match.end() + _number(match[2])].decode("utf-8", errors="replace")
        check_inside(location, f"{graph} (external data)")
        if location not in manifest.files:
            raise BundleError(
                f"{graph} keeps weights in {location!r}, which the manifest does not list. Export it again."
            )


def _fills_its_entry(match: re.Match[bytes]) -> bool:
    """Tell whether an entry holds a key and a value and nothing else."""
    return _number(match[1]) == _KEY_BYTES + _TAG_BYTES + len(match[2]) + _number(match[2])


def _number(varint: bytes) -> int:
    return sum((byte & 0x7F) << (7 * place) for place, byte in enumerate(varint))
