"""Pictures on their way to the size of a training."""

import numpy as np
import pytest
from PIL import Image

from onestep.errors import InputError, SettingError
from onestep.frame_size import FrameSize
from onestep.training.data.few import FewPictures
from onestep.training.data.preparation import preparation
from tests.training.picture_folders import picture

LANCZOS = Image.Resampling.LANCZOS


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def scaled(rgb: np.ndarray, width: int, height: int) -> np.ndarray:
    return np.asarray(Image.fromarray(rgb).resize((width, height), LANCZOS))


def is_window(cut: np.ndarray, whole: np.ndarray) -> bool:
    rows, columns = whole.shape[0] - cut.shape[0] + 1, whole.shape[1] - cut.shape[1] + 1
    corners = np.argwhere((whole[:rows, :columns] == cut[0, 0]).all(axis=2))
    return any((whole[top:, left:][: cut.shape[0], : cut.shape[1]] == cut).all() for top, left in corners)


def test_resize_ignores_the_aspect() -> None:
    rgb = picture(0, (40, 30))
    np.testing.assert_array_equal(preparation("resize_24").prepare(rgb, rng()), scaled(rgb, 24, 24))
    np.testing.assert_array_equal(preparation("resize_24x16").prepare(rgb, rng()), scaled(rgb, 24, 16))
    assert preparation("resize_24x16").size == FrameSize(24, 16)


def test_resized_crop_covers_and_cuts_the_middle() -> None:
    rgb = picture(1, (40, 20))
    expected = scaled(rgb, 20, 10)[:, 5:15]
    np.testing.assert_array_equal(preparation("resized_crop_10").prepare(rgb, rng()), expected)
    tall = scaled(rgb.swapaxes(0, 1), 10, 20)[5:15]
    np.testing.assert_array_equal(preparation("resized_crop_10").prepare(rgb.swapaxes(0, 1).copy(), rng()), tall)
    odd = preparation("resized_crop_17x9").prepare(picture(2, (31, 23)), rng())
    assert odd.shape == (9, 17, 3)


def test_no_resize_leaves_a_picture_as_it_is() -> None:
    rgb = picture(3, (37, 21))
    np.testing.assert_array_equal(preparation("no_resize").prepare(rgb, rng()), rgb)
    assert preparation("no_resize").size is None


def test_random_crops_are_windows_and_reach_every_place() -> None:
    coded = np.zeros((7, 9, 3), np.uint8)
    coded[..., 0], coded[..., 1] = np.arange(7)[:, None], np.arange(9)[None]
    seen = set()
    for seed in range(200):
        cut = preparation("randomcrop_6x5").prepare(coded, rng(seed))
        top, left = int(cut[0, 0, 0]), int(cut[0, 0, 1])
        np.testing.assert_array_equal(cut, coded[top : top + 5, left : left + 6])
        seen.add((top, left))
    assert seen == {(top, left) for top in range(3) for left in range(4)}


def test_the_references_unpaired_preparation() -> None:
    prepared = preparation("resize_286_randomcrop_256x256_hflip")
    rgb = picture(4, (300, 260))
    whole = scaled(rgb, 286, 286)
    flips = 0
    for seed in range(8):
        cut = prepared.prepare(rgb, rng(seed))
        assert cut.shape == (256, 256, 3)
        matches = [is_window(side, whole) for side in (cut, cut[:, ::-1])]
        assert any(matches), "a window of the scaled picture, or its mirror image"
        flips += not matches[0]
    assert 0 < flips < 8


def test_the_same_state_gives_the_same_window_and_flip() -> None:
    prepared = preparation("randomcrop_16_hflip")
    first, second = (prepared.prepare(side, rng(5)) for side in (picture(5), 255 - picture(5)))
    np.testing.assert_array_equal(first, 255 - second)


def test_without_chance_for_validation() -> None:
    prepared = preparation("resize_30_randomcrop_20x20_hflip").deterministic()
    rgb = picture(6)
    expected = scaled(rgb, 30, 30)[5:25, 5:25]
    for seed in range(5):
        np.testing.assert_array_equal(prepared.prepare(rgb, rng(seed)), expected)
    cropped = preparation("randomcrop_20").deterministic().prepare(rgb, rng())
    np.testing.assert_array_equal(cropped, rgb[6:26, 14:34])


@pytest.mark.parametrize(
    "name", ["", "resize", "resize_", "_hflip", "hflip", "resize_0", "resize_256_hflip_hflip", "resized_crop_2x", "x"]
)
def test_names_that_mean_nothing(name: str) -> None:
    with pytest.raises(
        SettingError, match="is not a preparation of pictures. Known: resize_SIZE|is no size for a picture"
    ):
        preparation(name)


def test_a_crop_larger_than_what_it_is_cut_from() -> None:
    with pytest.raises(SettingError, match="scales to 100x100 and then cuts 128x96 out of it, which is larger"):
        preparation("resize_100_randomcrop_128x96")


@pytest.mark.parametrize("name", ["resized_crop_64x32", "randomcrop_48x33", "resize_99_randomcrop_64x32"])
def test_pictures_below_the_crop(name: str) -> None:
    with pytest.raises(InputError, match=f"The picture is 48x32, below the crop of .* that {name} cuts"):
        preparation(name).prepare(picture(7), rng())


def test_few_pictures_keep_their_size_and_change() -> None:
    few = FewPictures()
    rgb = picture(8)
    seen = []
    for seed in range(20):
        reshaped = few.reshape(rgb, rng(seed))
        assert reshaped.shape == rgb.shape and reshaped.dtype == np.uint8
        recoloured = few.recolour(reshaped, rng(seed))
        assert np.abs(recoloured.astype(int) - reshaped).max() > 0
        assert np.abs(recoloured.astype(int) - reshaped).mean() < 40, "a little"
        seen.append(reshaped)
    assert len({each.tobytes() for each in seen}) == 20


def test_few_pictures_scale_and_flip() -> None:
    """A ramp tells where the window lies, how wide it is and whether it was flipped."""
    ramp = np.repeat(np.repeat(np.linspace(0, 250, 251, dtype=np.uint8)[None, :, None], 40, 0), 3, 2)
    slopes = []
    for seed in range(100):
        row = FewPictures(smallest_share=0.5).reshape(ramp, rng(seed))[20, :, 0].astype(float)
        slopes.append((row[200] - row[50]) / 150)
    shares = np.abs(slopes)
    assert 0.49 < shares.min() < 0.6 and 0.9 < shares.max() < 1.01
    assert 30 < sum(slope < 0 for slope in slopes) < 70
