"""The generator as the graph will have it: bytes in, bytes out (contract 2)."""

import torch
from torch import Tensor, nn

from onestep.exporter.student_frames import translate_frame
from onestep.training.students.edges import StudentEdges
from onestep.training.students.generator import AnyGenerator, StudentGenerator


class FrameToFrame(nn.Module):
    """Wrap a generator with normalisation, layout and quantisation, its prompt a constant.

    A student has a form of its own for that (`student_frames`), with the weights that it has when this is made.
    `translate` is the generator's own form: comparing the two proves the other.

    Args:
        generator: The generator, in the precision that the graph shall have.
        prompt_embedding: `[1, T, D]`, becomes a constant of the graph.
    """

    prompt_embedding: Tensor

    def __init__(self, generator: AnyGenerator, prompt_embedding: Tensor) -> None:
        super().__init__()
        self.generator = generator
        self.register_buffer("prompt_embedding", prompt_embedding)
        self.edges = StudentEdges(generator.student) if isinstance(generator, StudentGenerator) else None

    def forward(self, frame: Tensor, *extra: Tensor) -> Tensor:
        """Translate one frame.

        Args:
            frame: `[1, H, W, 3] uint8`, RGB.
            extra: What the generator takes beside the image (`extra_inputs`).

        Returns:
            The same, translated.
        """
        if isinstance(self.generator, StudentGenerator) and self.edges is not None:
            return translate_frame(self.generator, self.edges, frame)
        return self.frame_from_image(self.translate(self.image_from_frame(frame), *extra))

    def image_from_frame(self, frame: Tensor) -> Tensor:
        """Turn `[1, H, W, 3] uint8` into `[1, 3, H, W]` in [-1, 1] of the network's dtype."""
        return (frame.permute(0, 3, 1, 2).float() / 127.5 - 1.0).to(self.prompt_embedding.dtype)

    def translate(self, image: Tensor, *extra: Tensor) -> Tensor:
        """Apply the generator to `[1, 3, H, W]` in [-1, 1]."""
        translated: Tensor = self.generator(image, self.prompt_embedding, *extra)
        return translated

    @staticmethod
    def frame_from_image(image: Tensor) -> Tensor:
        """Turn `[1, 3, H, W]` in [-1, 1] into `[1, H, W, 3] uint8`, rounded to the nearest level."""
        levels = torch.round(image.float() * 127.5 + 127.5).clamp(0.0, 255.0)
        return levels.to(torch.uint8).permute(0, 2, 3, 1)
