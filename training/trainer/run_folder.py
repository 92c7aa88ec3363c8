"""The folder of a run: what lies where, and whether a new run may begin there."""

from dataclasses import dataclass
from pathlib import Path

from onestep.errors import MissingInputError, OutputError


@dataclass(frozen=True)
class RunFolder:
    """A run's folder and its files."""

    root: Path

    @property
    def settings(self) -> Path:
        """The resolved settings, TOML."""
        return self.root / "settings.toml"

    @property
    def inputs(self) -> Path:
        """Which pictures and which base the run began with, JSON."""
        return self.root / "inputs.json"

    @property
    def states(self) -> Path:
        """Folder of the last two states, from which the run is resumed."""
        return self.root / "last"

    @property
    def log(self) -> Path:
        """Losses and measures, one JSON object per line."""
        return self.root / "log.jsonl"

    @property
    def validation(self) -> Path:
        """The table of all validations, JSON."""
        return self.root / "validation.json"

    @property
    def tensorboard(self) -> Path:
        """Folder of the events."""
        return self.root / "tensorboard"

    @property
    def samples(self) -> Path:
        """Folder of the grids, one PNG per time."""
        return self.root / "samples"

    @property
    def checkpoint(self) -> Path:
        """The averaged weights of the last saved state."""
        return self.root / "checkpoint.safetensors"

    @property
    def best(self) -> Path:
        """The averaged weights of the best validation."""
        return self.root / "best.safetensors"

    def check_free(self) -> None:
        """Raise OutputError if a new run cannot begin here."""
        if self.root.exists() and not self.root.is_dir():
            raise OutputError(f"{self.root} is a file, and a run is a folder. Choose another place with -o.")
        if self.settings.exists():
            raise OutputError(
                f"{self.root} holds another run. Go on with it with --resume {self.root}, or choose another place "
                "with -o."
            )
        if self.root.exists() and any(self.root.iterdir()):
            raise OutputError(f"{self.root} is not empty and holds no run. Choose another place with -o.")

    def begin(self) -> None:
        """Make the folder of a new run.

        Raises:
            OutputError: Something lies there, or it cannot be made.
        """
        self.check_free()
        try:
            for folder in (self.root, self.states, self.samples):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as err:
            raise OutputError(
                f"Cannot write {self.root}: {err.strerror or err}. Choose another place with -o."
            ) from err

    def check_is_run(self) -> None:
        """Raise MissingInputError unless there is a run to resume."""
        if not self.settings.is_file():
            raise MissingInputError(
                f"{self.root} holds no run: {self.settings.name} is missing. Begin one with -o {self.root}."
            )
