"""A headless Chromium for the tests that click through pages.

Without one they are skipped with the reason. Under `ONESTEP_REQUIRE_BROWSER=1`, as in CI, that is a failure: a missing
browser cannot turn the suite green.
"""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

REQUIRED = "ONESTEP_REQUIRE_BROWSER"
_PATIENCE_SECONDS = 120  # for a machine that is busy with other things; nothing here takes a second by itself
NAMES = ("chromium", "chromium-browser", "google-chrome")


def chromium_path() -> str:
    """Return the system's Chromium, or skip the test; fail it where a browser is required."""
    for name in NAMES:
        if path := shutil.which(name):
            return path
    reason = f"no browser was found (looked for {', '.join(NAMES)}); on Debian: apt-get install chromium"
    if os.environ.get(REQUIRED) == "1":
        pytest.fail(f"{REQUIRED}=1, and {reason}", pytrace=False)
    pytest.skip(reason)


@contextmanager
def headless_chromium() -> Iterator[Browser]:
    """Give a browser that is closed at the end."""
    path = chromium_path()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, timeout=_PATIENCE_SECONDS * 1000)
        yield browser
        browser.close()


@dataclass
class Visit:
    """A page that is open, and everything that must not have happened on it."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    """Console messages of level warning or error, and exceptions."""
    requests: list[str] = field(default_factory=list)
    """What the page asked for beside its own file and the data inside it."""


@contextmanager
def open_page(browser: Browser, path: Path, *, width_px: int = 1280, **options: Any) -> Iterator[Visit]:
    """Open a file from `file://` in a fresh profile, with the network cut off.

    On leaving, the page must not have complained and must not have asked for anything.
    """
    viewport: ViewportSize = {"width": width_px, "height": 900}
    with browser.new_context(viewport=viewport, offline=True, **options) as context:
        context.set_default_timeout(_PATIENCE_SECONDS * 1000)
        visit = Visit(context.new_page())
        own = path.as_uri()
        visit.page.on("console", lambda message: _note(visit.complaints, message.type, message.text))
        visit.page.on("pageerror", lambda error: visit.complaints.append(str(error)))
        visit.page.on("request", lambda request: _request(visit.requests, request.url, own))
        visit.page.goto(own)
        yield visit
        assert visit.complaints == []
        assert visit.requests == []


def wait_until(page: Page, expression: str, *, timeout_seconds: float = _PATIENCE_SECONDS) -> None:
    """Wait until an expression holds. Playwright's own wait evaluates text in the page, which our pages forbid."""
    end = time.monotonic() + timeout_seconds
    while not page.evaluate(expression):
        assert time.monotonic() < end, f"after {timeout_seconds} s this does not hold: {expression}"
        page.wait_for_timeout(20)


def _note(complaints: list[str], kind: str, text: str) -> None:
    if kind in {"warning", "error"}:
        complaints.append(f"{kind}: {text}")


def _request(requests: list[str], url: str, own: str) -> None:
    if url != own and not url.startswith(("data:", "blob:")):
        requests.append(url)
