"""What an export needs is known before it starts, and said where it is not there."""

import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from onestep.domains import embedded_base
from onestep.errors import ExportError, OutputError, SettingError
from onestep.exporter import room
from onestep.exporter.export import ExportOptions, export_bundle
from onestep.exporter.room import check_foreseen, weight_count
from onestep.frame_size import FrameSize
from onestep.training.base import load_base
from onestep.training.folder import PackedGenerator


class Disk(NamedTuple):
    """What `shutil.disk_usage` returns."""

    total: int
    used: int
    free: int


def test_weights_are_counted_without_loading() -> None:
    base = load_base(embedded_base())
    loaded = sum(parameter.numel() for network in (base.unet, base.vae) for parameter in network.parameters())
    assert weight_count(embedded_base()) == loaded


def test_a_variant_that_is_not_loaded_is_not_counted(tmp_path: Path) -> None:
    for part in ("unet", "vae"):
        shutil.copytree(embedded_base() / part, tmp_path / part)
        (stored,) = (tmp_path / part).glob("*.safetensors")
        shutil.copy(stored, stored.with_suffix(".fp16.safetensors"))
    assert weight_count(tmp_path) == weight_count(embedded_base())


def test_a_damaged_file_is_left_to_the_loader(tmp_path: Path) -> None:
    (tmp_path / "unet").mkdir()
    (tmp_path / "unet" / "model.safetensors").write_bytes(b"nothing")
    assert weight_count(tmp_path) == 0


def test_too_little_memory_is_said_before_loading(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "available_bytes", lambda: 10**6)
    with pytest.raises(ExportError, match=r"at 512x512 needs about 1\.1 GB of memory, and 0\.0 GB are free.*--size"):
        check_foreseen(embedded_base(), FrameSize(512, 512))
    monkeypatch.setattr(room, "available_bytes", lambda: 10**10)
    check_foreseen(embedded_base(), FrameSize(512, 512))


def test_a_size_that_is_no_multiple_is_said_before_loading(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"multiples of 32 pixels, and 500x500 is not. Nearest: 480x480 or 512x512"):
        check_foreseen(embedded_base(), FrameSize(500, 500))
    check_foreseen(tmp_path, FrameSize(500, 500))  # nothing there: for the loader to say


def test_too_little_disk_is_said_before_tracing(
    packed: PackedGenerator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("onestep.atomic.shutil.disk_usage", lambda _: Disk(10**9, 10**9 - 1000, 1000))
    stages: list[str] = []
    with pytest.raises(OutputError, match=r"new/b needs about 0\.0 GB, and the disk has 0\.0 GB free. Make room"):
        options = ExportOptions(size=FrameSize(32, 32))
        export_bundle(packed, tmp_path / "new" / "b", options=options, on_stage=stages.append)
    assert stages == [] and list(tmp_path.iterdir()) == []
