"""A line on stderr when a stage of a long command begins."""

import sys


def print_stage(stage: str) -> None:
    """Say that a stage begins."""
    print(f"… {stage}", file=sys.stderr)
