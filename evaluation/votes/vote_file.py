"""Read the files that blind pages save, and check that they belong together."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from onestep.errors import InputError, MissingInputError
from onestep.evaluation.blind.key import Key, Preference, opened, page_name

_FORMAT: Final = "onestep-votes"
_VERSION: Final = 1
_CHOICES: Final = ("left", "right", "tie")


@dataclass(frozen=True)
class VoteFile:
    """What one person said, unblinded."""

    path: Path
    rater: str
    key: Key
    preferences: dict[str, Preference]
    """By the pair's name; pairs without a vote are missing. First and second as in `key.labels`."""


def read_votes(files: Sequence[Path]) -> list[VoteFile]:
    """Read and unblind votes of one comparison.

    The files may come from pages of several seeds, and the folders may have been named in either order; first and
    second are as in the first file.

    Args:
        files: What the page saved, one file for each rater.

    Raises:
        MissingInputError: A file does not exist.
        InputError: None was given, one is damaged, is no votes file, or is of another comparison, or a rater is there
            twice. The message names the file.
    """
    if not files:
        raise InputError("No votes were given. Give the JSON files that the blind page saved.")
    votes = [_read(Path(path)) for path in files]
    first = votes[0]
    aligned = [_aligned(each, first) for each in votes]
    _check_raters(aligned)
    return aligned


def _read(path: Path) -> VoteFile:
    content = _content(path)
    try:
        key = opened(content["key"])
    except ValueError as err:
        raise _refusal(path, str(err)) from err
    if content["page"] != page_name(content["key"]):
        raise _refusal(path, "its key is of another page")
    rater = content["rater"].strip()
    if not rater:
        raise _refusal(path, "the rater has no name")
    return VoteFile(path, rater, key, _preferences(path, content["votes"], key))


def _content(path: Path) -> dict[str, Any]:
    if not path.exists():
        raise MissingInputError(f"There is no votes file {path}. Check the path.")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as err:
        raise _refusal(path, f"it cannot be read as JSON: {err}") from err
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        raise InputError(f"{path} is no votes file. Give the JSON that a page of `onestep evaluate --blind` saved.")
    if content.get("version") != _VERSION:
        raise InputError(
            f"{path} has version {content.get('version')!r}, and this onestep reads {_VERSION}. Update onestep."
        )
    types = {"key": str, "page": str, "rater": str, "votes": list}
    wrong = [name for name, kind in types.items() if not isinstance(content.get(name), kind)]
    if wrong:
        raise _refusal(path, f"{' and '.join(wrong)} missing or not as it should be")
    return content


def _preferences(path: Path, votes: list[Any], key: Key) -> dict[str, Preference]:
    found: dict[str, Preference] = {}
    for place, vote in enumerate(votes, start=1):
        pair, choice = (vote.get("pair"), vote.get("choice")) if isinstance(vote, dict) else (None, None)
        if not isinstance(pair, str) or pair not in key.first_is_left or choice not in _CHOICES:
            raise _refusal(path, f"vote {place} is {json.dumps(vote)}, which is no vote on a pair of its page")
        if pair in found:
            raise _refusal(path, f"it has two votes on {pair}")
        found[pair] = key.preference(pair, choice)
    if not found:
        raise _refusal(path, "it has no votes")
    return found


def _aligned(votes: VoteFile, first: VoteFile) -> VoteFile:
    """Return votes with first and second as in the first file."""
    if votes.key.material != first.key.material:
        ours, theirs = (" with ".join(each.key.labels) for each in (votes, first))
        raise InputError(
            f"{votes.path} compares {ours}, {len(votes.key.first_is_left)} pairs; {first.path} compares {theirs}, "
            f"{len(first.key.first_is_left)} pairs, and not with the same pictures. Sum up each comparison by itself."
        )
    if votes.key.labels == first.key.labels:
        return votes
    swapped: dict[Preference, Preference] = {"first": "second", "second": "first", "tie": "tie"}
    key = Key(first.key.labels, {name: not left for name, left in votes.key.first_is_left.items()}, votes.key.material)
    return VoteFile(votes.path, votes.rater, key, {name: swapped[each] for name, each in votes.preferences.items()})


def _check_raters(votes: Sequence[VoteFile]) -> None:
    seen: dict[str, Path] = {}
    for each in votes:
        if each.rater in seen:
            raise InputError(
                f"{seen[each.rater]} and {each.path} are both by the rater {each.rater!r}. Keep one, or, if these are "
                'two people, change "rater" in one of them.'
            )
        seen[each.rater] = each.path


def _refusal(path: Path, what: str) -> InputError:
    return InputError(f"{path} is damaged: {what}. Save the votes again from the page.")
