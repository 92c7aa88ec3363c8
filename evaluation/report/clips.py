"""Videos in the report: input and output on top of each other, in step."""

from pathlib import Path
from typing import Final

from onestep.evaluation.pages.markup import Markup, element
from onestep.evaluation.pages.picture_data import data_uri
from onestep.evaluation.report.section import section
from onestep.evaluation.report.wipe import wipe
from onestep.evaluation.results import Clip

CLIP_LIMIT_BYTES: Final = 8_000_000
"""A pair of videos above this stays outside the page."""

PAGE_LIMIT_BYTES: Final = 40_000_000
"""All videos of a page together."""


def clips_section(clips: list[Clip]) -> Markup:
    """Return the clips: embedded while they are small, named with their size and path where they are not."""
    left_bytes = PAGE_LIMIT_BYTES
    shown = []
    for clip in clips:
        size_bytes, reason = _size_or_reason(clip, left_bytes)
        left_bytes -= 0 if reason else size_bytes
        shown.append(_not_shown(clip, reason) if reason else _shown(clip))
    return section("clips", "Clips", *shown)


def _size_or_reason(clip: Clip, left_bytes: int) -> tuple[int, str]:
    """Return the size of both videos, and why they cannot be embedded if they cannot."""
    try:
        size_bytes = clip.source.stat().st_size + clip.output.stat().st_size
    except OSError as err:
        return 0, f"The video {err.filename} cannot be read ({err.strerror})."
    both = f"Not embedded: the two videos have {size_bytes / 1e6:.1f} MB together, "
    if size_bytes > CLIP_LIMIT_BYTES:
        return size_bytes, f"{both}and the limit of a pair is {CLIP_LIMIT_BYTES / 1e6:.0f} MB."
    if size_bytes > left_bytes:
        return size_bytes, f"{both}and the limit of a page is {PAGE_LIMIT_BYTES / 1e6:.0f} MB."
    return size_bytes, ""


def _not_shown(clip: Clip, reason: str) -> Markup:
    paths = element("p", "Input ", element("code", str(clip.source)), ", output ", element("code", str(clip.output)))
    return element("div", element("h3", clip.name), element("p", reason, class_="unshown"), paths, class_="clip")


def _shown(clip: Clip) -> Markup:
    videos = [_video(path, f"{name} of {clip.name}") for name, path in _sides(clip)]
    label = f"Wipe between input and output of {clip.name}"
    pair = wipe(videos[0], videos[1], names=("input", "output"), label=label, size_px=None)
    controls = element(
        "div",
        element("button", "Play", type="button", class_="play", aria_label=f"Play or stop {clip.name}"),
        element("input", type="range", min=0, max=1, step="any", value=0, class_="time", aria_label="Time"),
        class_="controls",
    )
    return element("div", element("h3", clip.name), pair, controls, class_="clip")


def _sides(clip: Clip) -> list[tuple[str, Path]]:
    return [("input", clip.source), ("output", clip.output)]


def _video(path: Path, label: str) -> Markup:
    uri = data_uri("video/mp4", path.read_bytes())
    return element("video", src=uri, muted=True, loop=True, playsinline=True, preload="auto", aria_label=label)
