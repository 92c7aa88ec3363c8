"""A student's graph of free size beside the student itself."""

from pathlib import Path

import numpy as np
import onnxruntime
import torch

from onestep.exporter.frame_module import FrameToFrame
from onestep.exporter.graph import graph_from_module, write_graph
from onestep.frame_size import FrameSize
from onestep.training.students.folder import PackedStudent


def free_graph_difference(packed: PackedStudent, folder: Path, size: FrameSize) -> int:
    """Return by how many levels at most a graph traced at 64x48 differs from the student at another size.

    The student's own form is compared, image to image, not the one that the graph was traced from.
    """
    module = FrameToFrame(packed.generator, torch.zeros(1, 1, 1)).eval()
    folded = graph_from_module(module, size=FrameSize(64, 48), free=True)
    write_graph(folded.model, folder / "free.onnx", metadata={})
    frame = np.random.default_rng(0).integers(0, 256, (1, size.height, size.width, 3), dtype=np.uint8)
    session = onnxruntime.InferenceSession(str(folder / "free.onnx"), providers=["CPUExecutionProvider"])
    with torch.no_grad():
        translated = module.translate(module.image_from_frame(torch.from_numpy(frame)))
        expected = module.frame_from_image(translated).numpy().astype(int)
    return int(np.abs(session.run(None, {"frame": frame})[0] - expected).max())
