"""The source's detail comes back on the way to full size, scaled as the network scaled contrast."""

from collections.abc import Callable
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from scipy import ndimage

from onestep.frame_size import FrameSize
from onestep.runtime import SessionOptions, translate_video
from onestep.runtime.detail import FLAT_VARIANCE, STEEPEST, add_detail, add_detail_rgb, contrast_slope
from onestep.runtime.session import open_session
from tests.runtime.bundles import make_bundle

MakeClip = Callable[..., Path]


def texture(height: int, width: int, *, seed: int = 0, grain_px: float = 1.0) -> np.ndarray:
    """A grey picture with detail at and above a grain, levels 60 to 200."""
    noise = np.random.default_rng(seed).standard_normal((height, width))
    smooth = ndimage.gaussian_filter(noise, grain_px) + 2.0 * ndimage.gaussian_filter(noise, 4 * grain_px)
    low, high = smooth.min(), smooth.max()
    grey = (60 + 140 * (smooth - low) / (high - low)).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def difference(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.abs(a.astype(float) - b.astype(float)).mean())


@pytest.mark.parametrize("factor", [0.3, 1.0])
def test_the_slope_is_the_networks_contrast(factor: float) -> None:
    source = texture(48, 64)
    slope = contrast_slope(source, (source * factor + 5).astype(np.uint8))
    assert slope.shape == (24, 32) and slope.dtype == np.float32
    assert 0.8 * factor < float(np.median(slope)) < factor  # a little less, where a square is nearly flat


def test_the_slope_is_a_least_squares_fit() -> None:
    """It is a fit over the window by numpy, averaged over as wide a window. Contrast rises to the right."""
    source = texture(40, 40, grain_px=0.7)
    translated = (255 - source * 0.5).astype(np.uint8)
    slope = contrast_slope(source, translated)
    assert slope.max() == 0.0  # contrast that was turned around gets no detail
    factor = np.linspace(0.2, 0.9, 40)[None, :, None]
    translated = (source * factor).astype(np.uint8)
    fits = []
    for window in (_window(row, column) for row in (9, 10, 11) for column in (9, 10, 11)):
        spread = np.cov(source[window].ravel(), translated[window].ravel(), bias=True)
        fits.append(spread[0, 1] / (spread[0, 0] + FLAT_VARIANCE))
    np.testing.assert_allclose(contrast_slope(source, translated)[10, 10], np.mean(fits), rtol=1e-3)


def _window(row: int, column: int) -> tuple[slice, slice, int]:
    """Return the six pixels each way around a pair of them."""
    return slice(2 * row - 2, 2 * row + 4), slice(2 * column - 2, 2 * column + 4), 0


def test_slopes_are_bounded() -> None:
    source = texture(32, 32)
    wild = np.clip((source.astype(int) - 128) * 8 + 128, 0, 255).astype(np.uint8)
    assert contrast_slope(source, wild).max() <= STEEPEST
    flat = np.full_like(source, 90)
    assert contrast_slope(flat, source).max() < 1e-3
    assert contrast_slope(source, flat).max() < 1e-3


def test_what_the_network_did_not_see_comes_back() -> None:
    full = texture(180, 320)
    small = cv2.resize(full, (128, 72), interpolation=cv2.INTER_AREA)
    darker, truth = (small * 0.4).astype(np.uint8), (full * 0.4).astype(np.uint8)
    enlarged = np.asarray(cv2.resize(darker, (320, 180), interpolation=cv2.INTER_CUBIC), np.uint8)
    before = difference(enlarged, truth)
    add_detail_rgb(enlarged, full, contrast_slope(np.asarray(small, np.uint8), darker), FrameSize(128, 72))
    assert difference(enlarged, truth) < 0.35 * before


def test_a_view_is_changed_in_place() -> None:
    full = texture(64, 64)[..., 0]
    memory = np.zeros((64, 80), np.uint8)
    add_detail(memory[:, :64], full, np.ones((16, 16), np.float32), FrameSize(32, 32))
    assert memory[:, :64].any() and not memory[:, 64:].any()


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (33, 17)])
def test_pictures_of_any_size_have_a_slope(size: tuple[int, int]) -> None:
    source = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), np.uint8)
    assert contrast_slope(source, source).shape == (max(size[1] // 2, 1), max(size[0] // 2, 1))


@pytest.mark.parametrize("size", [FrameSize(512, 540), FrameSize(400, 540), FrameSize(256, 540), FrameSize(512, 288)])
@pytest.mark.parametrize("is_upright", [True, False])
def test_what_the_network_saw_is_no_detail_and_what_is_finer_is(size: FrameSize, is_upright: bool) -> None:
    """Waves across the picture. A fine one comes back whole, and hardly anything else with it, such as a broad one."""
    coarse, _ = _lost_of_a_wave(8.0, size, is_upright=is_upright)
    assert abs(coarse) < 0.1
    fine, other = _lost_of_a_wave(1.2, size, is_upright=is_upright)
    assert 0.9 < fine < 1.1
    assert other < 0.4


def _lost_of_a_wave(period_px: float, seen: FrameSize, *, is_upright: bool) -> tuple[float, float]:
    """Return how much of a wave comes as detail, and how much else comes with it, as shares of the wave.

    Args:
        period_px: In pixels of the network.
        seen: The network's size, for a picture of 960x540.
        is_upright: Whether the picture is that; else both are turned by a quarter.
    """
    wave = np.tile(60 * np.sin(2 * np.pi * np.arange(960) * seen.width / 960 / period_px), (540, 1))
    if not is_upright:
        wave, seen = np.ascontiguousarray(wave.T), FrameSize(seen.height, seen.width)
    luma = np.full(wave.shape, 128, np.uint8)
    add_detail(luma, (128 + wave).round().astype(np.uint8), np.ones((2, 2), np.float32), seen)
    lost, wave = (picture[20:-20, 20:-20] for picture in (luma.astype(float) - 128.0, wave))
    share = float((lost * wave).sum() / np.square(wave).sum())
    return share, float((lost - share * wave).std() / wave.std())


@pytest.mark.parametrize(
    "clip_options",
    [{}, {"turn_degrees": 90}, {"pixel_format": "yuv420p10le"}, {"pixel_format": "yuv444p"}, {"mirrored": True}],
)
def test_a_video_keeps_its_detail(tmp_path: Path, make_clip: MakeClip, clip_options: dict[str, object]) -> None:
    clip = make_clip(
        frames=3, size=(192, 96), picture=lambda i, w, h: texture(h, w, seed=i), options=(), **clip_options
    )
    bundle = make_bundle(tmp_path / "bundle", kind="copy")
    sharp, soft = (
        _translated(clip, tmp_path / f"{detail}.mp4", SessionOptions(bundle=bundle, detail=detail))
        for detail in (None, False)
    )
    source = _luma(clip)
    assert sharp.shape == source.shape
    assert difference(sharp, source) < 0.6 * difference(soft, source)


@pytest.mark.parametrize("full", [False, True])
def test_detail_of_rgb_video_has_the_strength_of_the_source(tmp_path: Path, make_clip: MakeClip, full: bool) -> None:
    """What is written has limited range, whatever the source says of itself."""
    options = SessionOptions(bundle=make_bundle(tmp_path / "bundle", kind="copy"))

    def strength(name: str, **format_options: object) -> float:
        clip = make_clip(
            name,
            frames=3,
            size=(192, 96),
            picture=lambda i, w, h: texture(h, w, seed=i),
            codec="ffv1",
            **format_options,
        )
        result, source = _translated(clip, tmp_path / f"out-{name}", options).astype(float), _luma(clip).astype(float)
        return float((_fine(result) * _fine(source)).sum() / np.square(_fine(source)).sum())

    limited = strength("yuv.mkv", pixel_format="yuv444p")
    rgb = strength("rgb.mkv", pixel_format="bgr0", tags=(1, 1, 0, 2 if full else 0))
    assert 0.85 < limited < 1.1
    np.testing.assert_allclose(rgb, limited, rtol=0.03)


def _fine(lumas: np.ndarray) -> np.ndarray:
    """Return what lies above the network's resolution."""
    return np.stack([luma - cv2.GaussianBlur(luma, (0, 0), 2.0) for luma in lumas])


def test_a_picture_keeps_its_detail(tmp_path: Path) -> None:
    picture = texture(96, 192)
    bundle = make_bundle(tmp_path / "bundle", kind="copy")
    with open_session(SessionOptions(bundle=bundle)) as session:
        sharp = session(picture)
    with open_session(SessionOptions(bundle=bundle, detail=False)) as session:
        soft = session(picture)
    assert difference(sharp, picture) < 0.6 * difference(soft, picture)


def test_paired_and_small_pictures_are_left_alone(tmp_path: Path) -> None:
    picture = texture(96, 192)
    paired = make_bundle(tmp_path / "paired", kind="copy", promise={"direction": "paired"})
    with (
        open_session(SessionOptions(bundle=paired)) as session,
        open_session(SessionOptions(bundle=paired, detail=False)) as without,
    ):
        np.testing.assert_array_equal(session(picture), without(picture))
    small = texture(16, 32)
    with open_session(SessionOptions(bundle=make_bundle(tmp_path / "small", kind="copy"))) as session:
        assert not session.adds_detail(session.placement(session.frame_size), session.frame_size)
        assert session(small).shape == small.shape


def _translated(clip: Path, output: Path, options: SessionOptions) -> np.ndarray:
    translate_video(clip, output, session=options)
    return _luma(output)


def _luma(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format="gray") for frame in container.decode(video=0)])
