"""Everything that is measured on one output by itself: against its input, and against the truth."""

from onestep.evaluation.instruments import Instruments
from onestep.evaluation.measures.colour import ciede2000
from onestep.evaluation.measures.edges import edges_kept
from onestep.evaluation.measures.structure import keypoints_kept, structure_ssim
from onestep.evaluation.measures.truth import psnr, ssim
from onestep.evaluation.picture_view import PictureView

_STRUCTURE_DISTANCES = ("dino_structure",)


def input_measures(source: PictureView, output: PictureView, instruments: Instruments) -> dict[str, float]:
    """Measure an output against its input of the same size.

    Returns:
        Values by figure; NaN where the input has no edges or keypoints to keep.
    """
    values = {
        "edges_kept": edges_kept(source.rgb, output.rgb),
        "structure_ssim": structure_ssim(source.rgb, output.rgb),
        "keypoints_kept": keypoints_kept(source.rgb, output.rgb),
    }
    for name in instruments.distances:
        figure = name if name in _STRUCTURE_DISTANCES else f"{name}_to_input"
        values[figure] = output.distance_to(source, name)
    return values


def truth_measures(output: PictureView, truth: PictureView, instruments: Instruments) -> dict[str, float]:
    """Measure an output against the true picture of the same size. Returns values by figure."""
    values = {
        "psnr": psnr(output.rgb, truth.rgb),
        "ssim": ssim(output.rgb, truth.rgb),
        "ciede2000": ciede2000(output.rgb, truth.rgb),
    }
    for name in instruments.distances:
        if name not in _STRUCTURE_DISTANCES:
            values[name] = output.distance_to(truth, name)
    return values
