"""Where bases are looked for, and what is said when one is nowhere."""

from pathlib import Path
from typing import Any

import pytest
from huggingface_hub.utils.tqdm import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

from onestep.domains import embedded_base
from onestep.errors import GeneratorError, MissingInputError, UnknownNameError
from onestep.training.find_base import find_base
from onestep.training.quiet import quiet_libraries


class Hub:
    """Takes the place of the hub's client and remembers what it was asked for."""

    def __init__(self, *, cached: bool, online: bool = True) -> None:
        self.cached, self.online = cached, online
        self.asked: list[tuple[str, bool]] = []

    def __call__(self, repository: str, **options: Any) -> str:
        """Return a folder as `snapshot_download` does, or fail as it does."""
        self.asked.append((repository, options["local_files_only"]))
        if not self.cached and (options["local_files_only"] or not self.online):
            raise FileNotFoundError("no snapshot")
        return "/cache/snapshot"


@pytest.fixture(autouse=True)
def no_bases_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget the user's own setting."""
    monkeypatch.delenv("ONESTEP_BASES", raising=False)


def test_tiny_ships_in_the_package() -> None:
    assert find_base("tiny") == embedded_base()


def test_a_folder_is_taken_as_it_is(tmp_path: Path) -> None:
    assert find_base(str(tmp_path)) == tmp_path
    with pytest.raises(MissingInputError, match=r"none is no folder"):
        find_base(str(tmp_path / "none"))


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'sd-turbo'.*tiny, sd-turbo, or a folder"):
        find_base("sd-turb")


def test_the_users_folder_comes_before_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONESTEP_BASES", str(tmp_path))
    hub = Hub(cached=True)
    assert find_base("sd-turbo", snapshot=hub) == Path("/cache/snapshot")
    (tmp_path / "sd-turbo").mkdir()
    assert find_base("sd-turbo", snapshot=hub) == tmp_path / "sd-turbo"
    assert hub.asked == [("stabilityai/sd-turbo", True)]


def test_nothing_is_downloaded_unless_asked() -> None:
    hub = Hub(cached=False)
    with pytest.raises(GeneratorError, match=r"--base DIR.*\$ONESTEP_BASES/sd-turbo.*--download.*licence"):
        find_base("sd-turbo", snapshot=hub)
    assert hub.asked == [("stabilityai/sd-turbo", True)]
    assert find_base("sd-turbo", download=True, snapshot=hub) == Path("/cache/snapshot")
    assert hub.asked[-1] == ("stabilityai/sd-turbo", False)


def test_an_error_of_the_http_client_below_the_hub_is_no_traceback() -> None:
    class ReadError(Exception):
        """Of no sort that Python knows, as the hub's HTTP client raises it."""

    def broken(repository: str, **options: Any) -> str:
        raise ReadError("connection reset")

    with pytest.raises(GeneratorError, match=r"could not be downloaded \(connection reset\). Run the command again"):
        find_base("sd-turbo", download=True, snapshot=broken)


def test_downloads_keep_their_progress_bar_where_others_lose_theirs() -> None:
    enable_progress_bars()
    with quiet_libraries():
        assert not are_progress_bars_disabled()
    disable_progress_bars()
    try:
        with quiet_libraries():
            assert are_progress_bars_disabled()
        assert are_progress_bars_disabled(), "the user's own choice is put back"
    finally:
        enable_progress_bars()


def test_a_failed_download_says_how_to_resume() -> None:
    with pytest.raises(GeneratorError, match="could not be downloaded.*again to resume"):
        find_base("sd-turbo", download=True, snapshot=Hub(cached=False, online=False))
