"""The evaluations that a translation goes through: rendered views, a rendered drive, real footage."""

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from bench.quality_asked import Footage
from bench.quality_baselines import colours_of, darken, darken_video
from bench.quality_figures import with_figures, with_ratio
from bench.quality_gap import gap_figures
from bench.quality_material import QualityMaterial
from bench.quality_steadiness import KNOWN_FLOW, TRUTH, Method, known_flow_figures
from onestep.bundle import Bundle
from onestep.evaluation.inputs import is_video
from onestep.evaluation.measures.reinhard import reinhard
from onestep.evaluation.progress import Stages
from onestep.evaluation.request import Request
from onestep.evaluation.results import Evaluation
from onestep.evaluation.translate import session_options
from onestep.evaluation.translators import COPY_INPUT, REINHARD
from onestep.frame_size import FrameSize
from onestep.runtime.pictures import find_pictures, read_picture
from onestep.runtime.session import open_session

Further = Callable[[Evaluation, Stages], Evaluation]

_LICENCE: Final = "rendered by this project, MIT"
_OVER_TRUTH: Final = "Warp error along the known motion over that of the truth; aim: at most 1.3."
_OVER_TRANSFER: Final = "ST-LPIPS over that of Reinhard's colour transfer to other scenes' colours; aim: at most 0.5."


def _nothing_further(result: Evaluation, _stages: Stages) -> Evaluation:
    return result


@dataclass(frozen=True)
class Part:
    """One evaluation of a translation."""

    name: str
    request: Request
    sheet: tuple[str, ...]
    """Rows whose pictures are drawn."""
    further: Further = _nothing_further
    """Adds the figures that only this benchmark has."""


def parts_of(bundle: Bundle, material: QualityMaterial, real: Footage | None) -> Iterator[Part]:
    """Say what is measured; darkened footage is made on the way, beside the material.

    Args:
        bundle: The translation.
        material: What was rendered for it.
        real: Real footage; None where there is none.
    """
    plain = Request(
        inputs=str(material.inputs),
        bundles=(bundle,),
        data_licence=_LICENCE,
        command="python " + " ".join(sys.argv),
    )
    shown = (bundle.manifest.domain, material.gamma.stem, REINHARD)
    views = replace(
        plain,
        outputs=(material.gamma, material.oracle),
        truth=material.truth,
        targets=material.targets,
        title="Rendered views",
    )
    yield Part("rendered", views, shown, lambda result, stages: _with_known_results(result, material, views, stages))
    known = (material.known_result, material.gamma_drive)
    drive = replace(plain, inputs=str(material.drive), outputs=known, title="A rendered drive")
    yield Part("drive", drive, (bundle.manifest.domain, material.known_result.stem))
    if real is not None:
        darkened = _darkened_footage(material, real)
        targets = real.photos or material.targets
        footage = replace(plain, inputs=real.inputs, outputs=(darkened,), targets=targets, title="Real footage")
        with_gap: Further = lambda result, stages: _with_gap(result, real.readable_photos, stages)  # noqa: E731
        yield Part("footage", replace(footage, data_licence="own"), shown, with_gap)


def _darkened_footage(material: QualityMaterial, real: Footage) -> Path:
    """Darken the footage to the mean level of the photos, or without any of the rendered targets."""
    like = real.readable_photos or find_pictures(material.targets)
    made = material.folder.parent / "footage-darkened"
    if is_video(real.inputs):
        darken_video(Path(real.inputs).expanduser(), like, made / material.gamma_drive.name)
        return made / material.gamma_drive.name
    darken(find_pictures(real.inputs), like, made / material.gamma.name)
    return made / material.gamma.name


def _with_known_results(result: Evaluation, material: QualityMaterial, request: Request, stages: Stages) -> Evaluation:
    """Add what only rendered views can tell: the warp error along their motion, and ratios to transfer and truth."""
    translator, colours = request.bundles[0], colours_of(find_pictures(material.targets))
    row, first = translator.manifest.domain, read_picture(find_pictures(material.inputs)[0])
    size = FrameSize(first.shape[1], first.shape[0])
    with (
        open_session(session_options(translator, request), source_size=size) as session,
        stages("measure along the known motion", "views") as tell,
    ):
        methods: dict[str, Method] = {
            row: session,
            COPY_INPUT: lambda rgb: rgb,
            REINHARD: lambda rgb: reinhard(rgb, colours),
        }
        result = with_figures(result, known_flow_figures(material, methods, tell))
    result = with_ratio(result, row, KNOWN_FLOW, over=TRUTH, name="warp_error_over_truth", definition=_OVER_TRUTH)
    result = with_ratio(
        result, row, "st_lpips", over=REINHARD, name="st_lpips_over_transfer", definition=_OVER_TRANSFER
    )
    return _with_gap(result, find_pictures(material.targets), stages)


def _with_gap(result: Evaluation, photos: Sequence[Path], stages: Stages) -> Evaluation:
    """Add the gap to pictures of the condition that each row closes, where there are such pictures."""
    if not photos:
        return result
    with stages("measure the gap that is closed", "pictures") as tell:
        return with_figures(result, gap_figures(result.pictures, photos, tell))
