"""Published checkpoints on this machine: found, downloaded only when asked to, and held to their first hash."""

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from onestep import domains
from onestep.domains import domain
from onestep.errors import CheckpointError
from onestep.training import published_files
from onestep.training.published_files import checkpoint_folder, find_published

CONTENT = b"PK\x03\x04" + bytes(range(256)) * 9000
DAY2NIGHT = domain("day2night")


class Site(BaseHTTPRequestHandler):
    """Serves one file; `break_after` bytes and it hangs up."""

    break_after: int | None = None
    content = CONTENT
    ranges: list[str | None]

    def do_GET(self) -> None:
        """Answer as the authors' site does."""
        type(self).ranges.append(self.headers.get("Range"))
        start = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").removesuffix("-"))
        if start >= len(CONTENT):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(CONTENT)}")
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(CONTENT) - start))
        self.end_headers()
        self.wfile.write(self.content[start : self.break_after])

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Site]]:
    handler = type("FreshSite", (Site,), {"ranges": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setattr(domains, "_PUBLISHED_SITE", f"http://127.0.0.1:{server.server_port}")
        yield handler
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ONESTEP_CHECKPOINTS", str(tmp_path / "checkpoints"))
    return tmp_path / "checkpoints"


def test_the_cache_is_the_users_own_unless_named(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    assert checkpoint_folder() == folder
    monkeypatch.delenv("ONESTEP_CHECKPOINTS")
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert checkpoint_folder() == Path("/somewhere/onestep/checkpoints")


def test_nothing_is_downloaded_unless_asked(site: type[Site]) -> None:
    with pytest.raises(CheckpointError, match=r"day2night\.pkl.*not on this machine.*--checkpoint FILE.*--download"):
        find_published(DAY2NIGHT)
    assert site.ranges == []


def test_a_download_reports_and_is_pinned(site: type[Site], folder: Path) -> None:
    told: list[tuple[int, int | None]] = []
    path = find_published(DAY2NIGHT, download=True, on_bytes=lambda got, total: told.append((got, total)))
    assert path == folder / "day2night.pkl" and path.read_bytes() == CONTENT
    assert told[-1] == (len(CONTENT), len(CONTENT))
    assert sorted(p.name for p in folder.iterdir()) == ["day2night.pkl", "day2night.pkl.sha256.json"]
    assert find_published(DAY2NIGHT) == path
    path.write_bytes(CONTENT[:-1])
    with pytest.raises(CheckpointError, match="when it was first used it had"):
        find_published(DAY2NIGHT)


def test_an_interrupted_download_goes_on_where_it_stopped(site: type[Site], folder: Path) -> None:
    site.break_after = 1_500_000
    with pytest.raises(CheckpointError, match="Run the command again to go on where it stopped"):
        find_published(DAY2NIGHT, download=True)
    assert [p.name for p in folder.iterdir()] == ["day2night.pkl.partial"]
    site.break_after = None
    assert find_published(DAY2NIGHT, download=True).read_bytes() == CONTENT
    assert site.ranges[0] is None and site.ranges[1] == f"bytes={1_500_000}-"


def test_a_partial_file_that_is_whole_is_taken(site: type[Site], folder: Path) -> None:
    folder.mkdir()
    (folder / "day2night.pkl.partial").write_bytes(CONTENT)
    assert find_published(DAY2NIGHT, download=True).read_bytes() == CONTENT


def test_a_partial_file_that_is_too_long_is_removed(site: type[Site], folder: Path) -> None:
    folder.mkdir()
    (folder / "day2night.pkl.partial").write_bytes(CONTENT + b"more")
    with pytest.raises(CheckpointError, match=f"{len(CONTENT) + 4} bytes were here of a file of {len(CONTENT)}"):
        find_published(DAY2NIGHT, download=True)
    assert list(folder.iterdir()) == []
    assert find_published(DAY2NIGHT, download=True).read_bytes() == CONTENT


def test_a_page_in_place_of_a_checkpoint_is_not_kept(site: type[Site], folder: Path) -> None:
    site.content = b"<html>" + CONTENT[6:]
    with pytest.raises(CheckpointError, match="no checkpoint: it begins with b'<htm'. Nothing was kept"):
        find_published(DAY2NIGHT, download=True)
    assert list(folder.iterdir()) == []


def test_a_damaged_pin_is_said(folder: Path) -> None:
    folder.mkdir()
    (folder / "day2night.pkl").write_bytes(CONTENT)
    (folder / "day2night.pkl.sha256.json").write_text("{", encoding="utf-8")
    with pytest.raises(CheckpointError, match=r"sha256\.json is damaged"):
        find_published(DAY2NIGHT)


def test_a_folder_that_takes_no_record_is_said(folder: Path) -> None:
    folder.mkdir()
    (folder / "day2night.pkl").write_bytes(CONTENT)
    message = r"hash of day2night\.pkl could not be recorded in .*sha256\.json.*writable, or .*--checkpoint"
    with pytest.MonkeyPatch.context() as patch, pytest.raises(CheckpointError, match=message):
        patch.setattr(published_files, "whole_file", _read_only)
        find_published(DAY2NIGHT)


def _read_only(path: Path) -> AbstractContextManager[Path]:
    """Stand for a file in a folder that may not be written, which root may all the same."""
    raise PermissionError(13, "Permission denied", str(path))


def test_a_site_that_is_away_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(domains, "_PUBLISHED_SITE", "http://127.0.0.1:9")
    with pytest.raises(CheckpointError, match="could not be downloaded"):
        find_published(DAY2NIGHT, download=True)
