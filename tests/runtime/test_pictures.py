"""Pictures of every mode become upright RGB, are written whole, and are found."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from onestep.errors import InputError, MissingInputError, OutputError, SettingError
from onestep.frame_size import FrameSize
from onestep.runtime.pictures import find_pictures, picture_size, read_picture, write_picture
from onestep.runtime.text_file import write_whole

RGB = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".jpeg", ".webp", ".PNG"])
def test_round_trip(tmp_path: Path, suffix: str) -> None:
    smooth = np.linspace(0, 255, 32 * 32 * 3).reshape(32, 32, 3).astype(np.uint8)
    write_picture(tmp_path / f"a{suffix}", smooth)
    back = read_picture(tmp_path / f"a{suffix}")
    assert (back.dtype, back.shape, back.flags.c_contiguous) == (np.dtype(np.uint8), (32, 32, 3), True)
    assert np.abs(back.astype(int) - smooth).max() <= (0 if suffix.lower() == ".png" else 12)
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(("orientation", "turn"), [(3, 2), (6, -1), (8, 1)])
def test_exif_orientation(tmp_path: Path, orientation: int, turn: int) -> None:
    image = Image.fromarray(RGB)
    exif = image.getexif()
    exif[0x0112] = orientation
    image.save(tmp_path / "a.png", exif=exif)
    read = read_picture(tmp_path / "a.png")
    assert (read == np.rot90(RGB, turn)).all()
    assert picture_size(tmp_path / "a.png") == FrameSize(read.shape[1], read.shape[0])


@pytest.mark.parametrize("mode", ["L", "P", "1", "CMYK", "YCbCr", "RGBA", "LA"])
def test_modes(tmp_path: Path, mode: str) -> None:
    image = Image.fromarray(RGB).convert(mode)
    image.save(tmp_path / "a.tif") if mode in {"CMYK", "YCbCr"} else image.save(tmp_path / "a.png")
    path = next(tmp_path.iterdir())
    assert np.abs(read_picture(path).astype(int) - np.array(image.convert("RGB"))).max() <= 1


def test_sixteen_bits_are_scaled(tmp_path: Path) -> None:
    grey = np.array([[0, 257, 32896, 65535]], np.uint16)
    Image.fromarray(grey).save(tmp_path / "a.png")
    assert read_picture(tmp_path / "a.png")[0, :, 0].tolist() == [0, 1, 128, 255]


def test_floats_are_scaled(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0.0, 0.5, 1.0, 2.0]], np.float32)).save(tmp_path / "a.tif")
    assert read_picture(tmp_path / "a.tif")[0, :, 2].tolist() == [0, 128, 255, 255]


def test_transparency_is_laid_on_white(tmp_path: Path) -> None:
    Image.new("RGBA", (2, 2), (255, 0, 0, 0)).save(tmp_path / "a.png")
    assert (read_picture(tmp_path / "a.png") == 255).all()


def test_first_picture_of_an_animation(tmp_path: Path) -> None:
    first, second = Image.new("RGB", (4, 4), "red"), Image.new("RGB", (4, 4), "blue")
    first.save(tmp_path / "a.gif", save_all=True, append_images=[second])
    assert read_picture(tmp_path / "a.gif")[0, 0].tolist() == [255, 0, 0]


def test_unreadable_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(MissingInputError, match=r"There is no picture .*no\.png"):
        read_picture(tmp_path / "no.png")
    with pytest.raises(InputError, match="is a folder, not a picture"):
        read_picture(tmp_path)
    (tmp_path / "empty.png").touch()
    with pytest.raises(InputError, match=r"empty\.png is empty \(0 bytes\)"):
        read_picture(tmp_path / "empty.png")
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(InputError, match=r"text\.png is not a picture that Pillow can read"):
        read_picture(tmp_path / "text.png")
    noise = np.random.default_rng(1).integers(0, 256, (200, 200, 3), dtype=np.uint8)
    write_picture(tmp_path / "whole.png", noise)
    (tmp_path / "cut.png").write_bytes((tmp_path / "whole.png").read_bytes()[:9000])
    with pytest.raises(InputError, match=r"cut\.png cannot be read as a picture \(.*truncated"):
        read_picture(tmp_path / "cut.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(InputError, match=r"whole\.png cannot be read as a picture \(.*exceeds limit"):
        read_picture(tmp_path / "whole.png")


def test_refused_outputs(tmp_path: Path) -> None:
    write_picture(tmp_path / "a.png", RGB)
    with pytest.raises(OutputError, match=r"a\.png exists\..*--overwrite"):
        write_picture(tmp_path / "a.png", RGB)
    with pytest.raises(OutputError, match="is the input"):
        write_picture(tmp_path / "a.png", RGB, source=tmp_path / "a.png", overwrite=True)
    with pytest.raises(OutputError, match=r"has the suffix '\.tga'.*These work: \.png, \.jpg, \.jpeg, \.webp"):
        write_picture(tmp_path / "a.tga", RGB)
    with pytest.raises(OutputError, match=r"does not exist\. Make it first"):
        write_picture(tmp_path / "none" / "a.png", RGB)
    with pytest.raises(SettingError, match=r"must be uint8 \[H, W, 3\], got uint8 \[6, 8\]"):
        write_picture(tmp_path / "b.png", RGB[..., 0])
    write_picture(tmp_path / "a.png", 255 - RGB, overwrite=True)
    assert (read_picture(tmp_path / "a.png") == 255 - RGB).all()


def test_failed_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Image.Image, path: str | Path, **options: object) -> None:
        Path(path).write_bytes(b"half")
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(Image.Image, "save", full)
    with pytest.raises(OutputError, match=r"a\.png cannot be written \(.*No space left"):
        write_picture(tmp_path / "a.png", RGB)
    assert not list(tmp_path.iterdir())


def test_an_interrupted_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(self: Path | Image.Image, path: str | Path, **options: object) -> None:
        name = self if isinstance(self, Path) else Path(path)
        name.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(Image.Image, "save", interrupted)
    monkeypatch.setattr(Path, "write_text", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_picture(tmp_path / "a.png", RGB)
    with pytest.raises(KeyboardInterrupt):
        write_whole(tmp_path / "a.json", "{}", overwrite=False)
    assert not list(tmp_path.iterdir())


def test_finding_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "deep").mkdir()
    for name in ("b.png", "a.JPG", "c[1].webp", "deep/d.png"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "notes.txt").touch()
    names = ["a.JPG", "b.png", "c[1].webp"]
    assert [path.name for path in find_pictures(tmp_path)] == names
    assert find_pictures(str(tmp_path / "c[1].webp")) == [tmp_path / "c[1].webp"]
    assert [path.name for path in find_pictures(f"{tmp_path}/*.*")] == names
    assert [path.name for path in find_pictures(f"{tmp_path}/**/*.png")] == ["b.png", "d.png"]
    monkeypatch.chdir(tmp_path)
    assert find_pictures("deep/*.png") == [Path("deep/d.png")]
    with pytest.raises(MissingInputError, match=r"There is no file or folder no\.png"):
        find_pictures("no.png")
    with pytest.raises(InputError, match=r"No picture was found in \*\.gif\. Looked for: \.png"):
        find_pictures("*.gif")
