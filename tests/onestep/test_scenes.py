"""Rendered driving scenes: the pictures, and what is known of them."""

from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion

from onestep.errors import SettingError, UnknownNameError
from onestep.scenes import CONDITIONS, Scene, SceneFrame
from onestep.scenes.canonical import ONE_CAMERA
from onestep.scenes.clutter import draw_clutter
from onestep.scenes.layers import ALBEDO, AMBIENT, EMIT, HOOD, STREET, SUN
from onestep.scenes.light import given_off

SIZE = (256, 144)
SEEDS = (1, 3, 16)


@lru_cache(maxsize=32)
def frame(seed: int, time: float = 1.0) -> SceneFrame:
    """Paint a moment once for all tests."""
    return Scene.random(seed).at(time, size=SIZE)


@lru_cache(maxsize=64)
def picture(seed: int, condition: str, time: float = 1.0) -> NDArray[np.uint8]:
    """Render a moment once for all tests."""
    return frame(seed, time).render(condition)


def grey(image: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Average the colours."""
    return np.asarray(image.mean(axis=2, dtype=np.float64))


def edges(image: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Give the strength of structure, on a scale on which dark pictures count as well."""
    tone = np.log(grey(image) + 8.0)
    return np.asarray(np.hypot(np.diff(tone, axis=0)[:, 1:], np.diff(tone, axis=1)[1:]))


def warp(image: NDArray[np.float64], flow: NDArray[np.float32]) -> NDArray[np.float64]:
    """Fetch, for every pixel, the other picture's value at the place the flow gives (nearest pixel)."""
    height, width = image.shape
    rows, cols = np.mgrid[0:height, 0:width]
    at = np.round(np.stack([rows + flow[..., 1], cols + flow[..., 0]])).astype(int)
    return np.asarray(image[at[0].clip(0, height - 1), at[1].clip(0, width - 1)])


def open_road(moment: SceneFrame) -> NDArray[np.float64]:
    """Mark the pixels that see road in full light with 1: shadows of vehicles move on their own."""
    layers = moment.view.layers
    road = (layers.road > 0.9) & (layers.surface[..., SUN] > 0.99) & (layers.surface[..., AMBIENT] > 0.99)
    return road[:, :: -1 if moment.mirrored else 1].astype(np.float64)


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_picture_has_the_asked_size_and_is_the_same_every_time(condition: str) -> None:
    first = picture(3, condition)
    again = Scene.random(3).at(1.0, size=SIZE).render(condition)
    assert first.shape == (144, 256, 3)
    assert first.dtype == np.uint8
    assert np.array_equal(first, again)
    assert first.std() > 5


def test_seeds_and_times_give_different_pictures() -> None:
    assert not np.array_equal(picture(1, "day"), picture(3, "day"))
    assert not np.array_equal(picture(1, "day"), picture(1, "day", 1.5))
    assert Scene.random(5) == Scene.random(5)
    assert Scene.random(5) != Scene.random(6)


@pytest.mark.parametrize("size", [(16, 16), (17, 31), (129, 75), (64, 200)])
def test_odd_and_small_sizes_work(size: tuple[int, int]) -> None:
    moment = Scene.random(1).at(0.3, size=size)
    for condition in CONDITIONS:
        assert moment.render(condition).shape == (size[1], size[0], 3)
    assert moment.depth.shape == (size[1], size[0])


@pytest.mark.parametrize("seed", SEEDS)
def test_night_is_darker_than_day_and_has_lights(seed: int) -> None:
    day, night = grey(picture(seed, "day")), grey(picture(seed, "night"))
    assert night.mean() < 0.65 * day.mean()
    assert np.percentile(night, 99.7) > 100


@pytest.mark.parametrize("seed", SEEDS)
def test_night_keeps_the_structure_of_the_day(seed: int) -> None:
    day, night = edges(picture(seed, "day")), edges(picture(seed, "night"))
    assert np.corrcoef(day.ravel(), night.ravel())[0, 1] > 0.35
    moved = np.roll(night, 9, axis=1)
    assert np.corrcoef(day.ravel(), night.ravel())[0, 1] > np.corrcoef(day.ravel(), moved.ravel())[0, 1] + 0.1


def test_a_wet_scene_is_rain_of_one_strength_without_drops() -> None:
    """Fewer fine bright lines than rain in the sky, and what a scene's own rain is like does not matter."""
    for seed in SEEDS:
        wet, rain = (picture(seed, condition).astype(np.float64)[:20].mean(axis=2) for condition in ("wet", "rain"))
        assert np.abs(np.diff(wet, axis=1)).mean() < np.abs(np.diff(rain, axis=1)).mean()


def test_a_wet_scene_is_taken_by_the_camera_that_takes_the_day() -> None:
    moment = frame(SEEDS[0])
    water = replace(moment.view.water, wet=0.1, rain_sight=100.0)
    lens = replace(moment.view.lens, exposure=2.0)
    assert np.array_equal(replace(moment, view=replace(moment.view, water=water)).render("wet"), moment.render("wet"))
    brighter = replace(moment, view=replace(moment.view, lens=lens))
    assert grey(brighter.render("wet")).mean() > grey(moment.render("wet")).mean() + 10


@pytest.mark.parametrize(("vehicles", "same"), [(False, True), (True, False)])
def test_in_rain_by_day_only_vehicles_have_their_lamps_on(vehicles: bool, same: bool) -> None:
    moment = frame(SEEDS[0])
    layers = moment.view.layers
    surface = layers.surface.copy()
    off = (layers.owner >= 0) == vehicles
    assert surface[off, EMIT].max() > 1.0, "there are such lamps"
    surface[off, EMIT], surface[off, STREET] = 0.0, 0.0
    darker = replace(moment, view=replace(moment.view, layers=replace(layers, surface=surface)))
    assert np.array_equal(darker.render("wet"), moment.render("wet")) == same


def test_in_rain_a_lamp_shines_whatever_its_glass_is_like_by_day() -> None:
    moment = frame(SEEDS[0])
    layers = moment.view.layers
    lamps = (layers.owner >= 0) & (layers.surface[..., EMIT].max(axis=2) > 1.0)
    surface = layers.surface.copy()
    surface[lamps, ALBEDO] = 0.0
    black = replace(moment, view=replace(moment.view, layers=replace(layers, surface=surface)))
    unlit = surface.copy()
    unlit[lamps, EMIT] = 0.0
    off = replace(moment, view=replace(moment.view, layers=replace(layers, surface=unlit)))
    shown = lamps[:, ::-1] if moment.mirrored else lamps
    assert grey(black.render("wet"))[shown].mean() > grey(off.render("wet"))[shown].mean() + 20


@pytest.mark.parametrize("condition", ONE_CAMERA)
def test_a_canonical_condition_is_of_one_kind_and_by_one_camera(condition: str) -> None:
    """What a scene's own rain, night and camera are like does not matter, but where the camera is does."""
    moment = frame(SEEDS[0])
    water = replace(moment.view.water, wet=0.1, rain_sight=100.0, fog_sight=20.0)
    night = replace(moment.view.night, beam=9.0, exposure=3.0, city=0.0)
    lens = replace(moment.view.lens, exposure=2.0, balance=(1.2, 1.0, 0.8), noise=9.0, blur=0.7, contrast=0.0)
    other = replace(moment, view=replace(moment.view, water=water, night=night, lens=lens))
    assert np.array_equal(other.render(condition), moment.render(condition))
    assert not np.array_equal(other.render("day"), moment.render("day"))
    assert not np.array_equal(frame(SEEDS[1]).render(condition), moment.render(condition))


def test_a_mild_day_is_lighter_and_softer_than_a_bright_one() -> None:
    """As the days of scenes are, which have more light and cameras that blur."""
    moment = frame(SEEDS[0])
    mild, bright = (grey(moment.render(condition)) for condition in ("mild", "bright"))
    assert mild.mean() > bright.mean() + 3
    assert np.abs(np.diff(mild, axis=1)).mean() < 0.95 * np.abs(np.diff(bright, axis=1)).mean()


def test_in_the_dark_the_own_bonnet_is_dim_and_even_and_not_black() -> None:
    """About as bright as asphalt beside the beam: where a student wrongly sees a bonnet, no black patch shall be."""
    seed = next(seed for seed in range(50) if Scene.random(seed).lens.hood > 0.05)
    moment = frame(seed)
    owner = moment.view.layers.owner[:, ::-1] if moment.mirrored else moment.view.layers.owner
    bonnet = grey(moment.render("dark"))[binary_erosion(owner == HOOD, iterations=3)]
    assert 15 < bonnet.mean() < 50 and bonnet.std() < 5


def test_some_bonnets_mirror_the_lit_road_by_night_and_some_do_not() -> None:
    sheens = [Scene.random(seed).night.sheen for seed in range(20)]
    assert 0.0 <= min(sheens) < 0.3 and 0.7 < max(sheens) <= 1.0


def test_all_street_lamps_of_a_dark_scene_have_one_colour() -> None:
    """The lamps themselves, their halos and what they shine on."""
    moment = frame(1)
    assert moment.view.lamps.step, "it has street lamps"
    assert moment.view.layers.surface[..., STREET].max() > 1.0, "that can be seen"
    white = replace(moment, view=replace(moment.view, lamps=replace(moment.view.lamps, colour=(0.9, 1.0, 1.0))))
    assert np.array_equal(white.render("dark"), moment.render("dark"))
    tinted = given_off(moment.view)[moment.view.layers.surface[..., STREET] > 1.0]
    assert np.allclose(tinted / tinted.max(axis=1, keepdims=True), moment.view.lamps.colour, atol=0.02)
    assert not np.array_equal(white.render("night"), moment.render("night"))


def test_variety_stands_beside_the_same_road() -> None:
    """People, poles, panels and other lamps hide things, and hardly anything else changes; all move as what stands."""
    plain, full = (scene.at(1.0, size=SIZE) for scene in (Scene.random(3), Scene.random(3).with_variety()))
    assert np.array_equal(plain.render("day"), picture(3, "day")), "a scene has none unless it is asked"
    hidden = plain.depth != full.depth
    assert 0.01 < hidden.mean() < 0.5
    in_front = (full.depth <= plain.depth)[hidden].mean()
    assert in_front > 0.95, "but for long panels, which are painted in the order of their middles"
    same = np.abs(grey(full.render("bright")) - grey(plain.render("bright")))[~hidden]
    assert (same < 1.0).mean() > 0.96, "but for soft edges, and shadows of what does not hide"
    assert np.array_equal(full.render("dark"), Scene.random(3).with_variety().at(1.0, size=SIZE).render("dark"))
    assert full.render("night").mean() < 0.5 * full.render("day").mean()
    later = Scene.random(3).with_variety().at(1.05, size=SIZE)
    flow, near = full.flow_to(later), hidden & (full.depth < 40)
    followed = np.abs(warp(grey(later.render("bright")), flow) - grey(full.render("bright")))[near]
    stayed = np.abs(grey(later.render("bright")) - grey(full.render("bright")))[near]
    assert followed.mean() < 0.7 * stayed.mean()


@pytest.mark.parametrize("seed", range(8))
def test_clutter_leaves_the_lane_free(seed: int) -> None:
    road = Scene.random(seed).road
    for item in draw_clutter(np.random.default_rng(seed), road):
        half = 0.0 if item.side else item.sprite.width * item.scale / 2
        outside = item.u - half - road.right_edge if item.u > 0 else road.left_edge - item.u - half
        assert outside > -1.3, (item.u, half)


@pytest.mark.parametrize("seed", SEEDS)
def test_fog_hides_what_is_far(seed: int) -> None:
    depth = frame(seed).depth[1:, 1:]
    far, near = (depth > 120) & np.isfinite(depth), depth < 12
    fog, day = edges(picture(seed, "fog")), edges(picture(seed, "day"))
    assert fog[far].mean() / day[far].mean() < 0.6 * fog[near].mean() / day[near].mean()


@pytest.mark.parametrize("seed", SEEDS)
def test_depth_is_infinite_in_the_sky_and_grows_towards_the_horizon(seed: int) -> None:
    depth = frame(seed).depth
    assert depth.dtype == np.float32
    assert depth.min() > 0.5
    assert not np.isnan(depth).any()
    ground = np.minimum(depth[80:, 128], 1e4)
    assert ground[0] > ground[-12]


def test_a_frame_flows_to_itself_without_motion() -> None:
    assert np.abs(frame(3).flow_to(frame(3))).max() < 0.05


@pytest.mark.parametrize("seed", SEEDS)
def test_flow_follows_the_road(seed: int) -> None:
    here, later = frame(seed, 1.0), frame(seed, 1.06)
    flow = here.flow_to(later)
    assert flow.shape == (144, 256, 2)
    assert flow.dtype == np.float32
    assert np.isfinite(flow).all()
    stays = warp(open_road(later), flow) > 0
    road = (open_road(here) > 0) & stays & (here.depth < 40) & (np.mgrid[0:144, 0:256][0] + flow[..., 1] < 143)
    day, next_day = grey(picture(seed, "day", 1.0)), grey(picture(seed, "day", 1.06))
    followed = np.abs(warp(next_day, flow) - day)[road].mean()
    still = np.abs(next_day - day)[road].mean()
    assert followed < 0.9 * still


def test_flow_of_vehicles_is_their_own() -> None:
    here, later = frame(3, 1.0), frame(3, 1.1)
    depth_now, depth_then = here.depth, later.depth
    cars = (here.view.layers.owner >= 0)[:, :: -1 if here.mirrored else 1]
    assert cars.any()
    moved = later.movers - here.movers
    numbers = here.view.layers.owner[:, :: -1 if here.mirrored else 1][cars]
    expected = depth_now[cars] + moved[numbers] - (later.view.camera.s - here.view.camera.s)
    found = warp(depth_then.astype(np.float64), here.flow_to(later))[cars]
    assert np.median(np.abs(found - expected)) < 0.2


def test_unknown_condition_names_the_known_ones() -> None:
    with pytest.raises(UnknownNameError, match=r"Unknown condition 'nigth'.*Did you mean 'night'"):
        frame(3).render("nigth")


@pytest.mark.parametrize("size", [(15, 64), (64, 15), (64,), (64.0, 64), "64x64", (True, 64), None])
def test_bad_sizes_are_refused(size: Any) -> None:
    with pytest.raises(SettingError, match=r"The size has to be \(width, height\)"):
        Scene.random(1).at(0.0, size=size)


def test_bad_seeds_times_and_partners_are_refused() -> None:
    with pytest.raises(SettingError, match="The seed has to be a whole number"):
        Scene.random(-1)
    with pytest.raises(SettingError, match="finite number of seconds"):
        Scene.random(1).at(float("nan"), size=SIZE)
    with pytest.raises(SettingError, match="two frames of one scene"):
        frame(1).flow_to(frame(3))
