"""Pictures that cannot be used: told before a run begins, and where one is met midway, what was computed is saved."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from onestep.errors import InputError, OnestepError, SettingError
from onestep.training.data import PairedBatch, UnpairedBatch, UnpairedBatches, preparation, recognise_layout
from onestep.training.trainer import display, loop
from onestep.training.trainer.loop import checked_size
from onestep.training.trainer.state_file import saved_steps
from onestep.training.trainer.usable_pictures import check_usable
from tests.training import picture_folders
from tests.training.tiny_runs import paired_pictures, paired_settings, trained, unpaired_pictures, unpaired_settings


def checked(folder: Path, how: str, *, multiple: int = 1, batch_size: int = 1, **options: Any) -> None:
    check_usable(recognise_layout(folder), preparation(how), multiple=multiple, batch_size=batch_size, **options)


@pytest.mark.parametrize("how", ["resize_32", "randomcrop_32", "no_resize"])
@pytest.mark.parametrize("make", [picture_folders.unpaired, picture_folders.paired])
def test_sound_folders_pass(tmp_path: Path, make: Any, how: str) -> None:
    told: list[tuple[int, int]] = []
    checked(make(tmp_path), how, multiple=16, batch_size=2, tell=lambda *counts: told.append(counts))
    assert told[-1][0] == told[-1][1] == len(told) > 6


@pytest.mark.parametrize("side", ["train_A", "train_B", "test_A"])
def test_a_picture_below_the_crop(tmp_path: Path, side: str) -> None:
    folder = picture_folders.unpaired(tmp_path)
    picture_folders.save(folder / side / "0.png", 5, (31, 32))
    with pytest.raises(InputError, match=rf"{side}/0\.png is 31x32, below the crop of 32x32"):
        checked(folder, "randomcrop_32")


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_a_picture_that_is_cut_off(tmp_path: Path, suffix: str) -> None:
    folder = picture_folders.unpaired(tmp_path)
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    cut = folder / "train_B" / f"cut{suffix}"
    Image.fromarray(noise).save(cut)
    checked(folder, "resize_32")
    cut.write_bytes(cut.read_bytes()[:-500])
    with pytest.raises(InputError, match=rf"cut\{suffix} cannot be read as a picture"):
        checked(folder, "resize_32")


def test_whole_pictures_are_judged_by_their_headers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def read_picture(path: Path) -> None:
        raise AssertionError(path)

    folder = picture_folders.unpaired(tmp_path)
    picture_folders.save(folder / "train_A" / "whole.jpg", 7)
    monkeypatch.setattr("onestep.training.trainer.usable_pictures.read_picture", read_picture)
    checked(folder, "resize_32")


def test_pictures_that_keep_a_size_that_does_not_fit(tmp_path: Path) -> None:
    folder = picture_folders.unpaired(tmp_path)
    picture_folders.save(folder / "train_B" / "0.png", 5, (48, 40))
    with pytest.raises(SettingError, match=r"train_B/0\.png does not fit: the base takes sizes in multiples of 16"):
        checked(folder, "no_resize", multiple=16)


def test_pictures_of_one_side_that_keep_their_sizes_need_batches_of_one(tmp_path: Path) -> None:
    folder = picture_folders.unpaired(tmp_path)
    picture_folders.save(folder / "train_B" / "3.png", 5, (48, 48))
    with pytest.raises(InputError, match=r"B/0\.png is 48x32, .*B/3\.png is 48x48. A batch of 2 needs one size"):
        checked(folder, "no_resize", multiple=16, batch_size=2)
    checked(folder, "no_resize", multiple=16)


def test_pairs_of_two_aspects_that_would_lose_their_margins(tmp_path: Path) -> None:
    folder = picture_folders.paired(tmp_path)
    picture_folders.save(folder / "train_B" / "1.png", 1, (48, 48))
    message = r"train_A/1\.png and .*train_B/1\.png differ in aspect \(48x32, 48x48\), and resized_crop_32 cuts other"
    with pytest.raises(InputError, match=message):
        checked(folder, "resized_crop_32")
    checked(folder, "resize_32")
    picture_folders.save(folder / "train_B" / "1.png", 1, (95, 63))
    checked(folder, "resized_crop_32")


@pytest.mark.parametrize("side", ["train_A", "test_B"])
def test_a_run_does_not_begin_with_a_picture_that_it_could_not_use(tmp_path: Path, side: str) -> None:
    folder = unpaired_pictures(tmp_path / "pictures")
    cut = folder / side / "2.png"
    cut.write_bytes(cut.read_bytes()[:200])
    with pytest.raises(OnestepError, match=rf"{side}/2\.png cannot be read"):
        trained(unpaired_settings(folder), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_paired_run_does_not_begin_with_pairs_of_two_aspects(tmp_path: Path) -> None:
    folder = paired_pictures(tmp_path / "pictures")
    Image.new("RGB", (64, 32)).save(folder / "train_B" / "1.png")
    with pytest.raises(InputError, match=r"train_B/1\.png differ in aspect"):
        trained(paired_settings(folder, preparation="resized_crop_32"), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_long_look_is_told(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    tell = display.told_where_slow("pictures looked at")
    tell(1, 300)
    monkeypatch.setattr(display, "_TOLD_EVERY_SECONDS", 0.0)
    tell(200, 300)
    assert capfd.readouterr().err == "200/300 pictures looked at\n"


def test_every_side_of_a_batch_must_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "frame_multiple_of", lambda generator: 32)
    generator: Any = SimpleNamespace()
    a, small, large = torch.zeros(1, 3, 64, 64), torch.zeros(1, 3, 64, 50), torch.zeros(1, 3, 96, 64)
    with pytest.raises(SettingError, match="takes sizes in multiples of 32 pixels, and 50x64 is not"):
        checked_size(UnpairedBatch(a, small), generator)
    with pytest.raises(SettingError, match="and 50x64 is not"):
        checked_size(PairedBatch(a, small, ("",)), generator)
    assert checked_size(UnpairedBatch(a, large), generator) == (64, 96)


def test_a_picture_that_fails_midway_loses_no_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = unpaired_settings(unpaired_pictures(tmp_path / "pictures"), max_steps=4)
    batch = UnpairedBatches.at

    def broken(self: UnpairedBatches, step: int, rank: int = 0, world: int = 1) -> UnpairedBatch:
        if step == 2:
            raise InputError("7.jpg cannot be read as a picture.")
        return batch(self, step, rank, world)

    with monkeypatch.context() as patch:
        patch.setattr(UnpairedBatches, "at", broken)
        with pytest.raises(InputError, match=r"7\.jpg cannot be read.* The state after step 2 was saved.*--resume"):
            trained(settings, tmp_path / "run")
    assert saved_steps(tmp_path / "run" / "last") == [0, 2]
    assert trained(settings, tmp_path / "run", resume=True).steps == 4
