"""A student out of its bundle: its graph holds its weights under their own names, so one file is enough."""

from itertools import count, takewhile
from pathlib import Path

import onnx
import torch
from onnx import numpy_helper
from torch import Tensor

from onestep.bundle import open_bundle
from onestep.bundle.manifest import Manifest
from onestep.errors import GeneratorError
from onestep.training.students.edges import unsorted
from onestep.training.students.folder import PackedStudent, StudentCard, packed_student
from onestep.training.students.network import StudentNetwork, StudentShape

LEARNT_FROM_KEY = "learnt_from"
"""Of the graph's metadata: the card's `data`."""
STREAKS_KEY = "streaks"
"""Of the graph's metadata: the card's `streaks`."""
_STUDENT, _EDGES = "generator.student.", "edges."
"""How the graph's names of weights begin: attributes of `exporter.frame_module.FrameToFrame`."""


def student_from_bundle(folder: str | Path) -> PackedStudent:
    """Load the student that a bundle was exported from, in float32 and eval mode.

    Raises:
        BundleError: No bundle there, or damaged.
        GeneratorError: The bundle is of another network, or its weights are not the student's any more.
    """
    bundle = open_bundle(folder)
    refusal = GeneratorError(
        f"{bundle.path} is a bundle of {bundle.manifest.base} in {bundle.manifest.precision}, and holds no student's "
        "weights as they were trained. Name the generator's own folder, or a student's fp32 bundle of this version of "
        "onestep."
    )
    if bundle.manifest.precision != "fp32":
        raise refusal
    model = onnx.load(str(bundle.graph_path))
    try:
        weights = _named(_STUDENT, model) | unsorted(_named(_EDGES, model))
        student = StudentNetwork.of_shape(_shape(weights, smooth=_interpolates(model)))
        student.load_state_dict(weights)
    except (KeyError, RuntimeError) as err:
        raise refusal from err
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    return packed_student(student, _card(bundle.manifest, metadata))


def _named(prefix: str, model: onnx.ModelProto) -> dict[str, Tensor]:
    """Return the graph's weights whose names begin so, without that beginning."""
    return {
        tensor.name.removeprefix(prefix): torch.from_numpy(numpy_helper.to_array(tensor).astype("float32"))
        for tensor in model.graph.initializer
        if tensor.name.startswith(prefix)
    }


def _shape(weights: dict[str, Tensor], *, smooth: bool) -> StudentShape:
    """Read off the names and shapes of the weights how large their student is; raises KeyError if they are none's."""
    widths = [weights["stem.weight"].shape[0]]
    widths += [weights[name].shape[0] for name in _numbered("shrink.{}.weight", weights)]
    return StudentShape(
        widths=tuple(widths),
        down_blocks=tuple(_blocks(f"down.{level}", weights) for level in range(len(widths))),
        up_blocks=tuple(_blocks(f"up.{level}.blocks", weights) for level in range(len(widths) - 1)),
        sees_place=weights["stem.weight"].shape[1] > 3,
        smooth=smooth,
    )


def _interpolates(model: onnx.ModelProto) -> bool:
    """Return whether any of the graph's levels is interpolated on its way up; others repeat pixels."""
    resized = (node for node in model.graph.node if node.op_type == "Resize")
    modes = {attribute.s for node in resized for attribute in node.attribute if attribute.name == "mode"}
    return b"linear" in modes


def _blocks(name: str, weights: dict[str, Tensor]) -> int:
    return len(_numbered(name + ".{}.first.weight", weights))


def _numbered(pattern: str, weights: dict[str, Tensor]) -> list[str]:
    """Return the names that are there, from number 0 on."""
    return list(takewhile(weights.__contains__, map(pattern.format, count())))


def _card(manifest: Manifest, metadata: dict[str, str]) -> StudentCard:
    preferred = manifest.frame.preferred
    return StudentCard(
        domain=manifest.domain,
        direction=manifest.direction,
        prompt=manifest.prompt,
        base=manifest.base,
        base_licence=manifest.licences.base,
        checkpoint_licence=manifest.licences.checkpoint,
        preferred_size=(preferred.width, preferred.height),
        data=metadata.get(LEARNT_FROM_KEY, "not said in its bundle"),
        streaks=float(metadata.get(STREAKS_KEY, 0.0)),
    )
