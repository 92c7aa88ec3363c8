"""What the runtime asks of an inference library: slots, and the translation of what lies in them.

An engine is a bundle's graph loaded for one frame size. On a CPU `submit` does the work and `wait` has nothing to do,
or, with a depth of two, the engine has a thread for each frame that does it. On a GPU `submit` enqueues copy, graph and
copy back, and `wait` waits for the event behind them, so that with a depth of two one frame is copied while another is
computed. The pipeline knows no more than this.
"""

from typing import Protocol

from onestep.frame_size import FrameSize
from onestep.runtime.slots import Slot


class Engine(Protocol):
    """A graph that is loaded and ready to translate frames of one size."""

    @property
    def frame_size(self) -> FrameSize:
        """Width and height of the frames in the slots, in pixels."""

    @property
    def depth(self) -> int:
        """How many submitted slots may be waiting for their results at the same time, 1 or more."""

    def new_slot(self) -> Slot:
        """Allocate a slot for this engine: input and output are [h, w, 3] uint8 of `frame_size`.

        Its memory stays where it is until the engine closes. Called before the first frame, never for each.
        """

    def give_back(self, slot: Slot) -> None:
        """Let `new_slot` hand out this slot again; whoever had it touches it no more.

        An engine outlives the videos that it translates, and what a slot takes on a GPU is freed with the engine only.
        """

    def submit(self, slot: Slot) -> None:
        """Start translating `slot.input` into `slot.output`; neither may be touched until `wait` returns.

        Raises:
            BackendError: The library failed.
        """

    def wait(self, slot: Slot) -> None:
        """Return once `slot.output` is complete. Slots are waited for in the order they were submitted.

        Raises:
            BackendError: The library failed.
        """

    def close(self) -> None:
        """Wait for what was submitted, then free everything, the slots' memory too where it is not plain memory."""
