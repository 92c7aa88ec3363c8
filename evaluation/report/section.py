"""A section of the report with its heading."""

from onestep.evaluation.pages.markup import Markup, element


def section(name: str, heading: str, *content: str) -> Markup:
    """Return a section that the navigation can lead to.

    Args:
        name: Its id.
        heading: Plain text.
        content: Escaped unless it is Markup.
    """
    title = element("h2", heading, id=f"{name}-heading")
    return element("section", title, *content, id=name, aria_labelledby=f"{name}-heading")
