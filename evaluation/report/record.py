"""What a reader has to know to judge or repeat the run: notes, command, environment, licences."""

from collections.abc import Mapping

from onestep.evaluation.pages.markup import Markup, element
from onestep.evaluation.report.section import section
from onestep.evaluation.results import Evaluation


def notes_section(evaluation: Evaluation) -> Markup:
    """Return what happened on the way: unreadable files, resizes."""
    if not evaluation.notes:
        return section("notes", "Notes", element("p", "Nothing to note: nothing was left out or resized."))
    return section("notes", "Notes", element("ul", *(element("li", note) for note in evaluation.notes), class_="notes"))


def record_section(evaluation: Evaluation) -> Markup:
    """Return the command, the environment and the licences."""
    return section(
        "record",
        "How this was made",
        element("h3", "Command"),
        element("pre", element("code", evaluation.command), tabindex=0),
        element("h3", "Environment"),
        _pairs(evaluation.environment, nothing="Nothing was recorded."),
        element("h3", "Licences"),
        _pairs(evaluation.licences, nothing="No licence was recorded."),
    )


def _pairs(entries: Mapping[str, str], *, nothing: str) -> Markup:
    if not entries:
        return element("p", nothing)
    lines = (element("div", element("dt", name), element("dd", text)) for name, text in entries.items())
    return element("dl", *lines)
