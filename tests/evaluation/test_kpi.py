"""KPI files: names, conditions, verdicts, and the files that are written for a domain."""

from pathlib import Path

import pytest

from onestep.domains import DOMAINS, embedded_domains
from onestep.errors import InputError, MissingInputError, SettingError, UnknownNameError
from onestep.evaluation.catalogue import MEASURES, figure, not_measured
from onestep.evaluation.kpi import Kpi, kpi_file, kpi_file_text, read_kpis, verdicts_of
from onestep.evaluation.results import Figure, Row


def kpis_from(tmp_path: Path, text: str) -> list[Kpi]:
    path = tmp_path / "kpi.toml"
    path.write_text(text)
    return read_kpis(path)


def row(*figures: Figure, name: str = "ours", reference: bool = False) -> Row:
    return Row(name, "reference" if reference else "translator", {each.name: each for each in figures}, {})


def test_an_unknown_name_suggests_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"Unknown KPI 'edge_kept'\. Did you mean 'edges_kept'\?"):
        kpis_from(tmp_path, 'edge_kept = ">= 0.75"')


@pytest.mark.parametrize("condition", ["0.75", "== 1", ">= much", ">= 0.75 dB", ""])
def test_a_condition_that_is_no_comparison_is_refused(tmp_path: Path, condition: str) -> None:
    with pytest.raises(SettingError, match="The KPI psnr has the condition .* expected >=, <=, > or < and a number"):
        kpis_from(tmp_path, f'psnr = "{condition}"')


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("edges_kept = ", "is not TOML"),
        ("# nothing agreed yet\n", "holds no KPI, so nothing would be judged"),
        ("edges_kept = 0.75", "edges_kept is 0.75, and a KPI is a comparison in quotes"),
        ('[edges_kept]\nlow = ">= 1"', "and a KPI is a comparison in quotes"),
    ],
)
def test_files_that_say_nothing_usable_are_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises((InputError, SettingError), match=message):
        kpis_from(tmp_path, text)


def test_a_missing_file_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match="There is no KPI file .* onestep evaluate --init-kpi"):
        read_kpis(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("condition", "value", "passes"),
    [
        (">= 0.75", 0.75, True),
        (">=0.75", 0.7499, False),
        ("<= 40", 40.0, True),
        ("< 40", 40.0, False),
        ("> -1e-3", 0.0, True),
        (" <  .5 ", 0.4, True),
        (">= 0", float("nan"), False),
    ],
)
def test_conditions_are_what_they_say(condition: str, value: float, passes: bool) -> None:
    assert Kpi("edges_kept", condition).holds_for(value) is passes


def test_every_translator_is_judged_and_no_reference() -> None:
    kpis = [Kpi("edges_kept", ">= 0.75"), Kpi("latency_p95_ms", "<= 40")]
    good = row(figure("edges_kept", 0.8, (0.7, 0.9), 5), figure("latency_p95_ms", 12.0, None, 5))
    bad = row(figure("edges_kept", 0.6, (0.5, 0.7), 5), figure("latency_p95_ms", 41.0, None, 5), name="other")
    reference = row(figure("edges_kept", 1.0, (1, 1), 5), name="copy-input", reference=True)
    verdicts = verdicts_of(kpis, [good, bad, reference])
    assert [(v.row, v.kpi, v.passed) for v in verdicts] == [
        ("ours", "edges_kept", True),
        ("ours", "latency_p95_ms", True),
        ("other", "edges_kept", False),
        ("other", "latency_p95_ms", False),
    ]
    assert verdicts[0].reason == ""
    assert verdicts[2].reason == "0.6 is not >= 0.75"


def test_what_was_not_measured_fails_and_says_why() -> None:
    verdict, absent = verdicts_of(
        [Kpi("fid", "<= 1000"), Kpi("psnr", ">= 0")], [row(not_measured("fid", "needs FID's own network"))]
    )
    assert not verdict.passed
    assert verdict.value is None
    assert verdict.reason == "not measured: needs FID's own network"
    assert not absent.passed
    assert absent.reason.startswith("not measured: ")


@pytest.mark.parametrize("name", DOMAINS)
def test_the_file_for_each_domain_is_commented_and_usable(tmp_path: Path, name: str) -> None:
    text = kpi_file_text(name)
    assert text.startswith("#")
    uncommented = "\n".join(line.removeprefix("# ") if " = " in line else line for line in text.splitlines())
    kpis = kpis_from(tmp_path, uncommented)
    assert kpis
    if name in embedded_domains():
        assert kpis_from(tmp_path, text)
        assert read_kpis(kpi_file(Path(name)))


def test_a_template_holds_every_figure() -> None:
    text = kpi_file_text("rainy2clear")
    assert all(f'# {measure.name} = "' in text for measure in MEASURES.values())


def test_a_domain_without_a_file_is_unknown() -> None:
    with pytest.raises(UnknownNameError, match="Unknown domain 'day2knight'. Did you mean 'day2night'"):
        kpi_file_text("day2knight")
