"""The quality benchmark: darkening against hand computation, and a small run of the embedded translation."""

import json
from pathlib import Path

import av
import numpy as np
import pytest
from bench.quality_material import SIZE, darken, gamma_for, render_material
from quality import quality

from onestep.errors import UnknownNameError
from onestep.runtime.pictures import read_picture, write_picture


def test_gamma_by_hand() -> None:
    levels = np.zeros(256)
    levels[128] = 1.0
    assert 255 * (128 / 255) ** gamma_for(levels, 64.0) == pytest.approx(64.0, abs=1e-6)
    assert gamma_for(levels, 128.0) == pytest.approx(1.0)


def test_darkened_pictures_have_the_mean_level_of_the_others(tmp_path: Path) -> None:
    ramp = np.broadcast_to(np.arange(64, dtype=np.uint8)[None, :, None] * 4, (32, 64, 3))
    write_picture(tmp_path / "day.png", np.ascontiguousarray(ramp))
    write_picture(tmp_path / "night.png", np.full((32, 64, 3), 40, np.uint8))
    darken([tmp_path / "day.png"], [tmp_path / "night.png"], tmp_path / "dark")
    dark = read_picture(tmp_path / "dark" / "day.png")
    assert dark.mean() == pytest.approx(40.0, abs=0.5)
    assert (np.diff(dark[0, :, 0].astype(int)) >= 0).all()


def test_what_cannot_be_rendered_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="edge2image"):
        render_material(tmp_path / "material", "edge2image", scenes=2, seconds=0.2)
    assert not (tmp_path / "material").exists()


def test_the_embedded_translation_is_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    quality(tmp_path, domain=["day2night"], scenes=4, seconds=0.4)
    folder = tmp_path / "day2night"
    text = (tmp_path / "quality.md").read_text()
    assert text == capsys.readouterr().out.split("\n", 2)[2].removesuffix("\n")
    rows = {line.split("|")[1].strip() for line in text.splitlines() if line.startswith("| ")}
    assert rows >= {"day2night", "gamma", "known-result", "copy-input", "reinhard"}
    found = json.loads((folder / "rendered" / "evaluation.json").read_text())
    known = {row["name"]: row["figures"]["st_lpips"]["value"] for row in found["rows"] if "st_lpips" in row["figures"]}
    assert known["day2night"] < known["copy-input"]
    assert all(Path(picture["outputs"]["day2night"]).is_file() for picture in found["pictures"])
    assert (folder / "rendered" / "sheet.png").is_file()
    with av.open(str(folder / "drive" / "side-by-side.mp4")) as clip:
        assert (clip.streams.video[0].width, clip.streams.video[0].height) == (2 * SIZE.width, SIZE.height)
