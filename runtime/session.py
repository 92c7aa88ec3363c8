"""A session: a bundle opened on a backend at one size, ready to translate frames."""

import logging
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from onestep.bundle import Bundle, open_bundle
from onestep.errors import InputError
from onestep.frame_size import FrameSize, frame_size_from
from onestep.runtime.backends.choose import AUTO, Choice, open_backend
from onestep.runtime.backends.closing import close_after
from onestep.runtime.backends.engine import Engine
from onestep.runtime.backends.options import Aim, EngineOptions, check_aim
from onestep.runtime.detail import add_detail_rgb, contrast_slope
from onestep.runtime.placement import Placement, Resize, chosen_size, place, stretches_little
from onestep.runtime.preparation import Prepare, preparation
from onestep.runtime.scaling import RgbScaler
from onestep.runtime.slots import Pixels, Slot
from onestep.runtime.video.convert import WAY_UP

_log = logging.getLogger(__name__)


class Session:
    """An open bundle. Call it with a frame; close it, or use it in a `with` block.

    Made by `open_session`. Frames may come from several threads, and are translated one after the other.
    """

    def __init__(
        self,
        bundle: Bundle,
        choice: Choice,
        *,
        resize: Resize | None = None,
        prepare: Prepare | None = None,
        detail: bool | None = None,
    ) -> None:
        self._bundle, self._choice, self._resize = bundle, choice, resize
        is_same_scene = bundle.manifest.direction != "paired" and prepare is None
        self._detail = is_same_scene if detail is None else detail
        self._prepare = preparation(prepare)
        self._lock = Lock()
        self._scaler, self._enlarger = RgbScaler(), RgbScaler(WAY_UP)
        self._slot: Slot | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        close_after(error, self.close)

    def close(self) -> None:
        """Free the graph and everything it holds. Closing twice is no error."""
        with self._lock:
            self._choice.engine.close()  # waits for copies into the slot's memory
            self._slot = None

    @property
    def bundle(self) -> Bundle:
        """The bundle whose graph runs."""
        return self._bundle

    @property
    def backend(self) -> str:
        """Name of the backend that runs it."""
        return self._choice.backend

    @property
    def passed_over(self) -> dict[str, str]:
        """Backends that were tried before this one, each with the reason why it was not used."""
        return dict(self._choice.passed_over)

    @property
    def frame_size(self) -> FrameSize:
        """Width and height in pixels at which the graph computes."""
        return self._choice.engine.frame_size

    @property
    def engine(self) -> Engine:
        """The loaded graph, for those who run a pipeline of their own."""
        return self._choice.engine

    def finish_input(self, frame: Pixels, placement: Placement) -> None:
        """Make the picture that lies in a slot's input what the network expects, and fill the border around it.

        Args:
            frame: [h, w, 3] uint8 of `frame_size`; changed in place.
            placement: Where the picture lies in it.
        """
        self._prepare(placement.inside(frame))
        placement.repeat_edges(frame)

    def adds_detail(self, placement: Placement, source: FrameSize) -> bool:
        """Tell whether a source of this size gets the detail back that it loses on the way to the network's size."""
        return self._detail and (source.width > placement.size.width or source.height > placement.size.height)

    def placement(self, source: FrameSize) -> Placement:
        """Return where the picture of a source of this size lies in the graph's frame."""
        resize = self._resize or ("stretch" if stretches_little(source, self.frame_size) else "fit")
        return place(source, self.frame_size, resize)

    def __call__(self, frame: ArrayLike) -> Pixels:
        """Translate one frame.

        Args:
            frame: [H, W, 3] uint8, RGB, of any size. A frame of `frame_size` is not resized.

        Returns:
            [H, W, 3] uint8, RGB: a new array of the same size.

        Raises:
            InputError: The array is not such a frame.
            BackendError: The backend failed, or the session is closed.
        """
        given = _checked_frame(frame)
        placement = self.placement(FrameSize(given.shape[1], given.shape[0]))
        translated = np.empty_like(given, order="C")
        with self._lock:
            slot = self._slot = self._slot or self.engine.new_slot()
            self._scaler.into(given, placement.inside(slot.input))
            self.finish_input(slot.input, placement)
            self.engine.submit(slot)
            self.engine.wait(slot)
            result = placement.inside(slot.output)
            self._enlarger.into(result, translated)
            if self.adds_detail(placement, FrameSize(given.shape[1], given.shape[0])):
                slope = contrast_slope(placement.inside(slot.input), result)
                add_detail_rgb(translated, given, slope, placement.size)
        return translated


@dataclass(frozen=True, kw_only=True)
class SessionOptions:
    """How to open a bundle."""

    bundle: Bundle | str | Path
    """Folder of the bundle, or the bundle if it is open already."""
    backend: str = AUTO
    """Name of a backend, or `auto` for the first that works; `Session.passed_over` says why others do not."""
    size: tuple[int, int] | str | None = None
    """Size to compute at, such as `512x288`, for a graph of free sizes. None chooses one, see `placement`."""
    threads: int | None = None
    """Processor threads that the graph may use; None takes all cores of this process."""
    aim: Aim | None = None
    """`throughput` lets a processor work on two frames at a time where that gives more of them, each of which takes
    longer then. None: `latency`, except in `translate_video` for a source that is not live. GPUs take no notice."""
    resize: Resize | None = None
    """`fit` pads what the aspects differ by, `stretch` does not. None: see `placement`."""
    prepare: Prepare | None = None
    """What is made of each picture before the network sees it; None leaves it as it is."""
    detail: bool | None = None
    """Give the result the source's own detail where that is finer than the network's size. None: yes, unless the
    picture is prepared or the translation is a paired one, whose input is no photograph."""
    strength: float | None = None
    """How near a stochastic generator stays to its input: 0 is far from it, 1 is near it; None takes 0.4."""
    seed: int | None = None
    """Chooses a stochastic generator's noise; None takes 0."""

    def __post_init__(self) -> None:
        preparation(self.prepare)  # refuses an unknown name before anything is opened
        if self.aim is not None:
            check_aim(self.aim)


def open_session(options: SessionOptions, *, source_size: FrameSize | None = None) -> Session:
    """Check a bundle and load its graph.

    Args:
        options: What to open, and how.
        source_size: Size in pixels of the frames that will come, so that a free size is chosen at their aspect.

    Raises:
        BundleError: The bundle is damaged, incomplete, unsafe, or its graph is not what its manifest says.
        SettingError: The graph does not take the size, the strength or the seed, or there is no such backend
            (UnknownNameError).
        BackendError: The backend cannot be used here.
        MissingExtraError: The backend's library is not installed.
    """
    bundle = options.bundle if isinstance(options.bundle, Bundle) else open_bundle(options.bundle)
    wanted = None if options.size is None else frame_size_from(options.size)
    frame = bundle.manifest.frame
    size = chosen_size(frame, size=wanted, source=source_size)
    choice = open_backend(options.backend, bundle, size, _engine_options(options))
    is_free = frame.free and wanted is None
    session = Session(
        bundle,
        choice,
        resize=options.resize or (None if is_free else "fit"),
        prepare=options.prepare,
        detail=options.detail,
    )
    _log.info("%s runs at %s on %s", bundle.path, session.frame_size, session.backend)
    for name, reason in session.passed_over.items():
        _log.info("backend %s was passed over: %s", name, reason)
    return session


def _engine_options(options: SessionOptions) -> EngineOptions:
    return EngineOptions(
        threads=options.threads, aim=options.aim or "latency", strength=options.strength, seed=options.seed
    )


def _checked_frame(frame: ArrayLike) -> Pixels:
    given = np.asarray(frame)
    if given.dtype != np.uint8 or given.ndim != 3 or given.shape[2] != 3 or given.size == 0:
        raise InputError(
            f"A frame cannot be {given.dtype} of shape {list(given.shape)}; expected uint8 [height, width, 3] in RGB "
            "order with at least one pixel."
        )
    return given
