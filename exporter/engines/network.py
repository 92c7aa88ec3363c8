"""A bundle's graph parsed into a strongly typed TensorRT network."""

from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import onnx

from onestep.errors import EngineBuildError
from onestep.tensorrt_library import TensorRtLibrary, collecting_logger


@dataclass(frozen=True)
class ParsedNetwork:
    """A network and what must live as long as it does."""

    library: TensorRtLibrary
    trt: ModuleType
    """The module `tensorrt` or `tensorrt_rtx`."""
    logger: Any
    builder: Any
    network: Any
    parser: Any
    """Holds the weights that the network points to."""

    def reasons(self) -> str:
        """Return what the library logged as errors, for the end of a message."""
        return "; ".join(line.strip() for line in dict.fromkeys(self.logger.errors)) or "it gave no reason"

    def layers(self) -> list[Any]:
        """Return all layers in their order."""
        return [self.network.get_layer(index) for index in range(self.network.num_layers)]


def parsed_network(library: TensorRtLibrary, model: onnx.ModelProto, path: Path) -> ParsedNetwork:
    """Parse a graph into a network whose types are the graph's own.

    Args:
        library: Which of the two libraries.
        model: The graph, its weights external.
        path: The file that the graph came from; the weights' places are relative to it.

    Raises:
        EngineBuildError: The library takes an operator or a type of the graph not, or finds no GPU where it needs one.
        MissingExtraError: The library is not installed.
    """
    trt = library.load(purpose="build an engine")
    logger = collecting_logger(trt)
    builder = _builder(library, trt, logger)
    network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = trt.OnnxParser(network, logger)
    if not parser.parse(model.SerializeToString(), str(path)):
        errors = "; ".join(str(parser.get_error(index)) for index in range(parser.num_errors))
        raise EngineBuildError(
            f"{library.name} {trt.__version__} does not take {path}: {errors or 'it gave no reason'}. This is a defect "
            "of the exporter or of the library: please report it with the bundle."
        )
    return ParsedNetwork(library, trt, logger, builder, network, parser)


def _builder(library: TensorRtLibrary, trt: ModuleType, logger: Any) -> Any:
    """Make the builder, which is no object but None, and therefore a TypeError, where `tensorrt` finds no GPU."""
    try:
        return trt.Builder(logger)
    except TypeError as err:
        raise EngineBuildError(
            f"{library.name} {trt.__version__} cannot build here: it needs an NVIDIA GPU and its driver while it "
            f"builds ({'; '.join(logger.errors) or err}). Build on the machine that will run the engine, or build with "
            "--backend tensorrt-rtx, which needs none."
        ) from err
