"""What `onestep export` takes for the domains that ship in the package."""

from pathlib import Path

import pytest

from onestep.cli.choose_generator import GeneratorChoice, loaded_generator
from onestep.errors import SettingError
from onestep.training.folder import PackedGenerator
from onestep.training.students.folder import PackedStudent


def choice(domain: str, base: str | None) -> GeneratorChoice:
    return GeneratorChoice(domain, None, None, base, None, None)


@pytest.mark.parametrize("base", [None, "tiny"])
def test_a_domain_with_a_generator_gives_it(base: str | None, capsys: pytest.CaptureFixture[str]) -> None:
    packed = loaded_generator(choice("day2night", base))
    assert isinstance(packed, PackedGenerator)
    assert packed.card.base == "tiny"
    said = capsys.readouterr().err
    assert "the embedded generator (its student: --base tiny-student)" in said
    assert "For the full-size one: --base sd-turbo" in said


def test_its_student_can_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    packed = loaded_generator(choice("day2night", "tiny-student"))
    assert isinstance(packed, PackedStudent)
    assert (packed.card.domain, packed.card.base) == ("day2night", "tiny-student")
    assert packed.card.data.startswith("960 rendered pairs, day to dark")
    assert "day2night: the embedded student" in capsys.readouterr().err


def test_a_student_is_of_a_domain() -> None:
    for domain, checkpoint in ((None, None), (None, Path("c.pkl")), ("day2night", Path("c.pkl"))):
        with pytest.raises(SettingError, match="--base tiny-student is what the package has of a domain: it goes with"):
            GeneratorChoice(domain, None, checkpoint, "tiny-student", None, None)


@pytest.mark.parametrize("base", [None, "tiny", "tiny-student"])
def test_a_domain_that_does_not_ship_says_which_do(base: str | None) -> None:
    with pytest.raises(SettingError, match="No weights for rainy2clear ship in the package; those of day2night"):
        loaded_generator(choice("rainy2clear", base))
