"""The report: one HTML file that shows what an evaluation found, and its JSON."""

from onestep.evaluation.report.write import REPORT_NAME, write_report

__all__ = ["REPORT_NAME", "write_report"]
