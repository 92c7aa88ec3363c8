"""HTML put together from parts, where plain text is escaped and cannot become markup."""

import html
from collections.abc import Iterable
from typing import Final

_WITHOUT_CONTENT: Final = frozenset({"img", "input", "meta"})


class Markup(str):
    """Text that is HTML already. Everything else is escaped when it goes into an element."""

    __slots__ = ()


def element(tag: str, *children: str, **attributes: str | int | bool | None) -> Markup:
    """Return an HTML element.

    Args:
        tag: Name of the element.
        children: What is inside; each is escaped unless it is Markup.
        attributes: A trailing underscore is dropped and others become hyphens: `class_`, `data_picture`. True gives an
            attribute without a value; False and None leave it out.
    """
    opened = f"<{tag}{''.join(_attribute(name, value) for name, value in attributes.items())}>"
    if tag in _WITHOUT_CONTENT:
        return Markup(opened)
    return Markup(f"{opened}{joined(children)}</{tag}>")


def joined(parts: Iterable[str]) -> Markup:
    """Return parts one after the other; each is escaped unless it is Markup."""
    return Markup("".join(part if isinstance(part, Markup) else html.escape(part) for part in parts))


def _attribute(name: str, value: str | int | bool | None) -> str:
    name = name.rstrip("_").replace("_", "-")
    if value is None or value is False:
        return ""
    return f" {name}" if value is True else f' {name}="{html.escape(str(value))}"'
