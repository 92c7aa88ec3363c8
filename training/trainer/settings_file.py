"""Settings as TOML: read with every key and type checked, written with every value resolved."""

import dataclasses
import json
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from onestep.errors import InputError, MissingInputError, SettingError, UnknownNameError
from onestep.training.trainer.settings import HELP, Kind, PairedSettings, Settings, UnpairedSettings

_KIND = "kind"
_SettingsT = TypeVar("_SettingsT", bound=Settings)
KINDS: dict[Kind, type[Settings]] = {"unpaired": UnpairedSettings, "paired": PairedSettings}


@dataclasses.dataclass(frozen=True)
class Entry:
    """One setting: where it stands, and what it takes."""

    table: str
    name: str
    type: Any
    field: dataclasses.Field[Any]


@cache
def entries(kind: Kind) -> dict[str, Entry]:
    """Return all settings of a kind of run by name; a name is in one table only."""
    found = {}
    for table, group in get_type_hints(KINDS[kind]).items():
        hints = get_type_hints(group)
        found.update({f.name: Entry(table, f.name, hints[f.name], f) for f in dataclasses.fields(group)})
    return found


def default_settings(kind: Kind) -> Settings:
    """Return the settings of a run for which nothing was chosen."""
    return UnpairedSettings() if kind == "unpaired" else PairedSettings()


def kind_of(settings: Settings) -> Kind:
    """Return whether the settings are of an unpaired or of a paired run."""
    return "unpaired" if isinstance(settings, UnpairedSettings) else "paired"


def values_of(settings: Settings) -> dict[str, Any]:
    """Return every setting's value by name."""
    return {name: getattr(getattr(settings, e.table), name) for name, e in entries(kind_of(settings)).items()}


def with_values(settings: _SettingsT, values: Mapping[str, Any], *, source: str) -> _SettingsT:
    """Return settings with some values replaced.

    Args:
        settings: What the others keep.
        values: New values by name.
        source: Where they come from, for messages.

    Raises:
        UnknownNameError: There is no such setting.
        SettingError: A value has the wrong type or is out of range.
    """
    known = entries(kind_of(settings))
    tables: dict[str, dict[str, Any]] = {}
    for name, value in values.items():
        if name not in known:
            raise UnknownNameError(f"setting in {source}:", name, known)
        entry = known[name]
        tables.setdefault(entry.table, {})[name] = _checked(value, entry, source)
    groups = {table: dataclasses.replace(getattr(settings, table), **new) for table, new in tables.items()}
    return dataclasses.replace(settings, **groups)


def read_values(path: Path, kind: Kind) -> dict[str, Any]:
    """Read the values that a TOML file gives, by name.

    Raises:
        MissingInputError: There is no such file.
        InputError: It is no TOML.
        UnknownNameError: A table or key does not exist; the message names the nearest.
        SettingError: A key stands in the wrong table, or the file is of the other kind of run.
    """
    content = _parsed(path)
    written_for = content.pop(_KIND, kind)
    if written_for != kind:
        raise SettingError(f"{path} is for `onestep train {written_for}`, and this is `onestep train {kind}`.")
    known = entries(kind)
    values: dict[str, Any] = {}
    for table, keys in content.items():
        if table not in {entry.table for entry in known.values()}:
            raise UnknownNameError(f"table in {path}:", table, dict.fromkeys(e.table for e in known.values()))
        if not isinstance(keys, dict):
            raise SettingError(f"{path}: {table} is a table of settings; write [{table}] and its keys below it.")
        for key, value in keys.items():
            _check_place(key, table, kind, path)
            values[key] = value
    return values


def text_of(settings: Settings) -> str:
    """Return settings as TOML with each help text above its key; what is not set is left out, as a comment."""
    lines = [f'{_KIND} = "{kind_of(settings)}"']
    values = values_of(settings)
    table = ""
    for name, entry in entries(kind_of(settings)).items():
        if entry.table != table:
            table = entry.table
            lines += ["", f"[{table}]"]
        lines.append(f"# {entry.field.metadata[HELP]}")
        lines.append(f"# {name} is not set" if values[name] is None else f"{name} = {_literal(values[name])}")
    return "\n".join(lines) + "\n"


def choices(kind: Any) -> tuple[Any, ...] | None:
    """Return the values that a type allows, None where it is no list of values."""
    return get_args(kind) if get_origin(kind) is Literal else None


def _parsed(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise MissingInputError(f"There is no settings file {path}.")
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as err:
        raise InputError(f"{path} cannot be read as TOML: {err}.") from err


def _check_place(key: str, table: str, kind: Kind, path: Path) -> None:
    known = entries(kind)
    if key not in known:
        raise UnknownNameError(f"key in [{table}] of {path}:", key, known)
    if known[key].table != table:
        raise SettingError(f"{path}: {key} stands in [{table}]; it belongs in [{known[key].table}].")


def _checked(value: Any, entry: Entry, source: str) -> Any:
    """Return a value in its field's type."""
    kind, optional = _without_none(entry.type)
    allowed = choices(kind)
    if value is None and optional:
        return None
    if allowed is not None:
        if value not in allowed:
            raise UnknownNameError(f"value of {entry.name} in {source}:", str(value), [str(one) for one in allowed])
        return value
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not kind:
        raise SettingError(f"{entry.name} in {source} is {value!r}; expected {kind.__name__}.")
    return value


def _without_none(kind: Any) -> tuple[Any, bool]:
    if get_origin(kind) not in (Union, UnionType):
        return kind, False
    (inner,) = (each for each in get_args(kind) if each is not type(None))
    return inner, True


def _literal(value: Any) -> str:
    """Write a value as TOML."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value)
    return json.dumps(value, ensure_ascii=False)
