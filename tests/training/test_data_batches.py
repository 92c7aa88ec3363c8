"""Batches: pure functions of the step, the same for one process and for two, read ahead in threads."""

import itertools
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from onestep.errors import InputError, SettingError
from onestep.training.data import (
    PairedBatches,
    PairedFolder,
    Prefetcher,
    UnpairedBatches,
    UnpairedFolder,
    few_pictures,
    few_warning,
    preparation,
    recognise_layout,
)
from onestep.training.data.few import FewPictures
from tests.patience import PATIENCE_SECONDS
from tests.training.picture_folders import paired, picture, save, unpaired

CROP = preparation("resize_40x30_randomcrop_32x24_hflip")


def unpaired_batches(
    folder: Path, *, batch_size: int = 2, seed: int = 3, few: FewPictures | None = None, how: str | None = None
) -> UnpairedBatches:
    found = recognise_layout(folder)
    assert isinstance(found, UnpairedFolder)
    return UnpairedBatches(found, preparation(how or CROP), batch_size, seed, few)


def paired_batches(
    folder: Path, *, batch_size: int = 2, few: FewPictures | None = None, how: str = "resize_32x24"
) -> PairedBatches:
    found = recognise_layout(folder)
    assert isinstance(found, PairedFolder)
    return PairedBatches(found, preparation(how), batch_size, 3, few)


@pytest.fixture
def domains(tmp_path: Path) -> Path:
    return unpaired(tmp_path / "unpaired", a=5, b=7)


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    return paired(tmp_path / "paired", count=5)


def bytes_from(tensor: Tensor) -> np.ndarray:
    return ((tensor + 1) * 127.5).round().to(torch.uint8).permute(1, 2, 0).numpy()


def test_pictures_are_upright_rgb_in_range(tmp_path: Path) -> None:
    folder = unpaired(tmp_path, a=0, b=2)
    turned = Image.fromarray(np.rot90(picture(1)).copy())
    exif = turned.getexif()
    exif[0x0112] = 6  # to be turned clockwise for viewing
    turned.save(folder / "train_A" / "turned.PNG", exif=exif)
    Image.fromarray(picture(1)[..., 0]).save(folder / "train_A" / "grey.png")
    batch = unpaired_batches(folder, how="no_resize").at(0)
    assert batch.a.dtype == torch.float32
    found = {tuple(np.unique(np.ptp(bytes_from(image), axis=2)))[:1]: bytes_from(image) for image in batch.a}
    assert any((image == picture(1)).all() for image in found.values())
    assert any((image == picture(1)[..., :1]).all() for image in found.values())
    assert float(batch.a.min()) >= -1.0 and float(batch.a.max()) <= 1.0


@pytest.mark.parametrize("few", [None, FewPictures()])
def test_a_step_does_not_depend_on_what_was_read_before(domains: Path, pairs: Path, few: FewPictures | None) -> None:
    first, second = unpaired_batches(domains, few=few), unpaired_batches(domains, few=few)
    forwards = [first.at(step) for step in range(6)]
    for step in (5, 2, 4, 0):
        again = second.at(step)
        assert torch.equal(again.a, forwards[step].a) and torch.equal(again.b, forwards[step].b)
    in_order = [paired_batches(pairs, few=few, how="randomcrop_20_hflip").at(step) for step in range(4)]
    late = paired_batches(pairs, few=few, how="randomcrop_20_hflip").at(3)
    assert torch.equal(late.source, in_order[3].source) and torch.equal(late.target, in_order[3].target)
    assert late.captions == in_order[3].captions


@pytest.mark.parametrize("few", [None, FewPictures()])
def test_two_processes_see_what_one_sees(domains: Path, pairs: Path, few: FewPictures | None) -> None:
    for step in range(4):
        whole = unpaired_batches(domains, batch_size=4, few=few).at(step)
        halves = [unpaired_batches(domains, batch_size=2, few=few).at(step, rank, 2) for rank in range(2)]
        assert torch.equal(whole.a, torch.cat([half.a for half in halves]))
        assert torch.equal(whole.b, torch.cat([half.b for half in halves]))
        both = paired_batches(pairs, batch_size=4, few=few).at(step)
        parts = [paired_batches(pairs, batch_size=2, few=few).at(step, rank, 2) for rank in range(2)]
        assert torch.equal(both.source, torch.cat([part.source for part in parts]))
        assert torch.equal(both.target, torch.cat([part.target for part in parts]))
        assert both.captions == parts[0].captions + parts[1].captions


def test_each_turn_goes_through_all_pictures_in_another_order(domains: Path) -> None:
    batches = unpaired_batches(domains, batch_size=5, how="no_resize")
    turns = [[image.numpy().tobytes() for image in batches.at(step).a] for step in range(4)]
    assert all(len(set(turn)) == 5 for turn in turns)
    assert len({tuple(sorted(turn)) for turn in turns}) == 1
    assert len({tuple(turn) for turn in turns}) > 1


def test_the_sides_are_drawn_apart_and_the_seed_decides(domains: Path) -> None:
    same = unpaired(domains.parent / "equal", a=5, b=5)
    batches = unpaired_batches(same, batch_size=5, how="no_resize")
    names = [path.read_bytes() for path in batches.folder.train_a]
    assert len(set(names)) == 5
    orders = []
    for side, pictures in (("a", batches.folder.train_a), ("b", batches.folder.train_b)):
        known = [np.asarray(Image.open(path)) for path in pictures]
        drawn = getattr(batches.at(0), side)
        orders.append([next(i for i, each in enumerate(known) if (each == bytes_from(image)).all()) for image in drawn])
    assert orders[0] != orders[1]
    other = unpaired_batches(domains, seed=4).at(0)
    assert not torch.equal(other.a, unpaired_batches(domains, seed=3).at(0).a)


def test_pairs_share_their_geometry(pairs: Path) -> None:
    for few in (None, FewPictures(jitter=0.0)):
        for step in range(5):
            batch = paired_batches(pairs, few=few, how="randomcrop_20_hflip").at(step)
            torch.testing.assert_close(batch.source, batch.target.flip(1), atol=2 / 127.5, rtol=0.0)
    numbers = {caption for step in range(5) for caption in paired_batches(pairs).at(step).captions}
    assert numbers == {f"picture {index}" for index in range(5)}


def test_only_the_source_changes_its_colour(pairs: Path) -> None:
    plain, jittered = (paired_batches(pairs, few=FewPictures(jitter=jitter)).at(0) for jitter in (0.0, 0.3))
    assert torch.equal(plain.target, jittered.target)
    assert not torch.equal(plain.source, jittered.source)


def test_a_picture_below_the_crop_is_named(domains: Path) -> None:
    save(domains / "train_A" / "small.png", 9, (30, 40))
    with pytest.raises(
        InputError, match="train_A/small.png is 30x40, below the crop of 32x24 that resize_40x30_random"
    ):
        for step in range(6):
            unpaired_batches(domains, batch_size=1).at(step)


def test_a_broken_picture_is_named(domains: Path) -> None:
    (domains / "train_A" / "0.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match="train_A/0.png is not a picture"):
        unpaired_batches(domains, batch_size=5).at(0)


def test_sizes_that_differ_in_a_batch_are_named(domains: Path) -> None:
    save(domains / "train_A" / "wide.png", 9, (60, 40))
    with pytest.raises(InputError, match=r"differ in size: .*png is \d+x\d+, .*png is \d+x\d+. Choose a preparation"):
        unpaired_batches(domains, batch_size=6, how="no_resize").at(0)


def test_pairs_of_two_sizes_are_named(pairs: Path) -> None:
    for index in range(5):
        save(pairs / "train_B" / f"{index}.png", index, (96, 64))
    with pytest.raises(
        InputError, match=r"train_A/\d.png and .*train_B/\d.png differ in size and no_resize leaves it so"
    ):
        paired_batches(pairs, how="no_resize").at(0)
    with pytest.raises(InputError, match=r"differ in size and randomcrop_32x24 leaves it so"):
        paired_batches(pairs, how="randomcrop_32x24").at(0)  # windows of one size would show different places
    assert paired_batches(pairs).at(0).target.shape == (2, 3, 24, 32)


def test_settings_that_make_no_batch(domains: Path) -> None:
    with pytest.raises(SettingError, match="The batch size must be 1 or more, got 0"):
        unpaired_batches(domains, batch_size=0)
    with pytest.raises(SettingError, match="The seed must be 0 or more, got -1"):
        unpaired_batches(domains, seed=-1)


def test_few_pictures_are_noticed(tmp_path: Path) -> None:
    few = recognise_layout(unpaired(tmp_path, a=10, b=12))
    assert few_pictures(few) == FewPictures()
    assert few_pictures(few, "off") is None
    assert "only 10 training pictures on the smaller side" in (few_warning(few) or "")
    assert "overfitting" in (few_warning(few) or "")
    assert isinstance(few, UnpairedFolder)
    many = UnpairedFolder("x", few.train_a * 5, few.train_b * 5)
    assert few_pictures(many) is None
    assert few_pictures(many, "on") == FewPictures()
    assert few_warning(many) is None


def test_few_pairs_are_noticed(pairs: Path) -> None:
    found = recognise_layout(pairs)
    assert few_pictures(found) == FewPictures()
    assert "only 5 training pairs" in (few_warning(found) or "")


def test_reading_ahead_keeps_the_order() -> None:
    def read(step: int) -> int:
        time.sleep(0.002 * (step % 3))
        return step * step

    with Prefetcher(read, range(3, 20), threads=3, ahead=5) as reader:
        assert list(reader) == [step * step for step in range(3, 20)]
        assert list(reader) == []


def test_reading_ahead_is_bounded() -> None:
    """A step is read only if it was drawn, and `next` draws all that may be drawn before it returns."""
    drawn, done = list[int](), threading.Semaphore(0)

    def steps() -> Iterator[int]:
        for step in itertools.count():
            drawn.append(step)
            yield step

    def read(step: int) -> int:
        done.release()
        return step

    with Prefetcher(read, steps(), threads=2, ahead=3) as reader:
        assert drawn == []
        for given in range(3):
            assert next(reader) == given
            assert drawn == list(range(given + 4))
        for _ in drawn:
            assert done.acquire(timeout=PATIENCE_SECONDS), "what was drawn is read, though nobody asks for it yet"
    assert drawn == list(range(6))
    assert not done.acquire(blocking=False)


def test_exceptions_cross_threads_in_their_place() -> None:
    def read(step: int) -> int:
        if step == 2:
            raise InputError("picture 2 is broken")
        return step

    with Prefetcher(read, range(5)) as reader:
        assert [next(reader), next(reader)] == [0, 1]
        with pytest.raises(InputError, match="picture 2 is broken"):
            next(reader)


def test_closing_ends_the_threads_and_drops_what_waits() -> None:
    """Two steps are being read while it closes, and end once the last of those that wait was dropped."""
    busy, allowed, begun, ended = threading.Semaphore(0), threading.Event(), list[int](), list[int]()

    def read(step: int) -> int:
        begun.append(step)
        if step > 0:
            busy.release()
            assert allowed.wait(PATIENCE_SECONDS)
        ended.append(step)
        return step

    reader = Prefetcher(read, range(100), threads=2, ahead=50)
    try:
        assert next(reader) == 0
        for _ in range(2):
            assert busy.acquire(timeout=PATIENCE_SECONDS)
        reader._waiting[-1].add_done_callback(lambda _: allowed.set())
        reader.close()
        assert sorted(begun) == sorted(ended) == [0, 1, 2]
    finally:
        allowed.set()
    reader.close()
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("pictures")]
    assert list(reader) == []


@pytest.mark.parametrize(("threads", "ahead"), [(0, 1), (1, 0)])
def test_reading_ahead_needs_a_thread_and_a_place(threads: int, ahead: int) -> None:
    with pytest.raises(SettingError, match="threads and ahead must be 1 or more"):
        Prefetcher(lambda step: step, range(3), threads=threads, ahead=ahead)


def test_batches_read_ahead_are_the_same(domains: Path) -> None:
    batches = unpaired_batches(domains)
    with Prefetcher(batches.at, range(2, 8), threads=3) as reader:
        for step, batch in zip(range(2, 8), reader, strict=True):
            assert torch.equal(batch.a, batches.at(step).a)
