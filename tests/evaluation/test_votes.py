"""Votes: read, refused by name, unblinded, summed up."""

import json
from pathlib import Path
from typing import Any

import pytest

from onestep.errors import InputError, MissingInputError
from onestep.evaluation.blind import write_blind_page
from onestep.evaluation.votes import read_votes, summary, summary_as_json, summary_text
from tests.evaluation.blind_samples import picture, saved_votes, two_folders, votes_of

ANN = {"frame 0": "bright", "frame 1": "bright", "frame 2": "dark", "frame 3": "tie", "frame 4": "bright"}
ANN |= {"frame 5": "bright"}
BEN = ANN | {"frame 0": "dark", "frame 3": "bright"}


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """A blind page of six pairs: A is bright, B is dark."""
    return write_blind_page(two_folders(tmp_path), tmp_path / "p.html", seed=5)


@pytest.fixture
def ann(page: Path, tmp_path: Path) -> dict[str, Any]:
    """The content of a good votes file."""
    return votes_of(page, "Ann", ANN)


def test_votes_are_unblinded(ann: dict[str, Any], tmp_path: Path) -> None:
    (votes,) = read_votes([saved_votes(tmp_path / "ann.json", ann)])
    means = {"bright": "first", "dark": "second", "tie": "tie"}
    assert votes.rater == "Ann"
    assert votes.key.labels == ("A", "B")
    assert votes.preferences == {pair: means[choice] for pair, choice in ANN.items()}


def test_summary_of_one_rater(ann: dict[str, Any], tmp_path: Path) -> None:
    found = summary(read_votes([saved_votes(tmp_path / "ann.json", ann)]))
    # Four for A, one for B, one tie: (4 + 1/2) / 6.
    assert (found.wins, found.ties, found.count, found.pairs) == ((4, 1), 1, 6, 6)
    assert found.share == pytest.approx(0.75)
    # Wilson by hand, z² = 3.8415: centre (0.75 + 0.32012) / 1.64025, half 1.95996 / 1.64025 * sqrt(0.03125 + 0.026677).
    assert (found.low, found.high) == pytest.approx((0.65242 - 0.28759, 0.65242 + 0.28759), abs=2e-4)
    assert found.agreement.value is None
    assert [row.choices["Ann"] for row in found.table] == ["A", "A", "B", "tie", "A", "A"]


def test_summary_of_two_raters(page: Path, ann: dict[str, Any], tmp_path: Path) -> None:
    files = [saved_votes(tmp_path / "ann.json", ann), saved_votes(tmp_path / "ben.json", votes_of(page, "Ben", BEN))]
    found = summary(read_votes(files))
    assert (found.wins, found.ties) == ((8, 3), 1)
    # Alike on 4 of 6. Ann: A 4, B 1, tie 1; Ben: A 4, B 2. By chance (16 + 2) / 36 = 1/2; (2/3 - 1/2) / (1/2) = 1/3.
    assert found.agreement.name == "Cohen's kappa"
    assert found.agreement.value == pytest.approx(1 / 3)
    assert found.table[0].choices == {"Ann": "A", "Ben": "B"}
    assert "A preferred to B: 70.8 % of 12 votes" in summary_text(found)
    assert "Cohen's kappa 0.33 over 6 pairs; raw agreement 67 %" in summary_text(found)
    assert json.loads(json.dumps(summary_as_json(found)))["wins"] == [8, 3]


def test_three_raters_have_fleiss_kappa_over_what_all_voted_on(page: Path, tmp_path: Path) -> None:
    short = {"frame 1": "bright", "frame 2": "dark"}
    raters = {"Ann": ANN, "Ben": BEN, "Cleo": short}
    files = [saved_votes(tmp_path / f"{name}.json", votes_of(page, name, votes)) for name, votes in raters.items()]
    found = summary(read_votes(files))
    assert (found.agreement.name, found.agreement.items, found.agreement.value) == ("Fleiss' kappa", 2, 1.0)
    assert "4 votes are missing" in summary_text(found)
    assert "Cleo" not in found.table[0].choices


def test_pages_of_other_seeds_and_swapped_labels_go_together(page: Path, ann: dict[str, Any], tmp_path: Path) -> None:
    folders = {"B": tmp_path / "b", "A": tmp_path / "a"}
    swapped = write_blind_page(folders, tmp_path / "swapped.html", seed=99)
    files = [saved_votes(tmp_path / "1.json", ann), saved_votes(tmp_path / "2.json", votes_of(swapped, "Ben", ANN))]
    first, second = read_votes(files)
    assert first.preferences == second.preferences
    assert summary([first, second]).wins == (8, 2)


def test_votes_of_another_comparison_are_refused_by_name(ann: dict[str, Any], tmp_path: Path) -> None:
    picture(tmp_path / "b" / "frame 3.png", 77)
    other = write_blind_page({"A": tmp_path / "a", "B": tmp_path / "b"}, tmp_path / "other.html", seed=5)
    files = [saved_votes(tmp_path / "1.json", ann), saved_votes(tmp_path / "2.json", votes_of(other, "Ben", BEN))]
    with pytest.raises(
        InputError, match=r"2\.json compares A with B, .*1\.json compares .* not with the same pictures"
    ):
        read_votes(files)


def test_a_rater_twice_is_refused(ann: dict[str, Any], tmp_path: Path) -> None:
    files = [saved_votes(tmp_path / name, ann) for name in ("1.json", "2.json")]
    with pytest.raises(InputError, match=r"1\.json and .*2\.json are both by the rater 'Ann'"):
        read_votes(files)


def test_no_files_and_missing_files(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No votes were given"):
        read_votes([])
    with pytest.raises(MissingInputError, match=r"There is no votes file .*none\.json"):
        read_votes([tmp_path / "none.json"])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", r"v\.json is damaged: it cannot be read as JSON"),
        ("[]", r"v\.json is no votes file"),
        ('{"format": "other"}', r"v\.json is no votes file"),
        ('{"format": "onestep-votes", "version": 2}', r"v\.json has version 2, and this onestep reads 1"),
        ('{"format": "onestep-votes", "version": 1, "votes": 3}', "damaged: key and page and rater and votes missing"),
    ],
)
def test_foreign_and_damaged_files_are_refused_by_name(content: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        read_votes([saved_votes(tmp_path / "v.json", content)])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"key": "AAAA"}, "the key is damaged"),
        ({"page": "000000000000"}, "its key is of another page"),
        ({"rater": "  "}, "the rater has no name"),
        ({"votes": []}, "it has no votes"),
        ({"votes": [{"pair": "frame 0", "choice": "up"}]}, "vote 1 is .* which is no vote on a pair of its page"),
        ({"votes": [{"pair": "frame 9", "choice": "left"}]}, "vote 1 is .*frame 9"),
        ({"votes": [{"pair": ["x"], "choice": "left"}]}, "vote 1 is"),
        ({"votes": ["left"]}, 'vote 1 is "left"'),
        ({"votes": [{"pair": "frame 0", "choice": "tie"}] * 2}, "it has two votes on frame 0"),
    ],
)
def test_changed_files_are_refused_by_name(
    change: dict[str, Any], message: str, ann: dict[str, Any], tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=f"v.json is damaged: {message}"):
        read_votes([saved_votes(tmp_path / "v.json", ann | change)])
