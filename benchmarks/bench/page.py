"""One HTML page that holds the table, the pictures and the environment, and needs no other file."""

import base64
import html
from collections.abc import Sequence
from pathlib import Path

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem; color: #222 }
table { border-collapse: collapse; font-size: 13px; display: block; overflow-x: auto }
th, td { border-bottom: 1px solid #ddd; padding: .3rem .5rem; text-align: right; vertical-align: top }
th:first-child, td:first-child, td:last-child { text-align: left }
img { max-width: 100%; margin: 1rem 0 }
pre { background: #f5f5f5; padding: .6rem; overflow-x: auto }
"""


def page_from_markdown(markdown: str, pictures: Sequence[Path]) -> str:
    """Return a page of a report's Markdown with its pictures after the first table.

    Args:
        markdown: As `markdown_from_report` writes it: headings, tables, lists, indented commands, paragraphs.
        pictures: PNG files, put into the page as they are.
    """
    blocks = [_block(block) for block in markdown.strip().split("\n\n")]
    images = [_image(path) for path in pictures]
    body = "\n".join([*blocks[:2], *images, *blocks[2:]])
    title = html.escape(markdown.split("\n", 1)[0].removeprefix("# "))
    head = f'<meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>'
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>\n{body}\n</body></html>\n'


def _block(block: str) -> str:
    if block.startswith("#"):
        level = len(block) - len(block.lstrip("#"))
        return f"<h{level}>{_text(block.lstrip('# '))}</h{level}>"
    if block.startswith("| "):
        return _table(block.split("\n"))
    if block.startswith("- "):
        return "<ul>" + "".join(f"<li>{_text(line[2:])}</li>" for line in block.split("\n")) + "</ul>"
    if block.startswith("    "):
        return f"<pre>{html.escape(block.strip())}</pre>"
    return f"<p>{_text(block)}</p>"


def _table(lines: Sequence[str]) -> str:
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in (lines[0], *lines[2:])]
    head = "".join(f"<th>{_text(cell)}</th>" for cell in rows[0])
    body = "".join("<tr>" + "".join(f"<td>{_text(cell)}</td>" for cell in row) + "</tr>" for row in rows[1:])
    return f"<table><tr>{head}</tr>{body}</table>"


def _text(text: str) -> str:
    return html.escape(text).replace("**not run**", "<b>not run</b>")


def _image(path: Path) -> str:
    content = base64.b64encode(path.read_bytes()).decode("ascii")
    return f'<img alt="{html.escape(path.stem)}" src="data:image/png;base64,{content}">'
