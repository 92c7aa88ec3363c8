"""The report in files: JSON that can be read again, Markdown, pictures, one page."""

import subprocess
import sys
from pathlib import Path

import pytest
from bench.page import page_from_markdown
from bench.plots import draw_plots
from bench.report import Report, report_from_file, text_from_report
from bench.result_files import write_text
from bench.tables import graph_row, latency_table, markdown_from_report, number, utilisation
from bench.timing import timing_from_samples

from onestep.errors import InputError, OutputError

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "latency.py"


def test_json_reads_back_as_it_was(report: Report, written: Path) -> None:
    again = report_from_file(written)
    assert again == report
    assert text_from_report(again) == written.read_text(encoding="utf-8")


def test_the_table_by_hand(report: Report) -> None:
    table = latency_table(report).split("\n")
    graph = [cell.strip() for cell in table[2].split("|")[1:-1]]
    assert graph[:9] == ["One-step graph", "1", "100", "101", "101", "0.0%", "5", "10.0", "1.00x"]
    assert graph[9:] == ["", "4.00", "2.50", "40%", "150", "300", ""]
    many = [cell.strip() for cell in table[3].split("|")[1:-1]]
    assert many[8:13] == ["40.0x", "", "160", "2.50", "40%"]
    assert many[-1] == "per step x steps (10 of 40 steps timed)"
    assert "**not run**: no NVIDIA GPU / here" in table[4]
    assert {line.count("|") for line in table} == {17}


def test_a_ratio_of_paired_calls_has_an_interval(report: Report) -> None:
    graph, many, _ = report.rows
    graph.timing = timing_from_samples([100.0, 100.0], at_seconds=[0.0, 5.0])
    many.timing = timing_from_samples([4000.0, 4400.0, 4100.0], at_seconds=[1.0, 6.0, 9.0])
    cells = [cell.strip() for cell in latency_table(report).split("\n")[3].split("|")[1:-1]]
    assert cells[8:10] == ["41.0x", "40.0 to 44.0"]


def test_the_report_says_how_quiet_the_machine_was(report: Report) -> None:
    assert "How quiet" not in markdown_from_report(report), "it is not known of reports that were kept before"
    report.rates_spread, report.stolen_share = 0.21, 0.034
    text = "the middle half of these rates is 21% wide, and a hypervisor gave 3.4% of the processors' time to others"
    assert text in markdown_from_report(report)


def test_figures_behind_the_table(report: Report) -> None:
    graph, many, missing = report.rows
    assert graph_row(report) is graph
    assert (graph.frames_per_second, graph.over_floor) == (10.0, 2.5)
    assert utilisation(many, report) == pytest.approx(0.4)
    assert utilisation(missing, report) is None
    assert [number(value) for value in (1234.5, 12.34, 1.234, 0.5, None)] == ["1234", "12.3", "1.23", "0.50", ""]


def test_the_ratio_of_times_stands_beside_the_ratio_of_operations(report: Report) -> None:
    text = markdown_from_report(report)
    assert "40.0 times the graph's operations and takes 40.0 times as long (+0%)" in text
    assert "9.70 frames/s end to end" in text
    assert "python benchmarks/latency.py" in text


def test_pictures_and_page(report: Report, tmp_path: Path) -> None:
    pictures = draw_plots(report, tmp_path / "deep" / "table.png")
    assert [path.name for path in pictures] == ["table.png", "table-stages.png", "table-sizes.png"]
    assert all(path.read_bytes().startswith(b"\x89PNG") and path.stat().st_size > 10_000 for path in pictures)
    page = page_from_markdown(markdown_from_report(report), pictures)
    assert page.count('src="data:image/png;base64,') == 3
    assert page.count("<table>") == 3
    assert "<b>not run</b>" in page and "| ---" not in page


def test_a_report_without_rows_that_ran_has_no_pictures(report: Report, tmp_path: Path) -> None:
    report.rows, report.sizes = report.rows[2:], []
    assert draw_plots(report, tmp_path / "table.png") == []
    assert "not run" in markdown_from_report(report)


@pytest.mark.parametrize("text", ["{}", "no JSON", '{"format": "onestep-latency", "version": 99}', "[]"])
def test_what_is_no_report_is_named(text: str, tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"other\.json is no report of benchmarks/latency\.py"):
        report_from_file(path)


def test_a_place_that_cannot_be_written(report: Report, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(OutputError, match=r"cannot be written \(.*\)\. Choose another place"):
        write_text(tmp_path / "file" / "below.md", "text")
    with pytest.raises(OutputError, match="Choose another place"):
        draw_plots(report, tmp_path / "file" / "table.png")


def test_the_script_writes_everything_again_from_json(written: Path, tmp_path: Path) -> None:
    done = _latency("--from-json", str(written), "-o", str(tmp_path / "out"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("| row |")
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"latency.md", "index.html", "latency.png", "latency-stages.png", "latency-sizes.png"}


def test_the_script_ends_with_one_message(tmp_path: Path) -> None:
    done = _latency("--rows", "sdedit-51", "-o", str(tmp_path))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: Unknown row 'sdedit-51'. Did you mean 'sdedit-50'?")
    assert "Traceback" not in done.stderr


def _latency(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(SCRIPT), *arguments], capture_output=True, text=True, check=False)
