"""What was looked for on this machine, and found or not."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One line of `onestep doctor`'s report."""

    subject: str
    usable: bool
    detail: str
    """What is here, or why it cannot be used."""
