"""The command line: one module per command, each an ordinary function that can be called from Python.

Results go to stdout, progress and logs to stderr. Exit status: 0 done, 1 the user can mend it, 2 usage, 130
interrupted.
"""

import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from onestep.cli.build import build
from onestep.cli.data import data
from onestep.cli.distill import distill
from onestep.cli.doctor import doctor
from onestep.cli.domains import domains
from onestep.cli.evaluate import evaluate
from onestep.cli.export import export
from onestep.cli.import_checkpoint import import_checkpoint
from onestep.cli.merge import merge
from onestep.cli.random_base import random_base
from onestep.cli.refit import refit
from onestep.cli.render_video import render_video
from onestep.cli.run_image import run_image
from onestep.cli.run_video import run_video
from onestep.cli.train import app as train_app
from onestep.errors import OnestepError
from onestep.version import __version__


class _Commands(TyperGroup):
    """All commands. Says that one was interrupted, which Typer's exit status says alone."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            print("Interrupted.", file=sys.stderr)
            raise typer.Exit(130) from None


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="One-step image translation: one network evaluation per frame, one ONNX graph, real-time video.",
)
_COMMANDS = (
    run_video, run_image, evaluate, export, build, refit, merge, distill, random_base, domains, doctor, render_video,
)  # fmt: skip
for command in _COMMANDS:
    app.command(command.__name__.replace("_", "-"))(command)
app.command("import")(import_checkpoint)
app.add_typer(train_app, name="train")
app.add_typer(data, name="data")


def main() -> None:
    """Run the command line and exit with its status."""
    try:
        app()
    except OnestepError as err:
        print(f"Error: {err}", file=sys.stderr)
        sys.exit(1)


def _print_version(asked: bool) -> None:
    if asked:
        print(f"onestep {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Options before the command's name."""
