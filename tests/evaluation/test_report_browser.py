"""The report in a browser: opened from a file, with the network cut off, and clicked through."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page

from onestep.evaluation.report import write_report
from onestep.evaluation.results import Clip
from tests.browser import headless_chromium, open_page, wait_until
from tests.evaluation.report_samples import sample_evaluation, with_name


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with headless_chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    return write_report(sample_evaluation(folder, clips=[_clip(folder)]), folder / "a report & more")


def test_every_picture_and_video_is_shown(browser: Browser, report: Path) -> None:
    with open_page(browser, report) as visit:
        assert visit.page.locator("#outcome").inner_text() == "2 of 3 thresholds failed."
        images = visit.page.locator("img[data-picture]")
        assert images.count() == 2 * 3 * (2 + 4)
        images.evaluate_all("images => images.forEach(image => { image.loading = 'eager' })")
        wait_until(visit.page, "[...document.querySelectorAll('img[data-picture]')].every(i => i.naturalWidth)")
        wait_until(visit.page, "[...document.querySelectorAll('video')].every(v => v.videoWidth === 64)")


def test_the_slider_wipes_by_keyboard_and_by_pointer(browser: Browser, report: Path) -> None:
    with open_page(browser, report) as visit:
        pair = visit.page.locator(".case .wipe").first
        pair.scroll_into_view_if_needed()
        slider = pair.locator("input")
        assert _cut_px(pair) == pytest.approx(0.5 * _width_px(pair), abs=1)
        slider.focus()
        for _ in range(4):
            visit.page.keyboard.press("ArrowRight")
        assert _cut_px(pair) == pytest.approx(0.7 * _width_px(pair), abs=1)
        slider.click(position={"x": 0.25 * _width_px(pair), "y": 20})
        assert _cut_px(pair) == pytest.approx(0.25 * _width_px(pair), abs=2)
        # The input is below and dark; the output is above and brighter: left of the cut, the input is seen.
        assert _level(visit.page, pair, 0.1) < _level(visit.page, pair, 0.6)


def test_a_small_picture_opens_large_and_escape_closes(browser: Browser, report: Path) -> None:
    with open_page(browser, report) as visit:
        card = visit.page.locator(".case").first
        card.locator(".small[data-shows=truth]").press("Enter")
        large = visit.page.locator("#large")
        assert large.is_visible()
        assert large.locator(".corner").all_inner_texts() == ["input", "truth"]
        assert large.locator(".file").inner_text() == card.locator(".file").inner_text()
        alternatives = [image.get_attribute("alt") for image in large.locator("img").all()]
        assert [(text or "").split(" ")[0] for text in alternatives] == ["input", "truth"]
        visit.page.keyboard.press("ArrowLeft")
        assert _cut_px(large.locator(".wipe")) == pytest.approx(0.45 * _width_px(large.locator(".wipe")), abs=1)
        visit.page.keyboard.press("Escape")
        assert not large.is_visible()


def test_the_two_videos_of_a_clip_play_in_step(browser: Browser, report: Path) -> None:
    with open_page(browser, report) as visit:
        clip = visit.page.locator(".clip")
        clip.locator(".play").click()
        wait_until(visit.page, "[...document.querySelectorAll('video')].every(v => v.currentTime > 0)")
        clip.locator(".play").click()
        wait_until(visit.page, "[...document.querySelectorAll('video')].every(v => v.paused && !v.seeking)")
        times = visit.page.evaluate("[...document.querySelectorAll('video')].map(v => v.currentTime)")
        assert abs(times[0] - times[1]) < 0.1


@pytest.mark.parametrize(("scheme", "is_dark"), [("light", False), ("dark", True)])
def test_light_and_dark(browser: Browser, report: Path, scheme: str, is_dark: bool) -> None:
    with open_page(browser, report, color_scheme=scheme) as visit:
        for element in ("body", "nav.sections"):
            colour = visit.page.evaluate(f"getComputedStyle(document.querySelector('{element}')).backgroundColor")
            assert (sum(map(int, colour.strip("rgb()").split(","))) < 150) == is_dark


def test_a_narrow_screen_does_not_scroll_sideways(browser: Browser, report: Path) -> None:
    with open_page(browser, report, width_px=360) as visit:
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= 360


def test_markup_in_names_stays_text(browser: Browser, tmp_path: Path) -> None:
    nasty = "<img src=x onerror=\"document.title='caught'\"></script><script>document.title='caught'</script>"
    page = write_report(with_name(sample_evaluation(tmp_path), nasty), tmp_path / "report")
    with open_page(browser, page) as visit:
        assert visit.page.locator("h1").inner_text() == nasty
        assert visit.page.title() == nasty
        assert visit.page.locator("img:not([data-picture])").count() == 2  # the two of the large view


def _clip(folder: Path) -> Clip:
    import av
    import numpy as np

    paths = [folder / f"{side}.mp4" for side in ("in", "out")]
    for path in paths:
        with av.open(str(path), "w") as container:
            stream = container.add_stream("libx264", rate=10, options={"g": "1"})
            stream.width, stream.height, stream.pix_fmt = 64, 32, "yuv420p"
            for level in range(20):
                frame = av.VideoFrame.from_ndarray(np.full((32, 64, 3), 10 * level, np.uint8), format="rgb24")
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
    return Clip("drive", *paths)


def _width_px(pair: Locator) -> float:
    return float(pair.evaluate("element => element.clientWidth"))


def _cut_px(pair: Locator) -> float:
    """Return where the upper picture is cut off, from the left."""
    inset = pair.locator(".above").evaluate("element => getComputedStyle(element).clipPath")
    share = float(inset.removeprefix("inset(").removesuffix(")").split()[-1].removesuffix("%"))
    return share / 100 * _width_px(pair)


def _level(page: Page, pair: Locator, share: float) -> float:
    """Return how bright the screen is at a share of the pair's width."""
    import io

    from PIL import Image

    image = Image.open(io.BytesIO(pair.screenshot())).convert("L")
    return float(image.getpixel((int(share * image.width), image.height // 3)))  # type: ignore[arg-type]
