"""Put the report together and write it."""

import json
from datetime import datetime
from pathlib import Path

from onestep.errors import OutputError
from onestep.evaluation.pages.markup import Markup, element, joined
from onestep.evaluation.pages.page import whole_page
from onestep.evaluation.report.clips import clips_section
from onestep.evaluation.report.contact_sheet import contact_sheet_section
from onestep.evaluation.report.distributions import distributions_section
from onestep.evaluation.report.figures_table import figures_section
from onestep.evaluation.report.numbers import counted
from onestep.evaluation.report.picture_store import PictureStore
from onestep.evaluation.report.record import notes_section, record_section
from onestep.evaluation.report.verdicts import verdict_section
from onestep.evaluation.results import Evaluation, evaluation_as_json
from onestep.runtime.text_file import write_whole

REPORT_NAME = "report.html"


def write_report(evaluation: Evaluation, folder: Path, *, final: Path | None = None) -> Path:
    """Write `report.html`, which needs no other file and no network, and `evaluation.json` beside it.

    Pictures are scaled to at most 800 pixels and are in the file once each. A picture that cannot be read leaves a box
    that says so; a clip that is too large leaves its size and path.

    Args:
        evaluation: What was measured.
        folder: Made if it is not there; reports of the same names in it are replaced.
        final: What the folder will be called once it is whole: files in it are named by that. None leaves its name.

    Returns:
        Path of `report.html`.

    Raises:
        OutputError: The folder or a file cannot be written.
        MissingExtraError: matplotlib is not installed.
    """
    page, after = report_page(evaluation), str(final or folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as err:
        raise OutputError(f"The folder {folder} cannot be made ({err.strerror or err}). Choose another.") from err
    plain = json.dumps(evaluation_as_json(evaluation), indent=1, ensure_ascii=False, allow_nan=False)
    write_whole(folder / "evaluation.json", plain.replace(str(folder), after) + "\n", overwrite=True)
    write_whole(folder / REPORT_NAME, page.replace(str(folder), after), overwrite=True)
    return folder / REPORT_NAME


def report_page(evaluation: Evaluation) -> str:
    """Return the report as the text of an HTML file; raises as `write_report` does."""
    store = PictureStore()
    sections = {
        "Verdicts": verdict_section(evaluation),
        "Figures": figures_section(evaluation),
        "Distributions": distributions_section(evaluation),
        "Pictures": contact_sheet_section(evaluation, store) if evaluation.pictures else "",
        "Clips": clips_section(evaluation.clips) if evaluation.clips else "",
        "Notes": notes_section(evaluation),
        "Record": record_section(evaluation),
    }
    present = [name for name, content in sections.items() if content]
    main = element("main", *(sections[name] for name in present), id="main")
    body = joined([_header(evaluation), _navigation(present), main])
    return whole_page(evaluation.title, body, store.data, package="onestep.evaluation.report", name="report")


def _header(evaluation: Evaluation) -> Markup:
    kinds = [row.kind for row in evaluation.rows]
    facts = [
        _date(evaluation.created),
        counted(kinds.count("translator"), "translator"),
        counted(kinds.count("reference"), "reference"),
        *([counted(len(evaluation.pictures), "picture")] if evaluation.pictures else []),
        *([counted(len(evaluation.clips), "clip")] if evaluation.clips else []),
    ]
    skip = element("a", "Skip to the verdicts", href="#main", class_="skip")
    warning = Markup("<noscript><p>Pictures and sliders need JavaScript. Tables and plots do not.</p></noscript>")
    return element("header", skip, element("h1", evaluation.title), element("p", " · ".join(facts)), warning)


def _navigation(names: list[str]) -> Markup:
    links = (element("a", name, href=f"#{name.lower()}") for name in names)
    return element("nav", *links, class_="sections", aria_label="Sections")


def _date(created: str) -> str:
    moment = datetime.fromisoformat(created)
    return f"{moment.day} {moment:%B %Y, %H:%M} {moment.tzname() or ''}".strip()
