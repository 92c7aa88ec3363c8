"""One HTML page with its style, script, data and pictures inside."""

import base64
import hashlib
import html
import json
from importlib.resources import files
from string import Template
from typing import Any

from onestep.evaluation.pages.markup import Markup

_HERE = "onestep.evaluation.pages"


def whole_page(title: str, body: Markup, data: Any, *, package: str, name: str) -> str:
    """Return a page that loads nothing.

    Its Content-Security-Policy forbids every request and every script but its own, so neither a file name nor a mistake
    in this package can make it reach out.

    Args:
        title: Plain text.
        body: What is between the body's tags.
        data: What the script reads: anything that JSON can hold.
        package: The package that holds `name.css` and `name.js`.
        name: Stem of these two files.
    """
    script = resource(package, f"{name}.js")
    return Template(resource(_HERE, "page.html")).substitute(
        title=html.escape(title),
        style=resource(_HERE, "base.css") + resource(package, f"{name}.css"),
        body=body,
        data=_json_in_html(data),
        script=script,
        script_hash=_content_hash(script),
    )


def resource(package: str, name: str) -> str:
    """Return the text of a file that ships in a package."""
    return files(package).joinpath(name).read_text(encoding="utf-8")


def _json_in_html(data: Any) -> str:
    """Return JSON that cannot end the element it stands in."""
    return json.dumps(data, allow_nan=False).replace("<", "\\u003c")


def _content_hash(script: str) -> str:
    """Return a script's name in a Content-Security-Policy (CSP level 3, section 6.7)."""
    digest = hashlib.sha256(script.encode("utf-8")).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"
