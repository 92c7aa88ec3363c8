"""Bundle and frames to frames, without torch.

    import onestep.runtime

    with onestep.runtime.open("my_bundle") as session:
        translated = session(frame)  # [H, W, 3] uint8 RGB in, the same out
        onestep.runtime.translate_video("day.mp4", "night.mp4", session=session)

No inference library is imported before a session opens.
"""

from pathlib import Path

from onestep.bundle import Bundle
from onestep.runtime.report import VideoReport
from onestep.runtime.session import Session, SessionOptions, open_session
from onestep.runtime.translate import Progress, translate_video

__all__ = ["Progress", "Session", "SessionOptions", "VideoReport", "open", "translate_video"]


def open(
    bundle: Bundle | str | Path,
    *,
    backend: str = "auto",
    size: tuple[int, int] | str | None = None,
    threads: int | None = None,
) -> Session:
    """Check a bundle, load its graph, and return a session to call with frames.

    Args:
        bundle: Folder of the bundle.
        backend: Name of a backend, or `auto` for the first that works; `Session.passed_over` says why others do not.
        size: Size to compute at, `(512, 288)` or `512x288`, for a graph of free sizes; None takes the bundle's own.
        threads: Processor threads that the graph may use; None takes all cores of this process.

    Raises:
        OnestepError: The bundle, the size or the backend cannot be used; see `onestep.runtime.session.open_session`.
    """
    return open_session(SessionOptions(bundle=bundle, backend=backend, size=size, threads=threads))
