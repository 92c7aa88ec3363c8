"""The report: what it says, what it escapes, and that it holds each picture once."""

import json
import re
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from onestep.errors import MissingExtraError, OutputError
from onestep.evaluation.report import clips as clips_module
from onestep.evaluation.report import write_report
from onestep.evaluation.report.write import report_page
from onestep.evaluation.results import Clip
from onestep.runtime.pictures import write_picture
from tests.evaluation.report_samples import sample_evaluation, with_name

NASTY = "<img src=x onerror=alert(1)>&\"'</script><!--"


class Document(HTMLParser):
    """The elements of a page and the text that a reader sees."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self._hidden = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self._hidden = tag in {"script", "style"}
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        self._hidden = False
        self.text += " "

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.text += data


def shown_text(page: str) -> str:
    """Return what a reader sees, with single spaces."""
    return " ".join(Document(page).text.split())


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"The folder .*file/report cannot be made"):
        write_report(sample_evaluation(tmp_path), tmp_path / "file" / "report")


def test_without_matplotlib_the_command_that_installs_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match=r"draw the plots of the report .*onestep\[evaluate\]"):
        write_report(sample_evaluation(tmp_path), tmp_path / "report")
    assert not (tmp_path / "report").exists()


def test_report_and_json_lie_side_by_side_and_replace_old_ones(tmp_path: Path) -> None:
    evaluation = sample_evaluation(tmp_path)
    page = write_report(evaluation, tmp_path / "new" / "report")
    assert page == tmp_path / "new" / "report" / "report.html"
    write_report(replace(evaluation, title="Second"), page.parent)
    assert sorted(path.name for path in page.parent.iterdir()) == ["evaluation.json", "report.html"]
    assert json.loads((page.parent / "evaluation.json").read_text(encoding="utf-8"))["title"] == "Second"
    assert "<title>Second</title>" in page.read_text(encoding="utf-8")


def test_the_page_says_what_was_found(tmp_path: Path) -> None:
    text = shown_text(report_page(sample_evaluation(tmp_path)))
    for expected in (
        "2 of 3 thresholds failed.",
        "✗ failed edges_kept ours >= 0.75 0.700 0.7 is below 0.75",
        "✗ not measured dino ours <= 0.1 – not measured: no weights were given",  # noqa: RUF001
        "✓ passed psnr ours >= 20 24.1 dB",
        "edges_kept ↑ Share of the input's edges that the output has too.",
        "24.1 dB 22.0 to 26.0 n 5",
        "Not measured in this run no DINO weights were given dino",
        "night/9.png cannot be read: left out.",
        "onestep evaluate --inputs day -o report",
        "tiny base MIT",
        "4 March 2026, 12:30 UTC · 2 translators · 1 reference · 5 pictures",
    ):
        assert expected in text


def test_a_figure_that_one_row_lacks_says_why_in_its_place(tmp_path: Path) -> None:
    evaluation = sample_evaluation(tmp_path)
    first, second, third = evaluation.rows
    nothing = replace(first.figures["psnr"], value=None, low=None, high=None, reason="needs a truth")
    second = replace(second, figures={"psnr": nothing})
    text = shown_text(report_page(replace(evaluation, rows=[first, second, third])))
    assert "needs a truth" in text
    assert "not measured for this row" in text
    assert text.count("Not measured in this run") == 1


@pytest.mark.parametrize(
    ("passed", "sentence"),
    [
        ([], "No thresholds were given, so nothing passed and nothing failed."),
        ([True], "The threshold is met."),
        ([True, True], "All 2 thresholds are met."),
        ([False], "1 of 1 threshold failed."),
    ],
)
def test_outcome_in_a_sentence(passed: list[bool], sentence: str, tmp_path: Path) -> None:
    evaluation = sample_evaluation(tmp_path)
    verdicts = [replace(evaluation.verdicts[0], passed=each) for each in passed]
    assert sentence in shown_text(report_page(replace(evaluation, verdicts=verdicts)))


def test_failures_stand_first(tmp_path: Path) -> None:
    evaluation = sample_evaluation(tmp_path)
    text = shown_text(report_page(replace(evaluation, verdicts=evaluation.verdicts[::-1])))
    assert text.index("✗ failed") < text.index("✓ passed")


def test_every_text_is_escaped(tmp_path: Path) -> None:
    evaluation = sample_evaluation(tmp_path)
    plain, nasty = (Document(report_page(each)) for each in (evaluation, with_name(evaluation, NASTY)))
    # A name may be shown in more places than the definition it replaces; it never becomes an element or attribute.
    assert nasty.tags.count("script") == plain.tags.count("script") == 2
    assert not [value for name, value in nasty.attributes if name.startswith("on")]
    assert [name for name, value in nasty.attributes if name == "src" and not value.startswith("data:")] == []
    assert nasty.text.count(NASTY) > 30


def test_file_names_that_look_like_markup(tmp_path: Path) -> None:
    document = Document(report_page(sample_evaluation(tmp_path, name="<b>&'\"")))
    assert "<b>&'\"0.png" in document.text
    assert "b" in document.tags  # the report's own bold type
    assert ("alt", "input of <b>&'\"0.png, ours") in document.attributes


def test_each_picture_is_in_the_page_once(tmp_path: Path) -> None:
    page = report_page(sample_evaluation(tmp_path))
    data = json.loads(page.split('id="data">', 1)[1].split("</script>", 1)[0])
    # Chosen of `ours`: pictures 0, 2, 1; of `other`: 1, 4 or 2, 3. One input, target and truth each, one output by row.
    assert page.count("data:image/webp") == len(data)
    named = {value for name, value in Document(page).attributes if name == "data-picture"}
    assert named == set(data)
    assert len(data) == 3 * len({0, 2, 1, 3}) + 3 + 3


def test_pictures_are_scaled_down(tmp_path: Path) -> None:
    evaluation = sample_evaluation(tmp_path)
    large = np.random.default_rng(0).integers(0, 256, (1000, 2000, 3), dtype=np.uint8)
    write_picture(evaluation.pictures[1].source, large, overwrite=True)
    page = report_page(evaluation)
    assert 'width="800" height="400"' in page


def test_a_picture_that_is_gone_leaves_the_reason(tmp_path: Path) -> None:
    evaluation = sample_evaluation(tmp_path)
    evaluation.pictures[1].source.unlink()
    assert "Cannot be shown: There is no picture" in shown_text(report_page(evaluation))


def test_nothing_measured_is_said(tmp_path: Path) -> None:
    evaluation = sample_evaluation(tmp_path)
    rows = [replace(row, figures={}, per_picture={}) for row in evaluation.rows]
    text = shown_text(report_page(replace(evaluation, rows=rows, notes=[], environment={}, licences={})))
    assert "Nothing was measured." in text
    assert "No measure was taken picture by picture." in text
    assert "Nothing to note" in text
    assert "No licence was recorded." in text


def test_clips_are_embedded_while_they_are_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = {"small": 40, "large": 300, "next": 60, "last": 60}
    clips = [_clip(tmp_path, name, size) for name, size in sizes.items()]
    monkeypatch.setattr(clips_module, "CLIP_LIMIT_BYTES", 400)
    monkeypatch.setattr(clips_module, "PAGE_LIMIT_BYTES", 250)
    page = report_page(sample_evaluation(tmp_path, clips=clips))
    text = shown_text(page)
    assert page.count("data:video/mp4") == 4
    assert re.findall(r"(\w+) Not embedded: the two videos have 0.0 MB together, and the limit of a (\w+)", text) == [
        ("large", "pair"),
        ("last", "page"),
    ]
    assert str(tmp_path / "large-in.mp4") in text


def test_a_clip_that_is_gone_says_so(tmp_path: Path) -> None:
    clip = _clip(tmp_path, "gone", 5)
    clip.output.unlink()
    text = shown_text(report_page(sample_evaluation(tmp_path, clips=[clip])))
    assert f"The video {clip.output} cannot be read (No such file or directory)." in text


def test_the_page_names_nothing_outside_itself(tmp_path: Path) -> None:
    document = Document(report_page(sample_evaluation(tmp_path, clips=[_clip(tmp_path, "c", 5)])))
    links = [value for name, value in document.attributes if name in {"src", "href", "xlink:href", "srcset", "action"}]
    assert [link for link in links if not link.startswith(("#", "data:"))] == []
    assert "link" in document.tags  # the empty icon, without which a browser asks for one


def test_ids_are_unique_and_links_lead_somewhere(tmp_path: Path) -> None:
    document = Document(report_page(sample_evaluation(tmp_path)))
    ids = [value for name, value in document.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    targets = {value[1:] for name, value in document.attributes if name.endswith("href") and value.startswith("#")}
    assert targets <= set(ids)


def _clip(folder: Path, name: str, size_bytes: int) -> Clip:
    paths = [folder / f"{name}-{side}.mp4" for side in ("in", "out")]
    for path in paths:
        path.write_bytes(bytes(size_bytes))
    return Clip(name, *paths)
