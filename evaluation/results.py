"""What an evaluation found, as plain records that the report, the KPIs and the JSON read."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

Better = Literal["higher", "lower", "neither"]


@dataclass(frozen=True)
class Figure:
    """One measure of one row, with its 95 % bootstrap interval."""

    name: str
    """Stable name, as a KPI file writes it, such as `edges_kept`."""
    unit: str
    """Unit of the value, such as `dB` or `ms`; empty for a plain number."""
    better: Better
    value: float | None
    """The figure; None where this run could not measure it, see `reason`."""
    low: float | None
    high: float | None
    count: int
    """Pictures, pairs or frames that the figure was computed from."""
    reason: str = ""
    """Why `value` is None, or why there is no interval; empty otherwise."""
    definition: str = ""
    """One sentence."""


@dataclass(frozen=True)
class Row:
    """All figures of one translator, or of one of the references that the numbers are read against."""

    name: str
    kind: Literal["translator", "reference"]
    """References are `copy-input`, `reinhard` and `real-vs-real`."""
    figures: dict[str, Figure]
    per_picture: dict[str, list[float]]
    """Values by figure name, in the order of `Evaluation.pictures`; NaN where one picture has none."""


@dataclass(frozen=True)
class PictureRef:
    """One input picture and everything that belongs to it."""

    name: str
    source: Path
    target: Path | None
    """A picture of the domain to reach, to look at beside it; not of the same moment."""
    truth: Path | None
    """The same moment as it should come out."""
    outputs: dict[str, Path]
    """By the name of the row."""


@dataclass(frozen=True)
class Verdict:
    """One line of a KPI file, judged for one row."""

    kpi: str
    condition: str
    """As written, such as `>= 0.75`."""
    row: str
    value: float | None
    passed: bool
    reason: str
    """Why it failed; empty where it passed."""


@dataclass(frozen=True)
class Clip:
    """A video and its translation, both H.264 in MP4."""

    name: str
    source: Path
    output: Path


@dataclass(frozen=True)
class Evaluation:
    """Everything that one run measured."""

    title: str
    created: str
    """ISO 8601, with the time zone."""
    command: str
    rows: list[Row]
    pictures: list[PictureRef]
    clips: list[Clip]
    verdicts: list[Verdict]
    environment: dict[str, str]
    licences: dict[str, str]
    """Licence by what it covers: bases, weights, feature networks."""
    notes: list[str]
    """Unreadable files, resizes and whatever else a reader has to know."""


def evaluation_as_json(evaluation: Evaluation) -> dict[str, Any]:
    """Return the evaluation as what `json.dumps` takes: paths as text, NaN as None."""
    plain: dict[str, Any] = _plain(asdict(evaluation))
    return plain


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_plain(entry) for entry in value]
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    return value
