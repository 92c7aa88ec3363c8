"""What is evaluated, by the name that its row has in the results."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from onestep.bundle import Bundle
from onestep.errors import MissingInputError
from onestep.evaluation.request import Request

COPY_INPUT = "copy-input"
REINHARD = "reinhard"
REAL_VS_REAL = "real-vs-real"


@dataclass(frozen=True)
class Translator:
    """A bundle that is run here, or a folder or video of results made elsewhere; one of the two is None."""

    name: str
    bundle: Bundle | None
    made: Path | None


def translators_of(request: Request) -> list[Translator]:
    """Name the translators of a request: a bundle by its domain, results by their folder, numbered where names repeat.

    Raises:
        MissingInputError: A path of `outputs` does not exist.
    """
    for path in request.outputs:
        if not path.exists():
            raise MissingInputError(f"There is no folder or video {path} (--outputs). Check the path.")
    wanted = [bundle.manifest.domain for bundle in request.bundles]
    wanted += [path.resolve().stem if path.is_file() else path.resolve().name for path in request.outputs]
    sources = [(bundle, None) for bundle in request.bundles] + [(None, path) for path in request.outputs]
    names = _distinct(wanted)
    return [Translator(name, bundle, made) for name, (bundle, made) in zip(names, sources, strict=True)]


def _distinct(names: Iterable[str]) -> list[str]:
    taken = {COPY_INPUT, REINHARD, REAL_VS_REAL}
    distinct = []
    for name in names:
        number, free = 2, name
        while free in taken:
            free, number = f"{name}-{number}", number + 1
        taken.add(free)
        distinct.append(free)
    return distinct
