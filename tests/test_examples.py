"""Each example runs as its README says, from an empty folder."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parent.parent / "examples").glob("*/run.py"))


@pytest.mark.parametrize("script", EXAMPLES, ids=[path.parent.name for path in EXAMPLES])
def test_example_runs(script: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    run = subprocess.run(
        [sys.executable, str(script)], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=240
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip()
    assert any(tmp_path.iterdir()), "an example leaves something to look at"


def test_each_example_has_a_readme_that_names_its_script() -> None:
    assert EXAMPLES
    for script in EXAMPLES:
        assert f"examples/{script.parent.name}/run.py" in (script.parent / "README.md").read_text()
