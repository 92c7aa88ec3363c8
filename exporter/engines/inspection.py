"""What the finished engine says about its own layers, on a machine with a GPU.

Reading an engine needs a driver, so this was not run where it was written: the keys of the JSON are those of NVIDIA's
documentation (`Layers`, `LayerType`, `Inputs`, and `Format/Datatype`, which TensorRT 11 split into two).
"""

import json
from typing import Any

from onestep.exporter.engines.network import ParsedNetwork
from onestep.exporter.engines.precision_proof import Counts

_OPERATIONS = (("conv", "convolution"), ("gemm", "matrix product"), ("matmul", "matrix product"))


def inspected_counts(parsed: ParsedNetwork, plan: bytes, *, trusted_host_code: bool) -> Counts | None:
    """Count the engine's convolutions and matrix products by the dtype that they take, over all of its profiles.

    Args:
        parsed: Holds the library.
        plan: The serialised engine.
        trusted_host_code: Whether the plan brings its own runtime, which must be allowed to run.

    Returns:
        The counts; None where this machine cannot read the engine, as without a driver, or where what the inspector
        says tells no dtype of any of them.
    """
    runtime = parsed.trt.Runtime(parsed.logger)
    runtime.engine_host_code_allowed = trusted_host_code
    engine = runtime.deserialize_cuda_engine(plan)
    if engine is None:
        return None
    text = engine.create_engine_inspector().get_engine_information(parsed.trt.LayerInformationFormat.JSON)
    return telling_counts(text)


def telling_counts(text: str) -> Counts | None:
    """Count the layers of the inspector's JSON; None where it is none, or tells no dtype of a convolution or product.

    Args:
        text: What the inspector said.
    """
    try:
        information = json.loads(text)
    except ValueError:
        return None
    counts = counts_from_information(information) if isinstance(information, dict) else {}
    known = {dtype for by_dtype in counts.values() for dtype in by_dtype}
    return counts if known & {"float16", "float32"} else None


def counts_from_information(information: dict[str, Any]) -> Counts:
    """Count the layers of the inspector's JSON.

    Args:
        information: With a list `Layers` of objects.
    """
    counts: Counts = {}
    for layer in information.get("Layers", []):
        operation = _operation(layer) if isinstance(layer, dict) else None
        if operation is None:
            continue
        by_dtype = counts.setdefault(operation, {})
        dtype = _dtype(layer)
        by_dtype[dtype] = by_dtype.get(dtype, 0) + 1
    return counts


def _operation(layer: dict[str, Any]) -> str | None:
    kind = f"{layer.get('LayerType', '')} {layer.get('TacticName', '')}".lower()
    return next((operation for mark, operation in _OPERATIONS if mark in kind), None)


def _dtype(layer: dict[str, Any]) -> str:
    first: dict[str, Any] = next(iter(layer.get("Inputs", [])), {})
    text = f"{first.get('Datatype', '')} {first.get('DataType', '')} {first.get('Format/Datatype', '')}".lower()
    if "half" in text or "fp16" in text or "float16" in text:
        return "float16"
    return "float32" if "float" in text or "fp32" in text else "other"
