"""Files and folders appear whole or not at all."""

import errno
from pathlib import Path
from typing import NamedTuple

import pytest

from onestep.atomic import check_disk, whole_file, whole_folder
from onestep.errors import OutputError


def fail_to_rename(monkeypatch: pytest.MonkeyPatch, pattern: str) -> None:
    """Let the disk be gone for paths that match a pattern."""
    rename = Path.rename

    def sometimes(self: Path, goal: Path) -> Path:
        if self.match(pattern):
            raise OSError(errno.EIO, "the disk is gone", str(self))
        return rename(self, goal)

    monkeypatch.setattr(Path, "rename", sometimes)


def test_the_folder_appears_when_all_went_well(tmp_path: Path) -> None:
    with whole_folder(tmp_path / "new" / "result", overwrite=False) as folder:
        (folder / "file").write_text("x")
        assert not (tmp_path / "new" / "result").exists()
    assert (tmp_path / "new" / "result" / "file").read_text() == "x"


def test_nothing_appears_when_something_failed(tmp_path: Path) -> None:
    with pytest.raises(KeyError), whole_folder(tmp_path / "result", overwrite=False) as folder:
        (folder / "file").write_text("x")
        raise KeyError
    assert list(tmp_path.iterdir()) == []


def test_an_old_result_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "result"
    target.mkdir()
    (target / "old").touch()
    with pytest.raises(KeyError), whole_folder(target, overwrite=True, marker="old"):
        raise KeyError
    assert (target / "old").exists()
    with whole_folder(target, overwrite=True, marker="old") as folder:
        (folder / "new").touch()
    assert [path.name for path in target.iterdir()] == ["new"]
    assert [path.name for path in tmp_path.iterdir()] == ["result"]


def test_an_old_result_comes_back_where_the_new_one_cannot_take_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "result"
    target.mkdir()
    (target / "old").touch()
    fail_to_rename(monkeypatch, "*.partial")
    with (
        pytest.raises(OutputError, match="the disk is gone"),
        whole_folder(target, overwrite=True, marker="old") as folder,
    ):
        (folder / "new").touch()
    assert [path.name for path in target.iterdir()] == ["old"]
    assert [path.name for path in tmp_path.iterdir()] == ["result"]


def test_an_old_result_is_not_replaced_unasked(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="exists already.*--overwrite"), whole_folder(tmp_path, overwrite=False):
        raise AssertionError("the block must not run")


def test_what_is_no_result_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with (
        pytest.raises(OutputError, match=r"holds files and no manifest\.json, so it is no earlier result"),
        whole_folder(tmp_path, overwrite=True, marker="manifest.json"),
    ):
        raise AssertionError("the block must not run")
    assert (tmp_path / "thesis.tex").exists()


def test_the_folder_one_is_in_takes_the_result_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    inode = tmp_path.stat().st_ino
    with whole_folder(Path(), overwrite=False) as folder:
        (folder / "part").mkdir()
        (folder / "file").touch()
        assert [path.suffix for path in tmp_path.iterdir()] == [".partial"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "part"]
    assert tmp_path.stat().st_ino == inode


def test_an_empty_folder_stays_empty_where_something_failed(tmp_path: Path) -> None:
    (tmp_path / "result").mkdir()
    with pytest.raises(KeyError), whole_folder(tmp_path / "result", overwrite=False) as folder:
        (folder / "file").touch()
        raise KeyError
    assert list((tmp_path / "result").iterdir()) == []


def test_half_a_move_is_undone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fail_to_rename(monkeypatch, "b")
    with pytest.raises(OutputError, match="the disk is gone"), whole_folder(tmp_path, overwrite=False) as folder:
        (folder / "a").touch()
        (folder / "b").touch()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("is_full", [False, True])
def test_a_link_is_followed(tmp_path: Path, is_full: bool) -> None:
    (tmp_path / "elsewhere").mkdir()
    if is_full:
        (tmp_path / "elsewhere" / "old").touch()
    (tmp_path / "link").symlink_to("elsewhere")
    with whole_folder(tmp_path / "link", overwrite=is_full, marker="old") as folder:
        (folder / "new").touch()
    assert (tmp_path / "link").is_symlink()
    assert [path.name for path in (tmp_path / "elsewhere").iterdir()] == ["new"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["elsewhere", "link"]


def test_a_mounted_result_is_refused_before_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "old").touch()
    monkeypatch.setattr(Path, "is_mount", lambda self: self == tmp_path)
    with (
        pytest.raises(OutputError, match="mounted there and cannot be replaced"),
        whole_folder(tmp_path, overwrite=True, marker="old"),
    ):
        raise AssertionError("the block must not run")


@pytest.mark.parametrize("overwrite", [False, True])
def test_what_came_meanwhile_is_kept_and_so_is_the_result(tmp_path: Path, overwrite: bool) -> None:
    target = tmp_path / "result"
    with (
        pytest.raises(OutputError, match=r"result (exists already|holds files).*The new result is whole in ") as caught,
        whole_folder(target, overwrite=overwrite, marker="manifest.json") as folder,
    ):
        (folder / "new").touch()
        target.mkdir()
        (target / "thesis.tex").touch()
    assert [path.name for path in target.iterdir()] == ["thesis.tex"]
    (kept,) = (path for path in tmp_path.iterdir() if path != target)
    assert str(kept) in str(caught.value) and not kept.name.startswith(".")
    assert [path.name for path in kept.iterdir()] == ["new"]


def test_what_came_into_an_empty_folder_meanwhile_is_kept(tmp_path: Path) -> None:
    with (
        pytest.raises(OutputError, match=r"was empty, and holds files now\. The new result is whole in "),
        whole_folder(tmp_path, overwrite=False) as folder,
    ):
        (folder / "file").write_text("new")
        (tmp_path / "file").write_text("theirs")
    assert (tmp_path / "file").read_text() == "theirs"
    assert [path.read_text() for path in tmp_path.glob("*.partial/file")] == ["new"]


@pytest.mark.parametrize("content", ['{"format": "student"}', "{}", "[]", "no JSON"])
def test_a_result_of_another_kind_is_never_replaced(tmp_path: Path, content: str) -> None:
    target = tmp_path / "result"
    target.mkdir()
    (target / "card.json").write_text(content)
    with (
        pytest.raises(OutputError, match=r"is of another kind, (student|unknown), and not generator"),
        whole_folder(target, overwrite=True, marker="card.json", kind="generator"),
    ):
        raise AssertionError("the block must not run")
    (target / "card.json").write_text('{"format": "generator"}')
    with whole_folder(target, overwrite=True, marker="card.json", kind="generator") as folder:
        (folder / "new").touch()
    assert [path.name for path in target.iterdir()] == ["new"]


def test_a_folder_that_looks_like_a_remainder_is_left_alone(tmp_path: Path) -> None:
    for name in ("result", ".result.old"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "old").touch()
    with whole_folder(tmp_path / "result", overwrite=True, marker="old"):
        pass
    assert sorted(path.name for path in tmp_path.iterdir()) == [".result.old", "result"]
    assert (tmp_path / ".result.old" / "old").exists()


class Disk(NamedTuple):
    """What `shutil.disk_usage` returns."""

    total: int
    used: int
    free: int


def test_the_disk_that_is_asked_is_the_one_that_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small, large = tmp_path / "small", tmp_path / "large"
    for folder in (small, large):
        folder.mkdir()
    (small / "link").symlink_to(large)
    free = {small: 10, large: 1000}
    monkeypatch.setattr("onestep.atomic.shutil.disk_usage", lambda path: Disk(0, 0, free[path]))
    for place in (large, large / "new" / "result", small / "link", small / "link" / "result"):
        check_disk(place, needed_bytes=100)
    (small / "full").mkdir()
    (small / "full" / "file").touch()
    for place in (small / "result", small / "full"):
        with pytest.raises(OutputError, match=r"disk has 0\.0 GB free\. Make room, or walk\."):
            check_disk(place, needed_bytes=100, advice="walk")


def test_a_file_is_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(OutputError, match="is a file, and the result is a folder"),
        whole_folder(tmp_path / "file", overwrite=True),
    ):
        raise AssertionError("the block must not run")


def test_a_parent_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="Cannot write"), whole_folder(tmp_path / "file" / "x", overwrite=False):
        raise AssertionError("the block must not run")


def test_a_file_appears_when_all_went_well(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with whole_file(path) as partial:
        partial.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new" and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [KeyError, KeyboardInterrupt])
def test_the_file_before_stays_when_something_failed(error: type[BaseException], tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(error), whole_file(path) as partial:
        partial.write_text("half")
        raise error
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]
