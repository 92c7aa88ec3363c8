"""`onestep evaluate`: measures, thresholds, a report, and blind comparisons by people."""

import json
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from onestep.cli.choose_bundle import DEFAULT_DOMAIN, BackendOption, OverwriteOption, SizeOption, ThreadsOption
from onestep.cli.evaluate_options import (
    BlindOption,
    BundlesOption,
    DataLicenceOption,
    DinoOption,
    DomainsOption,
    FeaturesOption,
    InceptionOption,
    InitKpiOption,
    InputsOption,
    JsonOption,
    JunitOption,
    KpiOption,
    OutputsOption,
    ResultOption,
    SeedOption,
    TargetsOption,
    TrainingDataOption,
    TruthOption,
    VideoPicturesOption,
    VotesArgument,
    VotesOption,
)
from onestep.cli.evaluation_text import print_figures, print_verdicts
from onestep.cli.progress import Tell, shown_progress
from onestep.cli.stage import print_stage
from onestep.domains import embedded_bundle
from onestep.errors import SettingError, require

if TYPE_CHECKING:
    from onestep.evaluation.request import Request
    from onestep.evaluation.results import Evaluation


def evaluate(
    votes_files: VotesArgument = None,
    inputs: InputsOption = None,
    domain: DomainsOption = None,
    bundle: BundlesOption = None,
    outputs: OutputsOption = None,
    targets: TargetsOption = None,
    truth: TruthOption = None,
    training_data: TrainingDataOption = None,
    features: FeaturesOption = "efficientnet-lite0",
    inception: InceptionOption = None,
    dino: DinoOption = None,
    video_pictures: VideoPicturesOption = 32,
    data_licence: DataLicenceOption = None,
    backend: BackendOption = "auto",
    size: SizeOption = None,
    threads: ThreadsOption = None,
    kpi: KpiOption = None,
    init_kpi: InitKpiOption = False,
    junit: JunitOption = None,
    blind: BlindOption = None,
    seed: SeedOption = 0,
    votes: VotesOption = None,
    output: ResultOption = None,
    overwrite: OverwriteOption = False,
    as_json: JsonOption = False,
) -> None:
    """Measure translations, judge them by thresholds, and write a report to look at.

    Exit status 1 where a threshold is missed or could not be measured; the report is written all the same.
    """
    modes = {"--init-kpi": init_kpi, "--blind": blind is not None, "--votes": bool(votes)}
    _check_modes(modes, votes_files)
    if init_kpi:
        _write_kpi_file(domain, output, overwrite=overwrite)
    elif blind is not None:
        _write_blind(blind, inputs, output, seed, overwrite=overwrite)
    elif votes:
        _print_votes([*votes, *(votes_files or [])], as_json=as_json)
    else:
        from onestep.bundle import open_bundle
        from onestep.evaluation.request import Request

        if inputs is None:
            raise SettingError("There is nothing to measure: give --inputs, a folder of pictures or a video.")
        request = Request(
            inputs=inputs,
            bundles=tuple(open_bundle(path) for path in _bundle_paths(domain, bundle, outputs)),
            outputs=tuple(outputs or ()),
            targets=targets,
            truth=truth,
            training_data=training_data,
            features=features,
            inception=inception,
            dino=dino,
            backend=backend,
            size=size,
            threads=threads,
            video_pictures=video_pictures,
            **({"data_licence": data_licence} if data_licence else {}),
        )
        _measure(request, kpi, junit, output, overwrite=overwrite, as_json=as_json)


def _check_modes(modes: dict[str, bool], votes_files: list[Path] | None) -> None:
    asked = [name for name, is_asked in modes.items() if is_asked]
    if len(asked) > 1:
        raise SettingError(f"{' and '.join(asked)} are different things to do. Give one of them.")
    if votes_files and not modes["--votes"]:
        raise SettingError(
            f"{votes_files[0]} stands by itself, and only --votes takes files like that. Pictures go behind --inputs."
        )


def _bundle_paths(
    domains: Sequence[str] | None, bundles: Sequence[Path] | None, outputs: Sequence[Path] | None
) -> list[Path]:
    """Return the bundles to run: the embedded one where nothing says what to evaluate."""
    named = [embedded_bundle(name) for name in domains or ()] + list(bundles or ())
    if not named and not outputs:
        print(f"Evaluating the embedded {DEFAULT_DOMAIN}; --domain, --bundle or --outputs choose.", file=sys.stderr)
        return [embedded_bundle(DEFAULT_DOMAIN)]
    return named


def _measure(
    request: "Request", kpi: Path | None, junit: Path | None, output: Path | None, *, overwrite: bool, as_json: bool
) -> None:
    """Evaluate into a new folder, print, and exit with status 1 where a verdict failed."""
    # The report comes last: what it needs is asked for now. What measures is asked for before anything is measured.
    require("matplotlib", extra="evaluate", purpose="draw the plots of the report")
    from onestep.atomic import whole_folder
    from onestep.evaluation.evaluate import evaluate as run
    from onestep.evaluation.kpi import kpi_file, read_kpis
    from onestep.evaluation.report import REPORT_NAME, write_report
    from onestep.evaluation.results import evaluation_as_json
    from onestep.runtime.video.target import check_target

    kpis = read_kpis(kpi_file(kpi)) if kpi is not None else []
    if junit is not None:
        for source in (kpi, Path(request.inputs), *request.outputs):
            check_target(junit, suffixes=(junit.suffix.lower(),), source=source, overwrite=overwrite)
    folder = output or default_folder(request.inputs)
    command = shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])
    request = replace(request, title=f"Evaluation of {Path(request.inputs).name}", command=command)
    with whole_folder(folder, overwrite=overwrite, marker=REPORT_NAME) as temporary:
        evaluation = run(request, temporary, kpis=kpis, stages=_stages)
        print_stage("write the report")
        write_report(evaluation, temporary, final=folder)
    if junit is not None:
        _write_junit(evaluation, junit, overwrite=overwrite)
    if as_json:
        text = json.dumps(evaluation_as_json(evaluation), indent=2, ensure_ascii=False)
        print(text.replace(str(temporary), str(folder)))
    else:
        _print_all(evaluation, folder / REPORT_NAME)
    if not all(verdict.passed for verdict in evaluation.verdicts):
        raise typer.Exit(1)


def default_folder(inputs: str) -> Path:
    """Return the folder of a report that none was named for: after the inputs, a pattern's after its folder."""
    path = Path(inputs).expanduser().resolve()
    named = path.parent if set(path.name) & set("*?[") else path
    return Path(f"{named.stem}.evaluation")


def _print_all(evaluation: "Evaluation", report: Path) -> None:
    print_figures(evaluation)
    print_verdicts(evaluation.verdicts)
    for note in evaluation.notes:
        print(note, file=sys.stderr)
    print(report)


@contextmanager
def _stages(stage: str, unit: str) -> Iterator[Tell]:
    print_stage(stage)
    with shown_progress(unit) as tell:
        yield tell


def _write_junit(evaluation: "Evaluation", path: Path, *, overwrite: bool) -> None:
    from onestep.evaluation.junit import junit_xml
    from onestep.runtime.text_file import write_whole

    write_whole(path, junit_xml(evaluation.verdicts), overwrite=overwrite)


def _write_kpi_file(domains: Sequence[str] | None, output: Path | None, *, overwrite: bool) -> None:
    from onestep.evaluation.kpi import kpi_file_text
    from onestep.runtime.text_file import write_whole

    names = domains or [DEFAULT_DOMAIN]
    if output is not None and len(names) > 1:
        raise SettingError(
            f"-o {output} names one file, and there are {len(names)} domains. Leave -o out: each gets DOMAIN.kpi.toml."
        )
    for name in names:
        path = output or Path(f"{name}.kpi.toml")
        write_whole(path, kpi_file_text(name), overwrite=overwrite)
        print(path)


def _write_blind(
    sides: tuple[str, str], inputs: str | None, output: Path | None, seed: int, *, overwrite: bool
) -> None:
    from onestep.evaluation.blind import write_blind_page

    folders = dict(_side(text) for text in sides)
    if len(folders) < 2:
        raise SettingError(f"--blind {sides[0]} {sides[1]} names both sides alike. Give two labels: A=DIR B=DIR.")
    path = output or Path("blind.html")
    source = Path(inputs) if inputs is not None else None
    print(write_blind_page(folders, path, seed=seed, inputs=source, overwrite=overwrite))


def _side(text: str) -> tuple[str, Path]:
    label, equals, folder = text.partition("=")
    if not (label and equals and folder):
        raise SettingError(f"--blind {text} is no label and folder. Write LABEL=DIR, such as old=runs/old.")
    return label, Path(folder)


def _print_votes(files: Sequence[Path], *, as_json: bool) -> None:
    from onestep.evaluation.votes import read_votes, summary, summary_as_json, summary_text

    result: Any = summary(read_votes(files))
    print(json.dumps(summary_as_json(result), indent=2, ensure_ascii=False) if as_json else summary_text(result))
