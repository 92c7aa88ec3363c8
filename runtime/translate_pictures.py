"""Pictures from files through a session to files, each at its own size."""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from onestep.bundle import Bundle, open_bundle
from onestep.errors import InputError
from onestep.frame_size import FrameSize, frame_size_from
from onestep.runtime.picture_jobs import PictureJob, prepare_outputs
from onestep.runtime.pictures import read_picture, write_picture
from onestep.runtime.placement import chosen_size
from onestep.runtime.session import Session, SessionOptions, open_session


@dataclass(frozen=True)
class PictureResult:
    """What became of one picture."""

    job: PictureJob
    error: InputError | None
    """Why the picture could not be read; None where the output is written."""


def translate_pictures(
    jobs: Sequence[PictureJob],
    *,
    options: SessionOptions,
    overwrite: bool = False,
    on_open: Callable[[Session], None] | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> list[PictureResult]:
    """Translate pictures one after the other. One that cannot be read does not stop the others.

    Args:
        jobs: Pictures and their outputs, see `picture_jobs`.
        options: How to open the bundle; a graph of free sizes runs each picture at the size nearest to its aspect.
        overwrite: Replace existing files.
        on_open: Called with each session that is opened: one per size that follows another.
        on_progress: Called with the number of pictures that are done.

    Returns:
        One result for each job, in the same order.

    Raises:
        OutputError: An output cannot be written.
        OnestepError: The bundle cannot be opened, or the backend failed.
    """
    prepare_outputs(jobs, overwrite=overwrite)
    results = []
    with _SessionPerSize(options, on_open) as sessions:
        for job in jobs:
            results.append(PictureResult(job, _error_of(job, sessions, overwrite=overwrite)))
            if on_progress is not None:
                on_progress(len(results))
    return results


def _error_of(job: PictureJob, sessions: "_SessionPerSize", *, overwrite: bool) -> InputError | None:
    try:
        picture = read_picture(job.source)
    except InputError as err:
        return err
    session = sessions.session_for(FrameSize(picture.shape[1], picture.shape[0]))
    write_picture(job.output, session(picture), source=job.source, overwrite=overwrite)
    return None


class _SessionPerSize:
    """The session of the last size that was asked for; a new size closes it and opens another."""

    def __init__(self, options: SessionOptions, on_open: Callable[[Session], None] | None) -> None:
        bundle = options.bundle if isinstance(options.bundle, Bundle) else open_bundle(options.bundle)
        self._options, self._frame = dataclasses.replace(options, bundle=bundle), bundle.manifest.frame
        self._wanted = None if options.size is None else frame_size_from(options.size)
        self._on_open = on_open
        self._session: Session | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            self._session.__exit__(kind, error, trace)

    def session_for(self, source: FrameSize) -> Session:
        """Return a session at the size for pictures of this size."""
        size = chosen_size(self._frame, size=self._wanted, source=source)
        if self._session is None or self._session.frame_size != size:
            self._close()
            self._session = open_session(self._options, source_size=source)
            if self._on_open is not None:
                self._on_open(self._session)
        return self._session

    def _close(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None
