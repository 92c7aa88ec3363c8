"""New weights into a built engine, without building it again: which weights, and when not.

The prompt's keys and values and the timestep's projections are constants of the graph, folded with the LoRA, so new
weights come from a new export and never from a state dict. An engine takes them only if the new graph is the old one
with other numbers in it. Always the whole set is given: setting only what changed was seen not to restore the first
LoRA after a second (NVIDIA/TensorRT issue 3628).

`plan_refit` is pure and tested. `refit_plan` needs a GPU and was not run where it was written; TensorRT-RTX refuses
refittable builds without a GPU too.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import onnx
from onnx import NodeProto, TensorProto

from onestep.errors import EngineBuildError
from onestep.exporter.engines.adapted_graph import adapted_graph
from onestep.tensorrt_library import TensorRtLibrary, collecting_logger

_ADVICE = "An engine takes new weights only from a graph of the same topology: build a new one with `onestep build`."


@dataclass(frozen=True)
class RefitPlan:
    """What a refit replaces."""

    names: tuple[str, ...]
    """Every weight of the graph, in its order."""
    parameters: int


def plan_refit(built: Path, given: Path) -> RefitPlan:
    """Return the weights to replace, or refuse.

    Args:
        built: The ONNX file that the engine was built from.
        given: The new one, exported in the same precision and for the same sizes.

    Raises:
        EngineBuildError: The graphs differ in more than their weights' values; the message names the first difference.
    """
    old, new = (onnx.load(str(path), load_external_data=False) for path in (built, given))
    _check_border(old, new)
    _check_nodes(old.graph.node, new.graph.node)
    _check_weights(old.graph.initializer, new.graph.initializer)
    return RefitPlan(
        names=tuple(tensor.name for tensor in new.graph.initializer),
        parameters=sum(_size(tensor) for tensor in new.graph.initializer),
    )


def refit_plan(
    library: TensorRtLibrary, plan: bytes, given: Path, wanted: RefitPlan, *, trusted_host_code: bool = False
) -> bytes:
    """Return a plan with the weights of a new graph. Not run on a GPU where it was written.

    Args:
        library: That built the plan.
        plan: The serialised engine, built refittable.
        given: The new graph's file.
        wanted: From `plan_refit`.
        trusted_host_code: Whether the plan is version compatible and so brings its own runtime.

    Raises:
        EngineBuildError: The engine is not refittable, a weight has no place in it, or one was not set.
        MissingExtraError: The library is not installed.
    """
    trt = library.load(purpose="replace an engine's weights")
    logger = collecting_logger(trt)
    runtime = trt.Runtime(logger)
    runtime.engine_host_code_allowed = trusted_host_code
    engine = runtime.deserialize_cuda_engine(plan)
    if engine is None or not engine.refittable:
        reason = "; ".join(logger.errors) or "it was built without --refittable"
        raise EngineBuildError(f"The engine's weights cannot be replaced: {reason}. {_ADVICE}")
    refitter = trt.Refitter(engine, logger)
    parser = trt.OnnxParserRefitter(refitter, logger)
    done = parser.refit_from_bytes(adapted_graph(given).SerializeToString(), str(given))
    missing = list(refitter.get_missing_weights())
    if not done or missing or not refitter.refit_cuda_engine():
        raise EngineBuildError(
            f"Of {len(wanted.names)} weights {len(missing)} were not replaced ({', '.join(missing[:3])}); "
            f"{'; '.join(logger.errors) or 'the library gave no reason'}. {_ADVICE}"
        )
    return _serialised(trt, engine)


def _serialised(trt: Any, engine: Any) -> bytes:
    """Return a refitted engine with its weights in it, to be refitted again."""
    config = engine.create_serialization_config()
    config.clear_flag(trt.SerializationFlag.EXCLUDE_WEIGHTS)
    if hasattr(trt.SerializationFlag, "INCLUDE_REFIT"):  # not before TensorRT 10.14
        config.set_flag(trt.SerializationFlag.INCLUDE_REFIT)
    return bytes(engine.serialize_with_config(config))


def _check_border(old: onnx.ModelProto, new: onnx.ModelProto) -> None:
    for what in ("input", "output"):
        before, after = ([value.SerializeToString() for value in getattr(model.graph, what)] for model in (old, new))
        if before != after:
            raise EngineBuildError(f"The new graph's {what} has another name, type or size than before. {_ADVICE}")


def _check_nodes(old: Iterable[NodeProto], new: Iterable[NodeProto]) -> None:
    for index, (before, after) in enumerate(zip_longest(old, new)):
        if before is None or after is None:
            longer = "new" if before is None else "engine's"
            raise EngineBuildError(f"The {longer} graph goes on after node {index} where the other ends. {_ADVICE}")
        if _structure(before) != _structure(after):
            raise EngineBuildError(
                f"Node {index} is {after.op_type} {after.name!r} in the new graph and {before.op_type} {before.name!r} "
                f"in the engine's, or is connected or set otherwise. {_ADVICE}"
            )


def _structure(node: NodeProto) -> tuple[str, tuple[str, ...], tuple[str, ...], tuple[bytes, ...]]:
    attributes = sorted(attribute.SerializeToString() for attribute in node.attribute)
    return node.op_type, tuple(node.input), tuple(node.output), tuple(attributes)


def _check_weights(old: Iterable[TensorProto], new: Iterable[TensorProto]) -> None:
    before, after = ({tensor.name: _shape(tensor) for tensor in tensors} for tensors in (old, new))
    if lost := sorted(before.keys() - after.keys()):
        raise EngineBuildError(f"The new graph lacks {len(lost)} of the engine's weights: {lost[0]} … {_ADVICE}")
    if added := sorted(after.keys() - before.keys()):
        raise EngineBuildError(f"The new graph has {len(added)} weights that the engine lacks: {added[0]} … {_ADVICE}")
    for name, shape in after.items():
        if shape != before[name]:
            raise EngineBuildError(
                f"The weight {name} is {_text(shape)} in the new graph and {_text(before[name])} in the engine's. "
                f"{_ADVICE}"
            )


def _shape(tensor: TensorProto) -> tuple[int, tuple[int, ...]]:
    return tensor.data_type, tuple(tensor.dims)


def _text(shape: tuple[int, tuple[int, ...]]) -> str:
    return f"{TensorProto.DataType.Name(shape[0]).lower()} {list(shape[1])}"


def _size(tensor: TensorProto) -> int:
    count = 1
    for length in tensor.dims:
        count *= length
    return count
