"""The report in files: JSON that can be read again, Markdown, pictures, one page."""

import subprocess
import sys
from pathlib import Path

import pytest
from bench.page import page_from_markdown
from bench.plots import draw_plots
from bench.report import Report, report_from_file, text_from_report
from bench.result_files import check_place, write_text
from bench.sections import markdown_from_report
from bench.tables import graph_row, latency_table, number, utilisation
from bench.timing import timing_from_samples

from onestep.errors import InputError, OutputError

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "latency.py"


def test_json_reads_back_as_it_was(report: Report, written: Path) -> None:
    again = report_from_file(written)
    assert again == report
    assert text_from_report(again) == written.read_text(encoding="utf-8")


def cells_of(report: Report, place: int) -> dict[str, str]:
    """Return a row's cells of the table by their headers."""
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in latency_table(report).split("\n")]
    return dict(zip(lines[0], lines[2 + place], strict=True))


def test_the_table_by_hand(report: Report) -> None:
    assert cells_of(report, 0) == {
        **{"row": "One-step graph", "UNet evaluations": "1", "median ms": "100", "p95 ms": "", "p99 ms": ""},
        **{"spread": "0.0%", "n": "5", "fps": "10.0", "against graph-onnxruntime-cpu-fp32": "1.00x"},
        **{"its 95 % interval": "", "GFLOP": "4.00", "time / floor": "2.50", "utilisation": "40%"},
        **{"first call ms": "150", "peak MB": "300", "remarks": ""},
    }
    many = cells_of(report, 1)
    assert (many["against graph-onnxruntime-cpu-fp32"], many["GFLOP"], many["peak MB"]) == ("40.0x", "160", "")
    assert (many["spread"], many["fps"]) == ("", "0.250"), "of a row in part there is no spread"
    assert many["remarks"] == "per step x steps (10 of 40 steps timed)"
    assert cells_of(report, 2)["remarks"] == "**not run**: no NVIDIA GPU / here"


def test_without_a_graph_nothing_is_compared(report: Report) -> None:
    report.rows = report.rows[1:]
    assert cells_of(report, 0)["against the graph"] == ""


@pytest.mark.parametrize(("count", "p95", "p99"), [(19, "", ""), (20, "19.0", ""), (100, "95.0", "99.0")])
def test_a_percentile_that_would_be_the_slowest_call_is_left_blank(
    report: Report, count: int, p95: str, p99: str
) -> None:
    report.rows[0].timing = timing_from_samples([float(number + 1) for number in range(count)])
    assert (cells_of(report, 0)["p95 ms"], cells_of(report, 0)["p99 ms"]) == (p95, p99)


def test_on_a_gpu_the_table_has_the_devices_memory(report: Report) -> None:
    report.settings["device"], report.rows[0].peak_device_bytes = "cuda", 2_000_000_000
    assert cells_of(report, 0)["peak GPU MB"] == "2000"
    assert list(cells_of(report, 0))[-1] == "remarks"


def test_a_ratio_of_paired_calls_has_an_interval(report: Report) -> None:
    graph, many, _ = report.rows
    graph.timing = timing_from_samples([100.0] * 9, at_seconds=range(9))
    many.timing = timing_from_samples([4000.0] * 8, at_seconds=range(8))
    assert cells_of(report, 1)["its 95 % interval"] == "40.0 to 40.0"
    assert "takes 40.0 times as long (95 % interval 40.0 to 40.0), +0%" in markdown_from_report(report)


def test_the_report_says_how_quiet_the_machine_was(report: Report) -> None:
    assert "How quiet" not in markdown_from_report(report), "it is not known of reports that were kept before"
    report.rates_spread, report.stolen_share = 0.21, 0.034
    text = "the middle half of these rates is 21% wide, and a hypervisor gave 3.4% of the processors' time to others"
    assert text in markdown_from_report(report)
    report.others_share = 0.5
    assert "time to others, and other processes of this machine took 50.0% of it." in markdown_from_report(report)


def test_figures_behind_the_table(report: Report) -> None:
    graph, many, missing = report.rows
    assert graph_row(report) is graph
    assert (graph.frames_per_second, graph.over_floor) == (10.0, 2.5)
    assert utilisation(many, report) == pytest.approx(0.4)
    assert utilisation(missing, report) is None


def test_numbers_have_three_digits_however_small_or_large() -> None:
    values = (1234.5, 99.96, 12.34, 1.234, 0.5, 0.00295, 0.0, -0.25, None)
    expected = ["1234", "100", "12.3", "1.23", "0.500", "0.00295", "0", "-0.250", ""]
    assert [number(value) for value in values] == expected


def test_a_row_in_another_precision_is_held_against_that_precisions_rate(report: Report) -> None:
    graph = report.rows[0]
    graph.precision, report.matrix_rates = "fp16", {"fp16": 400e9}
    assert utilisation(graph, report) == pytest.approx(0.1)


def test_the_ratio_of_times_stands_beside_the_ratio_of_operations(report: Report) -> None:
    text = markdown_from_report(report)
    assert "40.0 times the graph's operations and takes 40.0 times as long, +0%" in text
    assert "9.70 frames/s end to end" in text
    assert "python benchmarks/latency.py" in text


def test_ratios_that_disagree_are_explained(report: Report) -> None:
    report.rows[0].timing = timing_from_samples([50.0] * 5)
    report.rows[0].stages_ms = {"graph": 49.0}
    report.part_flops = {"encoder": 10**9, "unet": 10**9, "decoder": 10**9, "total": 3 * 10**9}
    text = markdown_from_report(report)
    assert "takes 80.0 times as long, +100%" in text
    assert "sdedit-50 takes 2.50 times its floor, most of the difference in its unet (2700 ms over that part's" in text
    assert "graph-onnxruntime-cpu-fp32 takes 1.25 times its floor, most of the difference in its graph (9.00 ms" in text


def test_what_was_left_out_has_its_reason(report: Report) -> None:
    report.left_out = {"other frame sizes": "RuntimeError: no"}
    assert "## Not measured\n\n- other frame sizes: RuntimeError: no" in markdown_from_report(report)


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


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--work", "FILE"], "FILE is a file, and a folder is needed there. Choose another place."),
        (["-o", "FILE"], "FILE is a file, and a folder is needed there. Choose another place."),
        (["--plot", "FILE/below.png"], "FILE/below.png cannot be written ("),
        (["--memory-limit", "nan"], "--memory-limit nan is no limit; expected gigabytes, more than 0."),
        (["--budget", "nan"], "--budget nan is no time to measure in; expected seconds, more than 0."),
    ],
)
def test_bad_input_is_one_message_before_anything_is_measured(
    arguments: list[str], message: str, tmp_path: Path
) -> None:
    (tmp_path / "FILE").write_text("", encoding="utf-8")
    places = [each.replace("FILE", str(tmp_path / "FILE")) for each in arguments]
    done = _latency("-o", str(tmp_path / "out"), *places)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"Error: {message.replace('FILE', str(tmp_path / 'FILE'))}")
    assert done.stderr.count("\n") == 1


def test_a_place_is_tried_and_left_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "old.json").write_text("kept", encoding="utf-8")
    check_place(tmp_path / "old.json")
    check_place(tmp_path / "deep" / "new.json")
    assert (tmp_path / "old.json").read_text(encoding="utf-8") == "kept"
    assert list((tmp_path / "deep").iterdir()) == []


@pytest.mark.parametrize("name", ["cpu-2cores-tiny-512x288", "cpu-2cores-sd-turbo-512x512"])
def test_reports_that_were_kept_before_can_be_read(name: str) -> None:
    kept = SCRIPT.parent / "results" / name / "latency.json"
    assert "against graph-onnxruntime-cpu-fp32" in markdown_from_report(report_from_file(kept))


def _latency(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(SCRIPT), *arguments], capture_output=True, text=True, check=False)
