"""A student where a generator is expected: the same call, one prompt, which it learnt and need not be told."""

from typing import cast

import torch
from torch import Tensor, nn

from onestep.errors import SettingError
from onestep.training.generator import GeneratorNetwork
from onestep.training.students.network import StudentNetwork
from onestep.training.students.streaks import Streaks


class StudentGenerator(nn.Module):
    """A student with a generator's call.

    Args:
        student: The network.
        streaks: Density of the rain in front of its results, 1 is heavy; 0 is none.
    """

    def __init__(self, student: StudentNetwork, streaks: float = 0.0) -> None:
        super().__init__()
        self.student = student
        self.streaks = Streaks(streaks) if streaks else None

    @property
    def frame_multiple(self) -> int:
        """Width and height of an image must be multiples of this many pixels."""
        return self.student.frame_multiple

    def forward(self, image: Tensor, prompt_embedding: Tensor) -> Tensor:
        """Translate a batch of images.

        Args:
            image: `[B, 3, H, W]` in [-1, 1], RGB, H and W multiples of `frame_multiple`.
            prompt_embedding: Not read: the prompt is in the weights.

        Returns:
            `[B, 3, H, W]` in [-1, 1], RGB.
        """
        translated: Tensor = self.student(image)
        return translated if self.streaks is None else cast(Tensor, self.streaks(translated, image))


AnyGenerator = GeneratorNetwork | StudentGenerator
"""What can be exported."""


class LearntPrompt:
    """Stands where a generator has its base with the text encoder: a student knows one prompt only.

    Args:
        prompt: The prompt of its teacher.
    """

    def __init__(self, prompt: str) -> None:
        self.prompt = prompt

    def prompt_embedding(self, prompt: str) -> Tensor:
        """Return the embedding that a student is called with, which holds nothing: `[1, 1, 1] float32`.

        Raises:
            SettingError: Another prompt than the learnt one.
        """
        if prompt != self.prompt:
            raise SettingError(
                f"A student knows the one prompt that its teacher had, {self.prompt!r}, and was given {prompt!r}. "
                "Leave out --prompt, or distil another student from a teacher with that prompt."
            )
        return torch.zeros(1, 1, 1)
