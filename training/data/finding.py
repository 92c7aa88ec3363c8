"""What a check of training data has found."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Level = Literal["error", "warning"]


@dataclass(frozen=True)
class Finding:
    """One kind of trouble in one place.

    Attributes:
        level: `error` would stop or spoil a training; `warning` should be known.
        check: Name of the check, such as `duplicates`.
        message: What was found and what to do.
        files: The files concerned, in groups of those that belong together, such as a picture and its duplicate.
    """

    level: Level
    check: str
    message: str
    files: tuple[tuple[Path, ...], ...] = ()


@dataclass(frozen=True)
class DataReport:
    """The result of a check.

    Attributes:
        folder: The folder that was checked.
        layout: The layout that was recognised, or None.
        counts: Number of pictures per side.
        findings: Errors first.
    """

    folder: Path
    layout: str | None
    counts: dict[str, int]
    findings: tuple[Finding, ...]

    def number_of(self, level: Level) -> int:
        """Return the number of findings of a level."""
        return sum(finding.level == level for finding in self.findings)

    def as_json(self) -> dict[str, Any]:
        """Return plain values for `json.dumps`; paths are relative to the folder where they lie below it."""
        return {
            "folder": str(self.folder),
            "layout": self.layout,
            "pictures": self.counts,
            "errors": self.number_of("error"),
            "warnings": self.number_of("warning"),
            "findings": [
                {
                    "level": finding.level,
                    "check": finding.check,
                    "message": finding.message,
                    "files": [[self.relative(path) for path in group] for group in finding.files],
                }
                for finding in self.findings
            ],
        }

    def relative(self, path: Path) -> str:
        """Return a path as text, relative to the checked folder where it lies below it."""
        return str(path.relative_to(self.folder) if path.is_relative_to(self.folder) else path)
