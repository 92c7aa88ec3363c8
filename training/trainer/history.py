"""All validations of a run, the best of them, and what to tell the user; kept in the state and as JSON."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from onestep.atomic import whole_file
from onestep.errors import OutputError
from onestep.training.trainer.alarms import worse_than_at_first

COPY = "copy of the input"


@dataclass
class History:
    """Measures by step, and of the copied input.

    Attributes:
        score_name: The measure that the best step has least of.
        copies: Measures of the copied input.
        rows: Measures by step.
    """

    score_name: str
    copies: dict[str, float] = field(default_factory=dict)
    rows: dict[int, dict[str, float]] = field(default_factory=dict)

    @property
    def best_step(self) -> int:
        """The step with the best score so far."""
        return min(self.rows, key=lambda step: (self.rows[step][self.score_name], step))

    def shown(self) -> dict[str, dict[str, float]]:
        """Return the rows of a table: the copied input, step 0, the best step and the last."""
        steps = dict.fromkeys((0, self.best_step, max(self.rows)))
        names = {step: f"step {step}" + (" (best)" if step == self.best_step else "") for step in steps}
        return {COPY: self.copies} | {names[step]: self.rows[step] for step in steps if step in self.rows}

    def warning(self) -> str | None:
        """Return what to tell the user when the last step is worse than step 0."""
        score = {step: row[self.score_name] for step, row in self.rows.items()}
        if 0 not in score:
            return None
        return worse_than_at_first(self.score_name, score[0], score[self.best_step], score[max(score)])

    def captured(self) -> dict[str, Any]:
        """Return plain values for the state."""
        return {"copies": self.copies, "rows": self.rows}

    def restore(self, saved: Mapping[str, Any]) -> None:
        """Take over what `captured` gave."""
        self.copies, self.rows = dict(saved["copies"]), dict(saved["rows"])

    def write(self, path: Path) -> None:
        """Write all rows as JSON; the file appears whole or not at all.

        Raises:
            OutputError: It cannot be written.
        """
        content = {"best_step": self.best_step, "least_is_best": self.score_name, COPY: self.copies, "steps": self.rows}
        try:
            with whole_file(path) as partial:
                partial.write_text(json.dumps(content, indent=2) + "\n", "utf-8")
        except OSError as err:
            raise OutputError(f"Writing {path} failed: {err}. Make room, then --resume the run.") from err
