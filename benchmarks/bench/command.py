"""How the scripts start: an ordinary typed function becomes a command that ends as `onestep` itself does."""

import sys
from collections.abc import Callable

import typer

from onestep.errors import OnestepError


def run_command(function: Callable[..., None]) -> None:
    """Run a function as a command: status 0 done, 1 with one message where the user can mend it, 2 usage."""
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(function)
    try:
        app()
    except OnestepError as err:
        print(f"Error: {err}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        sys.exit(130)
