"""The report: one HTML file that shows what an evaluation found, and its JSON."""

from onestep.evaluation.report.write import write_report

__all__ = ["write_report"]
