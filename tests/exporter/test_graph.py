"""The graph: bytes in, bytes out, nothing left to compute that does not depend on the frame."""

from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray

from onestep.errors import ExportError
from onestep.exporter.frame_module import FrameToFrame
from onestep.exporter.graph import FoldedGraph, graph_from_module, nodes_without_frame, tensor_specs, write_graph
from onestep.exporter.precision import compute_in_float32, generator_in
from onestep.frame_size import FrameSize
from onestep.training.folder import PackedGenerator

SIZE = FrameSize(96, 64)


@pytest.fixture(scope="module")
def module(packed: PackedGenerator) -> FrameToFrame:
    return FrameToFrame(packed.generator, packed.base.prompt_embedding(packed.card.prompt)).eval()


@pytest.fixture(scope="module")
def free_graph(module: FrameToFrame) -> FoldedGraph:
    """A graph whose preferred size is the smallest there is, which torch would take for the only one."""
    return graph_from_module(module, size=FrameSize(32, 32), free=True)


@pytest.fixture(scope="module")
def half_graph(packed: PackedGenerator, module: FrameToFrame) -> FoldedGraph:
    half = FrameToFrame(generator_in("fp16", packed.generator), module.prompt_embedding.half()).eval()
    return graph_from_module(half, size=SIZE, free=False)


@pytest.fixture(scope="module")
def graph_path(free_graph: FoldedGraph, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("graph") / "generator.onnx"
    write_graph(free_graph.model, path, metadata={"domain": "day2night"})
    return path


def frame(size: FrameSize) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (1, size.height, size.width, 3), dtype=np.uint8)


def run(path: Path, given: NDArray[np.uint8]) -> NDArray[np.uint8]:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    result: NDArray[np.uint8] = session.run(None, {"frame": given})[0]
    return result


@pytest.mark.parametrize("size", [SIZE, FrameSize(32, 32), FrameSize(160, 96)])
def test_a_free_graph_computes_what_torch_computes_at_each_size(
    module: FrameToFrame, graph_path: Path, size: FrameSize
) -> None:
    given = frame(size)
    with torch.no_grad():
        expected = module(torch.from_numpy(given)).numpy()
    difference = np.abs(run(graph_path, given).astype(int) - expected)
    assert difference.max() <= 1
    assert expected.std() > 10, "a constant picture would prove nothing"


def test_nothing_is_left_that_does_not_depend_on_the_frame(free_graph: FoldedGraph, half_graph: FoldedGraph) -> None:
    for graph in (free_graph, half_graph):
        assert nodes_without_frame(graph.model) == []
        assert graph.after.nodes < graph.before.nodes
        assert graph.after.parameters < graph.before.parameters


def test_the_prompts_keys_and_values_are_folded(packed: PackedGenerator, free_graph: FoldedGraph) -> None:
    unet = packed.generator.unet
    folded = [name for name, _ in unet.named_parameters() if "attn2.to_k" in name or "attn2.to_v" in name]
    assert folded
    names = " ".join(free_graph.model.graph.initializers)
    assert not [name for name in folded if name in names]
    assert "time_embedding" not in names


def test_the_border_is_bytes_with_named_free_sides(free_graph: FoldedGraph, half_graph: FoldedGraph) -> None:
    (given,), (result,) = tensor_specs(free_graph.model)
    assert (given.name, given.dtype, given.shape) == ("frame", "uint8", [1, "height", "width", 3])
    assert (result.name, result.dtype, result.shape) == ("translated", "uint8", [1, "height", "width", 3])
    (given,), (result,) = tensor_specs(half_graph.model)
    assert given.shape == result.shape == [1, 64, 96, 3]


def test_all_weights_are_external_and_metadata_is_written(graph_path: Path) -> None:
    assert sorted(path.name for path in graph_path.parent.iterdir()) == ["generator.onnx", "generator.onnx.data"]
    model = onnx.load(str(graph_path), load_external_data=False)
    large = [tensor for tensor in model.graph.initializer if len(tensor.raw_data) > 256]
    assert large == []
    assert {entry.key: entry.value for entry in model.metadata_props}["domain"] == "day2night"
    assert str(Path(__file__).parents[2]).encode() not in graph_path.read_bytes(), "no trace of the exporting machine"


def test_a_half_graph_is_half_but_for_the_last_layer_and_the_step(half_graph: FoldedGraph, tmp_path: Path) -> None:
    write_graph(half_graph.model, tmp_path / "half.onnx", metadata={})
    model = onnx.shape_inference.infer_shapes(onnx.load(str(tmp_path / "half.onnx")))
    types = {value.name: value.type.tensor_type.elem_type for value in model.graph.value_info}
    convolutions = Counter(types.get(node.output[0]) for node in model.graph.node if node.op_type == "Conv")
    assert convolutions[onnx.TensorProto.FLOAT] == 1
    assert convolutions[onnx.TensorProto.FLOAT16] == sum(convolutions.values()) - 1 > 50
    products = Counter(types.get(node.output[0]) for node in model.graph.node if node.op_type == "MatMul")
    assert set(products) == {onnx.TensorProto.FLOAT16}


def test_an_island_computes_in_float32() -> None:
    inner = torch.nn.Linear(4, 4)
    given = torch.randn(2, 4).half()
    expected = inner(given.float())
    compute_in_float32(inner, result_dtype=None)
    assert torch.equal(inner(given), expected)
    compute_in_float32(inner, result_dtype=torch.float16)
    assert torch.equal(inner(given), expected.half())


def test_conversion_leaves_the_original_alone(packed: PackedGenerator) -> None:
    converted = generator_in("fp16", packed.generator)
    assert next(converted.parameters()).dtype == torch.float16
    assert {parameter.dtype for parameter in packed.generator.parameters()} == {torch.float32}


def test_a_graph_with_another_border_is_refused(half_graph: FoldedGraph) -> None:
    (output,) = half_graph.model.graph.outputs
    output.name = "something"
    try:
        with pytest.raises(ExportError, match="should have one tensor 'translated'"):
            tensor_specs(half_graph.model)
    finally:
        output.name = "translated"
