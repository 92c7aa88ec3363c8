"""What is installed is what lies in the tree: a file that setuptools was not told of would be missing there alone."""

import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_a_build_holds_every_file_of_the_packages(tmp_path: Path) -> None:
    meta, lib = tmp_path / "meta", tmp_path / "lib"  # what an earlier build listed would be taken again
    meta.mkdir()
    steps = ["egg_info", "--egg-base", str(meta), "build_py", "--build-lib", str(lib)]
    subprocess.run([sys.executable, "setup.py", "--quiet", *steps], cwd=ROOT, check=True, capture_output=True)
    places = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]["package-dir"]
    built = {str(path.relative_to(lib)) for path in lib.rglob("*") if path.is_file()}
    expected = {
        str(Path(*package.split("."), path.relative_to(ROOT / place)))
        for package, place in places.items()
        for path in (ROOT / place).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and not path.name.startswith(".")
    }
    assert sorted(expected ^ built) == []
