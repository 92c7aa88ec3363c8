"""Which pictures a command means, and which file each result goes to."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from onestep.errors import OutputError
from onestep.runtime.pictures import WRITE_SUFFIXES, find_pictures
from onestep.runtime.video.target import check_target


@dataclass(frozen=True)
class PictureJob:
    """One picture and the file that its translation goes to."""

    source: Path
    output: Path


def picture_jobs(source: str, output: Path | None, domain: str) -> list[PictureJob]:
    """Pair every picture that `source` names with its output.

    One picture `road.jpg` goes to `output`, or to `road.DOMAIN.jpg` in the current folder. Several keep their names and
    sub-folders inside the folder `output`, or `drive.DOMAIN` in the current folder where `drive` is the folder that
    holds them all. A suffix that cannot be written gets `.png` behind it.

    Args:
        source: A file, a folder, or a pattern such as `shots/*.png`.
        output: As the user gave it.
        domain: Name of the translation, for the names of outputs that the user did not give.

    Raises:
        InputError: There is no such picture.
    """
    pictures = find_pictures(source)
    if Path(source).expanduser().is_file():
        picture = pictures[0]
        named = output or _writable(Path(f"{picture.stem}.{domain}{picture.suffix}"))
        return [PictureJob(picture, named / _writable(Path(picture.name)) if named.is_dir() else named)]
    places = [Path(os.path.abspath(picture)) for picture in pictures]  # noqa: PTH100 - a link keeps its own name
    common = Path(os.path.commonpath([place.parent for place in places]))
    folder = output or Path(f"{common.name}.{domain}")
    names = [_writable(place.relative_to(common)) for place in places]
    return [PictureJob(picture, folder / name) for picture, name in zip(pictures, names, strict=True)]


def prepare_outputs(jobs: Sequence[PictureJob], *, overwrite: bool) -> None:
    """Make the folders of the outputs and check that every output can be written, before any work is done.

    Raises:
        OutputError: One cannot be written, exists and may not be overwritten, is the input, or is another one's.
    """
    _check_distinct(jobs)
    for job in jobs:
        _make_folder(job.output.parent)
        check_target(job.output, suffixes=WRITE_SUFFIXES, source=job.source, overwrite=overwrite)


def _check_distinct(jobs: Sequence[PictureJob]) -> None:
    source_of: dict[Path, Path] = {}
    for job in jobs:
        if job.output in source_of:
            raise OutputError(
                f"{source_of[job.output]} and {job.source} would both become {job.output}. Rename one of them, or "
                "translate them apart."
            )
        source_of[job.output] = job.source


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as err:
        raise OutputError(
            f"The folder {folder} for the pictures cannot be made ({err.strerror}). Choose another one with -o."
        ) from err


def _writable(name: Path) -> Path:
    return name if name.suffix.lower() in WRITE_SUFFIXES else name.with_name(f"{name.name}.png")
