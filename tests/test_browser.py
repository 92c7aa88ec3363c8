"""Without a browser the tests that need one are skipped, and fail where one is required."""

import shutil

import pytest

from tests import browser


@pytest.fixture(autouse=True)
def no_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)


def test_skipped_with_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(browser.REQUIRED, raising=False)
    with pytest.raises(pytest.skip.Exception, match="no browser was found .* apt-get install chromium"):
        browser.chromium_path()


def test_a_failure_where_one_is_required(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(browser.REQUIRED, "1")
    with pytest.raises(pytest.fail.Exception, match="ONESTEP_REQUIRE_BROWSER=1, and no browser was found"):
        browser.chromium_path()
