"""The pictures of a report: names stay inside."""

from bench.plots import _latency as latency_figure
from bench.report import Report


def test_names_lie_inside_the_picture_without_a_row_of_many_evaluations(report: Report) -> None:
    report.rows = [row for row in report.rows if row.evaluations == 1]
    figure = latency_figure(report)
    figure.draw_without_rendering()
    (axes,) = figure.axes
    names = [text for text in axes.texts if "ms" in text.get_text()]
    assert names
    for text in names:
        box = text.get_window_extent()
        assert axes.bbox.x0 <= box.x0 and box.x1 <= axes.bbox.x1
