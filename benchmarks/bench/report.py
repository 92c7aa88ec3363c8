"""The results of a run as one value, and its JSON."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bench.row import RowResult
from bench.timing import Timing
from onestep.errors import InputError

FORMAT, VERSION = "onestep-latency", 1


@dataclass(kw_only=True)
class Report:
    """Everything that one run of the table found out."""

    command: str
    settings: dict[str, Any]
    environment: dict[str, str]
    rates: dict[str, float]
    """Matrix rate in operations per second, and copy bandwidth in bytes per second: the best of start and end."""
    rates_start: dict[str, float]
    """The same rates, as measured before the rows."""
    rates_end: dict[str, float]
    """The same rates, as measured after the rows."""
    part_flops: dict[str, int]
    """Operations of one frame of the one-step generator, by part."""
    rows: list[RowResult]
    rates_between: dict[str, float] | None = None
    """The same rates: medians of samples between the turns of the rows. None in reports that were kept before there
    were any, whose utilisation is of the best rate."""
    rates_count: int = 0
    """How many samples those are."""
    rates_spread: float | None = None
    """Of the matrix rate in those samples: distance from the first to the third quartile, as a share of the median."""
    stolen_share: float | None = None
    """Share of the processors' time that a hypervisor gave to others while the rows were measured, if it is known."""
    others_share: float | None = None
    """Share of it that other processes of this machine took meanwhile, if it is known."""
    matrix_rates: dict[str, float] = field(default_factory=dict)
    """Best matrix rate by precision, in operations per second, of the precisions that rows have; empty in reports that
    were kept before these were measured, whose rows all have the floor of the run's precision."""
    video: dict[str, float | str] = field(default_factory=dict)
    """The graph on a video: frames per second end to end and of the engine alone; in reports that were kept before
    `left_out` was, the reason why not."""
    sizes: list[dict[str, float | str]] = field(default_factory=list)
    """The graph at other frame sizes, each in turn with the run's own."""
    left_out: dict[str, str] = field(default_factory=dict)
    """What was not measured beside the rows, and why."""
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0
    """The whole run."""
    interrupted: bool = False

    def row(self, name: str) -> RowResult | None:
        """Return a row by its name, if it is there."""
        return next((row for row in self.rows if row.name == name), None)


def text_from_report(report: Report) -> str:
    """Return the report as indented JSON."""
    content = {"format": FORMAT, "version": VERSION, **asdict(report)}
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def report_from_file(path: Path) -> Report:
    """Read a report that was written before.

    Raises:
        InputError: The file is no report of this version.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if (content.pop("format"), content.pop("version")) != (FORMAT, VERSION):
            raise ValueError(f"not {FORMAT} version {VERSION}")
        rows = [_row(row) for row in content.pop("rows")]
        return Report(rows=rows, **content)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as err:
        raise InputError(
            f"{path} is no report of benchmarks/latency.py ({err}). Give a file that --json wrote."
        ) from err


def _row(content: dict[str, Any]) -> RowResult:
    timings = {name: Timing(**content[name]) for name in ("timing", "device_timing") if content[name] is not None}
    return RowResult(**(content | timings))
