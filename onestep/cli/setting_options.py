"""Options of the command line from fields of settings, so that each is declared once: name, type, default and help."""

import inspect
from collections.abc import Callable
from typing import Annotated, Any, Optional

import typer

from onestep.training.trainer.settings import HELP, Kind
from onestep.training.trainer.settings_file import default_settings, entries, values_of


def with_setting_options(kind: Kind) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return a decorator that gives a command one option per setting, in place of its `**options`.

    An option that is not given is None, so that the settings file or the default counts; `given_options` drops it.

    Args:
        kind: Kind of run, whose settings are meant.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(command, eval_str=True)
        own = [each for each in signature.parameters.values() if each.kind is not inspect.Parameter.VAR_KEYWORD]
        parameters = [*own, *_parameters(kind)]
        command.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        command.__annotations__ = {each.name: each.annotation for each in parameters} | {"return": None}
        return command

    return decorate


def given_options(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options that the user gave."""
    return {name: value for name, value in options.items() if value is not None}


def _parameters(kind: Kind) -> list[inspect.Parameter]:
    defaults = values_of(default_settings(kind))
    return [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[
                Optional[entry.type],  # noqa: UP045 - made at run time
                typer.Option(
                    help=entry.field.metadata[HELP],
                    show_default=_shown(defaults[name]),
                    rich_help_panel=entry.table.capitalize(),
                ),
            ],
        )
        for name, entry in entries(kind).items()
    ]


def _shown(value: Any) -> str | bool:
    """Return a default as the help shows it; nothing for what is not set, which the help text explains."""
    if value is None or value == "":
        return False
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value)
