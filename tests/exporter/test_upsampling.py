"""A convolution of an upsampled picture, computed before the upsampling, is the same convolution."""

from collections import Counter
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
import pytest
import torch
import torch.nn.functional as F
from diffusers.models.upsampling import Upsample2D
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from onestep.exporter.frame_module import FrameToFrame
from onestep.exporter.graph import graph_from_module
from onestep.exporter.upsampling import convolve_before_upsampling, split_kernel
from onestep.frame_size import FrameSize
from onestep.training.folder import PackedGenerator

NEAREST: dict[str, Any] = {
    "mode": "nearest",
    "coordinate_transformation_mode": "asymmetric",
    "nearest_mode": "floor",
}


def graph(
    *,
    scale: float = 2.0,
    resize: dict[str, Any] | None = None,
    kernel: int = 3,
    convolution: dict[str, Any] | None = None,
    second_reader: bool = False,
    dtype: type[np.floating[Any]] = np.float32,
) -> onnx.ModelProto:
    """Upsample `[1, 4, H, W]`, then convolve to `[1, 6, ?, ?]`."""
    random = np.random.default_rng(0)
    constants = {
        "scales": np.array([1, 1, scale, scale], np.float32),
        "kernel": random.standard_normal((6, 4, kernel, kernel)).astype(dtype),
        "bias": random.standard_normal(6).astype(dtype),
    }
    nodes = [
        helper.make_node("Resize", ["small", "", "scales"], ["large"], **{**NEAREST, **(resize or {})}),
        helper.make_node("Conv", ["large", "kernel", "bias"], ["result"], **(convolution or {"pads": [1] * 4})),
    ]
    element = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    outputs = [helper.make_tensor_value_info("result", element, [1, 6, None, None])]
    if second_reader:
        nodes.append(helper.make_node("Relu", ["large"], ["beside"]))
        outputs.append(helper.make_tensor_value_info("beside", element, [1, 4, None, None]))
    made = helper.make_graph(
        nodes,
        "upsample",
        [helper.make_tensor_value_info("small", element, [1, 4, "H", "W"])],
        outputs,
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


def results(model: onnx.ModelProto, small: NDArray[Any]) -> list[NDArray[Any]]:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    found: list[NDArray[Any]] = session.run(None, {"small": small})
    return found


def rewritten(model: onnx.ModelProto) -> tuple[int, onnx.ModelProto]:
    changed = ir.from_proto(model)
    count = convolve_before_upsampling(changed)
    return count, ir.to_proto(changed)


@pytest.mark.parametrize("shape", [(5, 7), (1, 1), (8, 2)])
def test_the_four_kernels_compute_the_convolution_of_the_large_picture(shape: tuple[int, int]) -> None:
    small = torch.randn(2, 4, *shape, dtype=torch.float64)
    kernel = torch.randn(6, 4, 3, 3)
    large = F.conv2d(F.interpolate(small, scale_factor=2.0), kernel.double(), padding=1)
    for (row, column), part in split_kernel(kernel.numpy()).items():
        padded = F.pad(small, (1 - column, column, 1 - row, row))
        found = F.conv2d(padded, torch.from_numpy(part).double())
        torch.testing.assert_close(found, large[:, :, row::2, column::2], rtol=0, atol=1e-5)


@pytest.mark.parametrize(("dtype", "allowed"), [(np.float32, 1e-5), (np.float16, 0.02)])
def test_the_graph_computes_the_same(dtype: type[np.floating[Any]], allowed: float) -> None:
    before = graph(dtype=dtype)
    count, after = rewritten(before)
    assert count == 1
    assert Counter(node.op_type for node in after.graph.node) == {"Conv": 4, "Concat": 1, "DepthToSpace": 1}
    assert {tensor.name for tensor in after.graph.initializer} == {
        *(f"kernel.{k}" for k in ("00", "01", "10", "11")),
        "bias",
    }
    onnx.checker.check_model(after, full_check=True)
    for height, width in ((5, 7), (1, 3)):
        small = np.random.default_rng(1).standard_normal((1, 4, height, width)).astype(dtype)
        (expected,), (found,) = results(before, small), results(after, small)
        assert found.shape == (1, 6, 2 * height, 2 * width)
        np.testing.assert_allclose(found.astype(np.float64), expected.astype(np.float64), atol=allowed)


@pytest.mark.parametrize(
    "other",
    [
        {"scale": 3.0},
        {"resize": {"mode": "linear"}},
        {"resize": {"coordinate_transformation_mode": "half_pixel", "nearest_mode": "round_prefer_ceil"}},
        {"kernel": 5, "convolution": {"pads": [2] * 4}},
        {"kernel": 1, "convolution": {"pads": [0] * 4}},
        {"convolution": {"pads": [0] * 4}},
        {"convolution": {"pads": [1] * 4, "strides": [2, 2]}},
        {"convolution": {"pads": [2] * 4, "dilations": [2, 2]}},
        {"second_reader": True},
    ],
)
def test_anything_else_stays_as_it_is(other: dict[str, Any]) -> None:
    before = graph(**other)
    count, after = rewritten(before)
    assert count == 0
    assert [node.op_type for node in after.graph.node] == [node.op_type for node in before.graph.node]


@pytest.mark.parametrize("free", [False, True])
def test_no_exported_graph_convolves_an_upsampled_picture(packed: PackedGenerator, free: bool) -> None:
    generator = packed.generator
    layers = [m for part in (generator.unet, generator.vae) for m in part.modules() if isinstance(m, Upsample2D)]
    module = FrameToFrame(generator, packed.base.prompt_embedding(packed.card.prompt)).eval()
    nodes = Counter(node.op_type for node in graph_from_module(module, size=FrameSize(96, 64), free=free).model.graph)
    assert layers
    assert nodes["Resize"] == 0
    assert nodes["DepthToSpace"] == len(layers)
