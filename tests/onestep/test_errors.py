"""The errors' tree and their texts."""

import pytest

from onestep.errors import MissingExtraError, OnestepError, UnknownNameError, require


def test_unknown_name_suggests_the_nearest_and_lists_all() -> None:
    message = str(UnknownNameError("domain", "day2nigth", ["day2night", "clear2rainy"]))
    assert message == "Unknown domain 'day2nigth'. Did you mean 'day2night'? Known: day2night, clear2rainy."


def test_unknown_name_without_a_near_one_lists_all() -> None:
    assert str(UnknownNameError("domain", "zzz", ["day2night"])) == "Unknown domain 'zzz'. Known: day2night."


def test_missing_library_names_the_pip_command() -> None:
    with pytest.raises(MissingExtraError, match=r"no_such_module is needed to fly .*pip install 'onestep\[export\]'"):
        require("no_such_module", extra="export", purpose="fly")


def test_all_errors_of_the_tree_are_caught_as_one_and_as_the_builtin() -> None:
    import onestep.errors as errors

    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)]
    assert len(kinds) >= 12
    for kind in kinds:
        assert issubclass(kind, OnestepError)
        assert kind.__name__ in (errors.__doc__ or "")
