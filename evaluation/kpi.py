"""KPIs: thresholds agreed beforehand in a small TOML file, and the verdicts on what was measured.

edges_kept = ">= 0.75"
latency_p95_ms = "<= 40"
"""

import operator
import re
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from onestep.domains import DOMAINS, domain
from onestep.errors import InputError, MissingInputError, SettingError, UnknownNameError
from onestep.evaluation.catalogue import MEASURES
from onestep.evaluation.results import Row, Verdict

_COMPARISONS: Final[dict[str, Callable[[float, float], bool]]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
_CONDITION: Final = re.compile(r"\s*(>=|<=|>|<)\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*")
_SHIPPED: Final = Path(__file__).parent / "kpi_files"


@dataclass(frozen=True)
class Kpi:
    """One line of a KPI file."""

    name: str
    condition: str
    """As written, such as `>= 0.75`."""

    def __post_init__(self) -> None:
        if self.name not in MEASURES:
            raise UnknownNameError("KPI", self.name, MEASURES)
        if _CONDITION.fullmatch(self.condition) is None:
            raise SettingError(
                f"The KPI {self.name} has the condition {self.condition!r}; expected >=, <=, > or < and a number, such "
                f'as {self.name} = ">= 0.75".'
            )

    def holds_for(self, value: float) -> bool:
        """Tell whether a value meets the condition; NaN never does."""
        match = _CONDITION.fullmatch(self.condition)
        assert match is not None
        return _COMPARISONS[match[1]](value, float(match[2]))


def read_kpis(path: Path) -> list[Kpi]:
    """Read a KPI file.

    Raises:
        MissingInputError: There is no such file.
        InputError: It is not TOML, or has no KPI in it.
        UnknownNameError: A KPI that is no figure; the nearest one is suggested.
        SettingError: A condition that is not a comparison with a number.
    """
    if not path.is_file():
        raise MissingInputError(f"There is no KPI file {path}. Write one with: onestep evaluate --init-kpi")
    try:
        lines = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as err:
        raise InputError(f'{path} is not TOML ({err}). A line looks like this: edges_kept = ">= 0.75"') from err
    if not lines:
        raise InputError(
            f"{path} holds no KPI, so nothing would be judged. Take the # away from the lines you agree on."
        )
    return [Kpi(name, _text(path, name, condition)) for name, condition in lines.items()]


def kpi_file(named: Path) -> Path:
    """Return the KPI file that an option names: a file, or the one that ships for the domain of that name."""
    shipped = _SHIPPED / f"{named}.toml"
    return shipped if not named.exists() and str(named) in DOMAINS and shipped.is_file() else named


def _text(path: Path, name: str, condition: object) -> str:
    if not isinstance(condition, str):
        raise SettingError(
            f"{path}: {name} is {condition!r}, and a KPI is a comparison in quotes. "
            f'Write {name} = ">= 0.75", with >=, <=, > or <.'
        )
    return condition


def verdicts_of(kpis: Sequence[Kpi], rows: Sequence[Row]) -> list[Verdict]:
    """Judge every translator's row by every KPI. What was not measured fails."""
    return [_verdict(kpi, row) for row in rows if row.kind == "translator" for kpi in kpis]


def _verdict(kpi: Kpi, row: Row) -> Verdict:
    measured = row.figures.get(kpi.name)
    if measured is None or measured.value is None:
        reason = f"not measured: {measured.reason if measured else 'this row has no such figure'}"
        return Verdict(kpi.name, kpi.condition, row.name, None, False, reason)
    passed = kpi.holds_for(measured.value)
    reason = "" if passed else f"{measured.value:.4g} is not {kpi.condition.strip()}"
    return Verdict(kpi.name, kpi.condition, row.name, measured.value, passed, reason)


def kpi_file_text(domain_name: str) -> str:
    """Return a commented KPI file for a domain: the one that ships for it, or every figure as a comment.

    Raises:
        UnknownNameError: No domain has that name.
    """
    shipped = _SHIPPED / f"{domain(domain_name).name}.toml"
    return shipped.read_text(encoding="utf-8") if shipped.is_file() else _template(domain_name)


def _template(domain_name: str) -> str:
    lines = [
        f"# What {domain_name} has to reach, agreed before it is measured. Take the # away from the lines that count,",
        "# and put your own numbers in. A figure that a run cannot measure fails.",
    ]
    for measure in MEASURES.values():
        unit = f" [{measure.unit}]" if measure.unit else ""
        comparison = "<=" if measure.better == "lower" else ">="
        lines += ["", f"# {measure.definition}{unit}", f'# {measure.name} = "{comparison} 0"']
    return "\n".join(lines) + "\n"
