"""What a report says of the code and the device it was made with."""

import subprocess
from pathlib import Path

import pytest
from bench.environment import device_of, environment, git_commit


def test_a_commit_and_whether_files_differ_from_it(tmp_path: Path) -> None:
    def git(*arguments: str) -> str:
        who = ["-c", "user.name=a", "-c", "user.email=a@b"]
        command = ["git", "-C", str(tmp_path), *who, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    git("init", "-q")
    (tmp_path / "file").write_text("one", encoding="utf-8")
    git("add", "file")
    git("commit", "-q", "-m", "one")
    commit = git("rev-parse", "HEAD")
    assert git_commit(tmp_path) == commit
    (tmp_path / "file").write_text("two", encoding="utf-8")
    assert git_commit(tmp_path) == f"{commit} with changes"


def test_no_working_tree_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert git_commit(tmp_path) is None
    assert git_commit(tmp_path / "missing") is None
    monkeypatch.setenv("PATH", "")
    assert git_commit(tmp_path) is None


def test_a_processor_has_its_threads_named() -> None:
    assert environment(device="cpu", threads=3)["device"].endswith(", 3 threads")


@pytest.mark.parametrize(
    ("backend", "device"),
    [("onnxruntime-cpu", "cpu"), ("onnxruntime-cuda", "cuda"), ("tensorrt", "cuda"), ("tensorrt-rtx", "cuda")],
)
def test_the_runtimes_figures_are_of_the_backends_device(backend: str, device: str) -> None:
    assert device_of(backend) == device
