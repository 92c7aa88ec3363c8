"""The command lines that a document shows, and what is wrong with them."""

import importlib.util
import itertools
import re
import shlex
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import typer

from onestep.cli import app

_ELLIPSES = {"...", "…"}
_USAGE = 2


@dataclass(frozen=True)
class Shown:
    """One command line as a document shows it."""

    words: tuple[str, ...]
    """Without comment, explanation and the brackets of what may be left out."""
    whole: bool
    """Whether it stands in a block and without an ellipsis, so that it can be typed as it stands."""


def shown_commands(document: str, program: str) -> list[Shown]:
    """Return the command lines of a program in a Markdown text: in its blocks, and as code between words.

    Of alternatives such as `unpaired|paired` each is a line.

    Args:
        document: The text.
        program: Regular expression of what the command line begins with, such as `onestep`.
    """
    blocks, prose = _divided(document)
    lines = [(line, True) for line in blocks] + [
        (" ".join(span.split()), False) for span in re.findall(r"`([^`]+)`", prose)
    ]
    found = []
    for line, in_block in lines:
        if begun := re.search(rf"(?:^|\s-m )(?={program}(?:\s|$))", line):
            words = _words(line[begun.end() :])
            whole = in_block and not _ELLIPSES & set(words)
            choices = [word.split("|") for word in words if word not in _ELLIPSES]
            found += [Shown(chosen, whole) for chosen in itertools.product(*choices)]
    return found


def trouble_with_command(shown: Shown) -> str | None:
    """Return what `onestep` would say against a command line that begins with its name, None if nothing.

    Options, their values' types and choices, and what is required are looked at; nothing is run.
    """
    return _trouble(_silent_command(), shown)


def trouble_with_script(shown: Shown, root: Path) -> str | None:
    """Return what is wrong with a line `python SCRIPT ...`, None if nothing: no such script, or no such option.

    Args:
        shown: The line.
        root: Folder that the script's path starts from.
    """
    script = root / shown.words[1]
    if not script.is_file():
        return f"there is no {shown.words[1]}"
    if script.parent.name == "benchmarks":
        return _trouble(_benchmark_command(script), Shown(shown.words[1:], shown.whole))
    known = re.findall(r'add_argument\("(-[a-z-]+)"', script.read_text("utf-8"))
    unknown = [word for word in shown.words[2:] if word.startswith("-") and word not in known]
    return f"{shown.words[1]} has no {', '.join(unknown)}" if unknown else None


def _divided(document: str) -> tuple[list[str], str]:
    """Return the lines of the blocks, and what stands between the blocks."""
    blocks, prose, fenced = [], [], False
    for line in re.sub(r"\s*\\\n\s*", " ", document).splitlines():
        if line.startswith("```"):
            fenced = not fenced
        elif fenced or line.startswith("    "):
            blocks.append(line.strip())
        else:
            prose.append(line)
    return blocks, "\n".join(prose)


def _words(line: str) -> list[str]:
    command = re.split(r"\s{2,}", line)[0]  # an explanation or a comment stands behind
    return shlex.split(re.sub(r"[\[\]]", " ", command), comments=True)


def _trouble(command: Any, shown: Shown) -> str | None:
    try:
        command.main(args=list(shown.words[1:]), prog_name=shown.words[0], standalone_mode=False)
    except Exception as err:  # typer has its own copy of click or click itself, by its version
        if getattr(err, "exit_code", None) != _USAGE:
            raise
        is_incomplete = type(err).__name__ in ("MissingParameter", "NoArgsIsHelpError")
        if (is_incomplete and not shown.whole) or _is_of_a_placeholder(err, shown.words):
            return None
        return f"{shlex.join(shown.words)}: {_message(err)}"
    return None


def _is_of_a_placeholder(error: Any, words: tuple[str, ...]) -> bool:
    """Return whether an error is that a word in capitals, such as N for a number, is no value of its option."""
    names = getattr(getattr(error, "param", None), "opts", ())
    return any(word in names and following.isupper() for word, following in itertools.pairwise(words))


def _message(error: Any) -> str:
    return str(error.format_message())


@cache
def _silent_command() -> Any:
    return _without_deeds(typer.main.get_command(app))


@cache
def _benchmark_command(script: Path) -> Any:
    """Return the command of a script whose function has its name, as `bench.command.run_command` makes it."""
    spec = importlib.util.spec_from_file_location(f"script_{script.stem}", script)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    started = typer.Typer()
    started.command()(getattr(module, script.stem))
    return _without_deeds(typer.main.get_command(started))


def _without_deeds(command: Any) -> Any:
    """Take from a command, and those below it, what they do; they still read their arguments."""
    command.callback = None
    for below in getattr(command, "commands", {}).values():
        _without_deeds(below)
    return command
