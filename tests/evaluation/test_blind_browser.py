"""The blind page in a browser: voted through by keyboard, reloaded, saved, and unblinded to the truth."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from onestep.evaluation.blind import write_blind_page
from onestep.evaluation.votes import read_votes, summary
from tests.browser import headless_chromium, open_page, wait_until
from tests.evaluation.blind_samples import BRIGHT, DARK, bright_side, page_data, picture, two_folders

ARROWS = {"left": "ArrowLeft", "right": "ArrowRight"}
OTHER = {"left": "right", "right": "left"}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with headless_chromium() as browser:
        yield browser


@pytest.fixture
def blind_page(tmp_path: Path) -> Path:
    return write_blind_page(two_folders(tmp_path), tmp_path / "a page.html", seed=11)


def test_votes_by_keyboard_are_saved_and_unblind_to_the_truth(browser: Browser, blind_page: Path) -> None:
    """The rater takes the bright picture four times, the dark one once, and ties once."""
    pairs = page_data(blind_page)["pairs"]
    with open_page(browser, blind_page) as visit:
        _begin(visit.page, "Ann <b>")
        for place, pair in enumerate(pairs):
            assert visit.page.locator("#place").inner_text() == f"{place + 1} of 6"
            seen = _seen_bright_side(visit.page)
            assert seen == bright_side(pair)
            key = {4: ARROWS[OTHER[seen]], 5: "ArrowDown"}.get(place, ARROWS[seen])
            visit.page.keyboard.press(key)
        assert visit.page.locator("#done").is_visible()
        saved = _save(visit.page, blind_page.parent)
    (votes,) = read_votes([saved])
    assert votes.rater == "Ann <b>"
    expected = ["first"] * 4 + ["second", "tie"]
    assert votes.preferences == {pair["name"]: choice for pair, choice in zip(pairs, expected, strict=True)}
    assert summary([votes]).wins == (4, 1)


def test_a_reload_resumes_where_the_rater_was(browser: Browser, blind_page: Path) -> None:
    with open_page(browser, blind_page) as visit:
        _begin(visit.page, "Ann")
        for key in ("ArrowLeft", "t", "ArrowRight"):
            visit.page.keyboard.press(key)
        visit.page.reload()
        assert visit.page.locator("#place").inner_text() == "4 of 6"
        assert visit.page.locator("#progress").evaluate("bar => bar.value") == 3
        saved = _save(visit.page, blind_page.parent)
    (votes,) = read_votes([saved])
    assert votes.rater == "Ann"
    assert len(votes.preferences) == 3


def test_back_shows_the_vote_and_changes_it(browser: Browser, blind_page: Path) -> None:
    first = page_data(blind_page)["pairs"][0]
    with open_page(browser, blind_page) as visit:
        _begin(visit.page, "Ann")
        visit.page.keyboard.press("ArrowLeft")
        visit.page.keyboard.press("ArrowUp")
        assert visit.page.locator("[data-choice=left]").get_attribute("aria-pressed") == "true"
        visit.page.keyboard.press("ArrowUp")
        assert visit.page.locator("#place").inner_text() == "1 of 6"
        visit.page.locator("[data-choice=right]").click()
        saved = _save(visit.page, blind_page.parent)
    (votes,) = read_votes([saved])
    assert votes.preferences == {first["name"]: votes.key.preference(first["name"], "right")}


def test_another_rater_starts_from_nothing(browser: Browser, blind_page: Path) -> None:
    with open_page(browser, blind_page) as visit:
        _begin(visit.page, "Ann")
        for _ in range(6):
            visit.page.keyboard.press("ArrowDown")
        visit.page.on("dialog", lambda dialog: dialog.accept())
        visit.page.locator("#next-rater").click()
        visit.page.reload()
        _begin(visit.page, "Ben")
        assert visit.page.locator("#place").inner_text() == "1 of 6"
        visit.page.locator(".save").first.click()
        assert visit.page.locator("#message").inner_text() == "There is no vote to save yet."


def test_a_name_is_asked_for_and_typing_it_is_no_vote(browser: Browser, blind_page: Path) -> None:
    with open_page(browser, blind_page) as visit:
        visit.page.keyboard.type("t   ")
        visit.page.keyboard.press("ArrowLeft")
        assert visit.page.locator("#rater").input_value() == "t   "
        visit.page.locator("#rater").fill("   ")
        visit.page.keyboard.press("Enter")
        assert visit.page.locator("#intro").is_visible()
        assert visit.page.locator("#message").inner_text() == "Enter a name or initials first."


def test_a_key_that_is_held_down_is_one_vote(browser: Browser, blind_page: Path) -> None:
    with open_page(browser, blind_page) as visit:
        _begin(visit.page, "Ann")
        for _ in range(5):
            visit.page.keyboard.down("ArrowLeft")
        assert visit.page.locator("#place").inner_text() == "2 of 6"


def test_inputs_are_shown_below_the_pair_on_a_narrow_dark_screen(browser: Browser, tmp_path: Path) -> None:
    for number in range(6):
        picture(tmp_path / "inputs" / f"frame {number}.png", (BRIGHT + DARK) // 2)
    folders = two_folders(tmp_path)
    page = write_blind_page(
        folders, tmp_path / "p.html", seed=1, inputs=tmp_path / "inputs", question="More like dusk?"
    )
    with open_page(browser, page, width_px=360, color_scheme="dark") as visit:
        _begin(visit.page, "Ann")
        assert visit.page.locator("#voting h1").inner_text() == "More like dusk?"
        names = [name.split() for name in visit.page.locator("[data-choice]").all_inner_texts()]
        assert names == [["←", "Upper"], ["↓", "Tie"], ["Lower", "→"]]
        wait_until(visit.page, "document.getElementById('source').naturalWidth === 48")
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= 360


def _begin(page: Page, rater: str) -> None:
    page.locator("#rater").fill(rater)
    page.keyboard.press("Enter")
    assert page.locator("#voting").is_visible()


def _seen_bright_side(page: Page) -> str:
    """Tell from the screen alone on which side the bright picture is."""
    level = """async id => {
        const image = document.getElementById(id);
        await image.decode();
        const canvas = new OffscreenCanvas(1, 1);
        const context = canvas.getContext("2d");
        context.drawImage(image, 0, 0, 1, 1);
        return context.getImageData(0, 0, 1, 1).data[0];
    }"""
    return "left" if page.evaluate(level, "left") > page.evaluate(level, "right") else "right"


def _save(page: Page, folder: Path) -> Path:
    with page.expect_download() as waiting:
        page.locator(".save:visible").click()
    saved = folder / waiting.value.suggested_filename
    assert saved.suffix == ".json"
    waiting.value.save_as(saved)
    return saved
