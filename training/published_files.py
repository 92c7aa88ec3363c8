"""The published checkpoints on this machine: a cache, filled by hand or, only when asked to, from the authors' site.

A file that comes in is recorded with its SHA-256 beside it; from then on another content under its name is refused.
The authors publish no hashes, so the first file that is seen is the one that is trusted.
"""

import hashlib
import http.client
import json
import os
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from onestep.atomic import whole_file
from onestep.domains import Domain
from onestep.errors import CheckpointError

CHECKPOINTS_VARIABLE = "ONESTEP_CHECKPOINTS"
_CHUNK_BYTES = 1 << 20
_TIMEOUT_SECONDS = 60
_STARTS = (b"PK\x03\x04", b"\x80")
"""Of a file that torch saved: a zip archive, or before 1.6 a pickle."""
OnBytes = Callable[[int, int | None], None]
"""Called with the bytes that are here and, where the server says it, all there are."""


def checkpoint_folder() -> Path:
    """Return where published checkpoints are kept: `$ONESTEP_CHECKPOINTS`, or `onestep` in the user's cache."""
    given = os.environ.get(CHECKPOINTS_VARIABLE)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(given).expanduser() if given else cache / "onestep" / "checkpoints"


def find_published(domain: Domain, *, download: bool = False, on_bytes: OnBytes = lambda got, total: None) -> Path:
    """Find a domain's published checkpoint, and hold it to the hash of its first use.

    Args:
        domain: One that has a published file.
        download: Whether the authors' site may be asked for a file that is not here. What was downloaded before an
            interruption is kept, and the next call goes on from there.
        on_bytes: Called while a download runs.

    Raises:
        CheckpointError: There is no such file here, it changed since its first use, or it cannot be downloaded.
    """
    assert domain.published_file is not None and domain.published_url is not None
    path = checkpoint_folder() / domain.published_file
    if not path.is_file():
        if not download:
            raise CheckpointError(
                f"{domain.published_file}, the published checkpoint of {domain.name}, is not on this machine. Name it "
                f"with --checkpoint FILE, put it into {path.parent}, or pass --download to get it from "
                f"{domain.published_url}, whose licence you then accept."
            )
        _download(domain.published_url, path, on_bytes)
    _check_pin(path)
    return path


def _download(url: str, path: Path, on_bytes: OnBytes) -> None:
    partial = path.with_name(f"{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _fetch(url, partial, on_bytes)
    except (OSError, http.client.HTTPException) as err:
        raise CheckpointError(
            f"{url} could not be downloaded ({err}). Run the command again to go on where it stopped, or get the file "
            f"in another way and put it into {path.parent}."
        ) from err
    _check_is_checkpoint(partial, url)
    partial.replace(path)


def _check_is_checkpoint(partial: Path, url: str) -> None:
    """Refuse what is no pickle of any sort, such as a page that a proxy gives instead, before it is kept and pinned."""
    with partial.open("rb") as file:
        start = file.read(len(_STARTS[0]))
    if not start.startswith(_STARTS):
        partial.unlink()
        raise CheckpointError(
            f"{url} gave something that is no checkpoint: it begins with {start!r}. Nothing was kept. Try again later, "
            "or get the file in another way and name it with --checkpoint FILE."
        )


def _fetch(url: str, partial: Path, on_bytes: OnBytes) -> None:
    """Append to `partial` what it lacks; a server that starts anew replaces it."""
    here = partial.stat().st_size if partial.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={here}-"} if here else {})
    try:
        answer = urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS)
    except urllib.error.HTTPError as err:
        if here and err.code == 416:  # nothing lies behind what is here
            err.close()
            whole = str(err.headers.get("Content-Range", "")).rpartition("/")[2]
            if whole in ("", "*", str(here)):
                return
            partial.unlink()
            raise OSError(f"{here} bytes were here of a file of {whole}; they are removed") from err
        raise
    with answer:
        resumed = answer.status == 206
        got = here if resumed else 0
        total = _total(answer, got)
        with partial.open("ab" if resumed else "wb") as file:
            while chunk := answer.read(_CHUNK_BYTES):
                file.write(chunk)
                got += len(chunk)
                on_bytes(got, total)
    if total is not None and got != total:
        raise OSError(f"the connection ended after {got} of {total} bytes")


def _total(answer: Any, got: int) -> int | None:
    length = answer.headers.get("Content-Length")
    return got + int(length) if length else None


def _check_pin(path: Path) -> None:
    """Record a file's hash on its first use; refuse another one afterwards."""
    pin = path.with_name(f"{path.name}.sha256.json")
    got = _sha256(path)
    if not pin.exists():
        _record(pin, path, got)
        return
    try:
        wanted = str(json.loads(pin.read_text(encoding="utf-8"))["sha256"])
    except (OSError, ValueError, KeyError, TypeError) as err:
        raise CheckpointError(f"{pin} is damaged ({err}). Remove it to trust {path.name} as it is now.") from err
    if got != wanted:
        raise CheckpointError(
            f"{path} has SHA-256 {got[:12]}…; when it was first used it had {wanted[:12]}…. It was changed or damaged: "
            f"remove it to get it again, or remove {pin.name} to trust it as it is now."
        )


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as err:
        raise CheckpointError(f"{path} cannot be read ({err}). Mend its permissions, or get it again.") from err


def _record(pin: Path, path: Path, sha256: str) -> None:
    try:
        with whole_file(pin) as partial:
            partial.write_text(json.dumps({"file": path.name, "sha256": sha256}) + "\n", encoding="utf-8")
    except OSError as err:
        raise CheckpointError(
            f"The hash of {path.name} could not be recorded in {pin} ({err}). Make that folder writable, or name the "
            f"file with --checkpoint {path}, which records nothing."
        ) from err
