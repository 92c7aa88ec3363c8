"""What the votes say: preference, its interval, and how far the raters agree."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from onestep.evaluation.blind.key import Preference
from onestep.evaluation.votes.agreement import Agreement, agreement
from onestep.evaluation.votes.vote_file import VoteFile
from onestep.evaluation.votes.wilson import wilson_interval


@dataclass(frozen=True)
class PairVotes:
    """Everybody's vote on one pair."""

    pair: str
    choices: dict[str, str]
    """The preferred label, or `tie`, by rater; who did not vote is missing."""


@dataclass(frozen=True)
class Summary:
    """Votes of one comparison, unblinded."""

    labels: tuple[str, str]
    raters: tuple[str, ...]
    pairs: int
    """Pairs that the page has."""
    wins: tuple[int, int]
    """Votes for the first and for the second label, over all raters."""
    ties: int
    share: float
    """Preference for the first label, 0 to 1. A tie counts half for each side."""
    low: float
    high: float
    """Wilson's 95 % interval of `share`. It takes the votes as independent of each other."""
    agreement: Agreement
    """Over the three answers first, second and tie."""
    table: tuple[PairVotes, ...]
    """Sorted by the pair's name."""

    @property
    def count(self) -> int:
        """All votes, ties included."""
        return sum(self.wins) + self.ties


def summary(votes: Sequence[VoteFile]) -> Summary:
    """Sum up votes that `read_votes` has read.

    The preference is (votes for the first + half the ties) / all votes.
    """
    key = votes[0].key
    counts: Counter[Preference] = Counter(choice for each in votes for choice in each.preferences.values())
    successes = counts["first"] + counts["tie"] / 2
    low, high = wilson_interval(successes, counts.total())
    pairs = sorted(key.first_is_left)
    rated_by_all = [pair for pair in pairs if all(pair in each.preferences for each in votes)]
    return Summary(
        labels=key.labels,
        raters=tuple(each.rater for each in votes),
        pairs=len(pairs),
        wins=(counts["first"], counts["second"]),
        ties=counts["tie"],
        share=successes / counts.total(),
        low=low,
        high=high,
        agreement=agreement([[each.preferences[pair] for each in votes] for pair in rated_by_all]),
        table=tuple(_pair_votes(pair, votes) for pair in pairs),
    )


def summary_as_json(result: Summary) -> dict[str, Any]:
    """Return a summary as what `json.dumps` takes."""
    return asdict(result) | {"count": result.count}


def summary_text(result: Summary) -> str:
    """Return a summary in a few lines for a terminal, without the table of pairs."""
    first, second = result.labels
    percent = [f"{100 * value:.1f}" for value in (result.share, result.low, result.high)]
    voters = f"{len(result.raters)} rater{'' if len(result.raters) == 1 else 's'}"
    lines = [
        f"{first} preferred to {second}: {percent[0]} % of {result.count} votes, 95 % interval {percent[1]} to "
        f"{percent[2]} % (Wilson; a tie counts half for each)",
        f"{first} {result.wins[0]}, {second} {result.wins[1]}, ties {result.ties}; {voters}, {result.pairs} pairs",
        _agreement_text(result.agreement),
    ]
    missing = len(result.raters) * result.pairs - result.count
    return "\n".join(lines + ([f"{missing} votes are missing: not every rater went to the end"] if missing else []))


def _agreement_text(found: Agreement) -> str:
    if found.value is None:
        return f"{found.name}: none, {found.reason}"
    return f"{found.name} {found.value:.2f} over {found.items} pairs; raw agreement {100 * (found.observed or 0):.0f} %"


def _pair_votes(pair: str, votes: Sequence[VoteFile]) -> PairVotes:
    first, second = votes[0].key.labels
    names = {"first": first, "second": second, "tie": "tie"}
    return PairVotes(pair, {v.rater: names[v.preferences[pair]] for v in votes if pair in v.preferences})
