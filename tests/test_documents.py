"""Links in the documents lead somewhere, and the commands they show are understood."""

import re
import tomllib
from pathlib import Path

import pytest

from tests.command_lines import Shown, shown_commands, trouble_with_command, trouble_with_script

ROOT = Path(__file__).parent.parent
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "onestep" / "assets").glob("*.md")),
    *sorted((ROOT / "examples").glob("*/README.md")),
    *sorted((ROOT / "benchmarks").glob("**/*.md")),
]
GUIDES = [path for path in DOCUMENTS if "results" not in path.parts]
"""Less the results, which keep the commands of their day."""


@pytest.mark.parametrize("document", DOCUMENTS, ids=[str(path.relative_to(ROOT)) for path in DOCUMENTS])
def test_relative_links_lead_somewhere(document: Path) -> None:
    targets = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", document.read_text(encoding="utf-8"))
    assert [target for target in targets if not (document.parent / target).exists()] == []


@pytest.mark.parametrize("document", GUIDES, ids=[str(path.relative_to(ROOT)) for path in GUIDES])
def test_commands_are_understood(document: Path) -> None:
    shown = shown_commands(document.read_text(encoding="utf-8"), "onestep")
    assert [trouble for line in shown if (trouble := trouble_with_command(line))] == []


@pytest.mark.parametrize("document", GUIDES, ids=[str(path.relative_to(ROOT)) for path in GUIDES])
def test_scripts_are_there_and_have_the_options(document: Path) -> None:
    shown = shown_commands(document.read_text(encoding="utf-8"), r"python (?:benchmarks|scripts|examples)/\S+\.py")
    assert [trouble for line in shown if (trouble := trouble_with_script(line, ROOT))] == []


@pytest.mark.parametrize("document", GUIDES, ids=[str(path.relative_to(ROOT)) for path in GUIDES])
def test_pip_installs_this_clone_with_extras_that_it_has(document: Path) -> None:
    """`pip install onestep` would fetch another project."""
    text = document.read_text(encoding="utf-8")
    assert re.findall(r"pip install [^`\n]*onestep", text) == []
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    named = [extra for group in re.findall(r"pip install [^`\n]*'\.\[(.*?)\]'", text) for extra in group.split(",")]
    assert set(named) <= extras.keys()


def test_make_targets_in_the_documents_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    for document in DOCUMENTS:
        assert (
            set(re.findall(r"^ {4}make ([a-z-]+)", document.read_text(encoding="utf-8"), flags=re.MULTILINE)) <= targets
        )


def test_command_lines_are_found() -> None:
    text = """Type `onestep
domains`, or:

    onestep run-video IN [-o OUT]   what it does

```
torchrun -m onestep train unpaired|paired ...   # twice
pip install onestep
onestep merge a.safetensors \\
    --base 'my tiny' -o OUT
```
"""
    assert shown_commands(text, "onestep") == [
        Shown(("onestep", "run-video", "IN", "-o", "OUT"), whole=True),
        Shown(("onestep", "train", "unpaired"), whole=False),
        Shown(("onestep", "train", "paired"), whole=False),
        Shown(("onestep", "merge", "a.safetensors", "--base", "my tiny", "-o", "OUT"), whole=True),
        Shown(("onestep", "domains"), whole=False),
    ]


@pytest.mark.parametrize(
    ("line", "trouble"),
    [
        ("onestep fly", "No such command 'fly'"),
        ("onestep train wild", "No such command 'wild'"),
        ("onestep merge x --base tiny", "Missing option '--output'"),
        ("onestep merge x --base tiny -o y --direction a2c", "'a2c' is not one of 'a2b', 'b2a'"),
        ("onestep merge x y --base tiny -o y", "unexpected extra argument"),
        ("onestep train unpaired -o y --unet-rnak 3", "No such option: --unet-rnak"),
        ("onestep train unpaired -o y --unet-rank many", "--unet-rank"),
        ("onestep export --domain", "requires an argument"),
        ("python benchmarks/fly.py", "there is no benchmarks/fly.py"),
        ("python benchmarks/export.py --sise 3", "No such option: --sise"),
        ("python benchmarks/quality.py --scenes 3", "Missing option '--output'"),
        ("python scripts/train_embedded.py --wrok x", "scripts/train_embedded.py has no --wrok"),
    ],
)
def test_a_wrong_line_is_told(line: str, trouble: str) -> None:
    (shown,) = shown_commands(f"    {line}\n", r"(?:onestep|python \S+)(?!\S)")
    told = trouble_with_command(shown) if shown.words[0] == "onestep" else trouble_with_script(shown, ROOT)
    assert told is not None and trouble in told


def test_what_is_left_out_may_be_missing_and_capitals_stand_for_a_value() -> None:
    text = "`onestep merge`\n\n    onestep merge FILE ...\n    onestep train paired -o RUN --max-steps N\n"
    assert [trouble_with_command(shown) for shown in shown_commands(text, "onestep")] == [None, None, None]
