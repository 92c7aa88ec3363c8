"""What there is to measure: inputs with their outputs on disk, and what making them showed."""

from dataclasses import dataclass, field
from pathlib import Path

from onestep.errors import InputError
from onestep.evaluation.inputs import InputPicture, matched, pictures_by_stem, readable
from onestep.evaluation.progress import Stages
from onestep.evaluation.request import Request
from onestep.evaluation.results import Clip
from onestep.evaluation.translate import session_options, translate_pictures
from onestep.evaluation.translators import Translator
from onestep.evaluation.video_findings import VideoFindings
from onestep.frame_size import FrameSize


@dataclass
class Material:
    """Inputs and, by translator, what came of them."""

    pictures: list[InputPicture]
    outputs: dict[str, dict[str, Path]]
    """Files by translator and by name of the input."""
    latencies_ms: dict[str, list[float]] = field(default_factory=dict)
    """By translator that ran here."""
    videos: dict[str, VideoFindings] = field(default_factory=dict)
    """By row: of each translator, and of the input itself."""
    clips: list[Clip] = field(default_factory=list)


def picture_material(
    request: Request, translators: list[Translator], folder: Path, notes: list[str], stages: Stages
) -> Material:
    """Pair the inputs with the truth and with results made elsewhere, and run the bundles over them.

    Only pictures that every folder of results has are measured, so that the rows can be compared.

    Raises:
        InputError: Nothing can be read, or the folders have nothing in common.
    """
    from onestep.evaluation.networks.st_lpips import MIN_SIDE_PX

    found = pictures_by_stem(request.inputs, "--inputs")
    made = {
        translator.name: pictures_by_stem(translator.made, f"--outputs {translator.made}")
        for translator in translators
        if translator.made is not None
    }
    names = set(found)
    for row, files in made.items():
        names &= matched(found, files, f"--outputs ({row})", notes)
    if not names:
        raise InputError("The folders of --outputs have no input in common with each other. Evaluate one at a time.")
    with stages("read the inputs", "pictures") as tell:
        wanted = {name: path for name, path in found.items() if name in names}
        sizes = readable(wanted, "--inputs", notes, tell, least_px=MIN_SIDE_PX)
    for row, files in made.items():
        readable_here = _readable_beside(sizes, files, f"--outputs ({row})", notes, stages)
        sizes = {name: size for name, size in sizes.items() if name in readable_here}
    truth: dict[str, Path] = {}
    if request.truth is not None:
        files = pictures_by_stem(request.truth, "--truth")
        matched(sizes, files, "--truth", notes)
        truth = {name: files[name] for name in _readable_beside(sizes, files, "--truth", notes, stages)}
    pictures = [InputPicture(name, found[name], size, truth.get(name)) for name, size in sizes.items()]
    material = Material(pictures, {row: {name: files[name] for name in sizes} for row, files in made.items()})
    for translator in translators:
        if translator.bundle is not None:
            with stages(f"translate with {translator.name}", "pictures") as tell:
                files, latencies_ms = translate_pictures(
                    session_options(translator.bundle, request), pictures, folder / "outputs" / translator.name, tell
                )
            material.outputs[translator.name] = files
            material.latencies_ms[translator.name] = latencies_ms
    return material


def _readable_beside(
    sizes: dict[str, FrameSize], files: dict[str, Path], what: str, notes: list[str], stages: Stages
) -> set[str]:
    """Return the names of the inputs whose counterpart can be read; note counterparts of another size."""
    with stages(f"read {what}", "pictures") as tell:
        beside = readable({name: files[name] for name in sizes if name in files}, what, notes, tell)
    other = [name for name in beside if beside[name] != sizes[name]]
    if other:
        notes.append(
            f"{what}: {len(other)} of {len(beside)} pictures have another size than their inputs and are resized to it "
            f"(Lanczos) before they are measured, first {other[0]}: {beside[other[0]]} to {sizes[other[0]]}."
        )
    return set(beside)
