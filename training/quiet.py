"""Keeps other libraries' progress bars and notes off the screen while this project's own are on it."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Silence the progress bars and notes of transformers and diffusers; put back their settings afterwards.

    Downloads keep theirs: transformers takes those of huggingface_hub away with its own.
    """
    from diffusers.utils import logging as of_diffusers
    from huggingface_hub.utils.tqdm import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars
    from transformers.utils import logging as of_transformers

    libraries = (of_diffusers, of_transformers)
    is_hub_silent = are_progress_bars_disabled()
    levels = [library.get_verbosity() for library in libraries]
    for library in libraries:
        library.set_verbosity_error()
        library.disable_progress_bar()
    if not is_hub_silent:
        enable_progress_bars()
    try:
        yield
    finally:
        for library, level in zip(libraries, levels, strict=True):
            library.set_verbosity(level)
            library.enable_progress_bar()
        if is_hub_silent:
            disable_progress_bars()
