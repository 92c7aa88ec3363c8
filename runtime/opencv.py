"""OpenCV, imported when it is needed first, and without its annotations, which name most arrays too vaguely."""

from typing import Any


def opencv() -> Any:
    """Return the module `cv2`."""
    import cv2

    return cv2
