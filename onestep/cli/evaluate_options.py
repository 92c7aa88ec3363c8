"""The options of `onestep evaluate`."""

from pathlib import Path
from typing import Annotated

import typer

from onestep.cli.choose_bundle import DEFAULT_DOMAIN

_MEASURE = "Measure"
_THRESHOLDS = "Thresholds"
_PEOPLE = "Judgement by people"

InputsOption = Annotated[
    str | None,
    typer.Option("--inputs", metavar="DIR_OR_VIDEO", help="A folder, a pattern, or a video.", rich_help_panel=_MEASURE),
]
DomainsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--domain",
        metavar="NAME",
        help=f"An embedded translation to run; {DEFAULT_DOMAIN} where nothing else translates. May be repeated.",
        rich_help_panel=_MEASURE,
    ),
]
BundlesOption = Annotated[
    list[Path] | None,
    typer.Option("--bundle", metavar="DIR", help="A bundle to run. May be repeated.", rich_help_panel=_MEASURE),
]
OutputsOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--outputs",
        metavar="DIR",
        help="Results made elsewhere, named as the inputs. May be repeated.",
        rich_help_panel=_MEASURE,
    ),
]
TargetsOption = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Real pictures of the domain to reach, any scenes.", rich_help_panel=_MEASURE),
]
TruthOption = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR", help="The same moments as they should come out, named as the inputs.", rich_help_panel=_MEASURE
    ),
]
TrainingDataOption = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Pictures that the translator has learnt from.", rich_help_panel=_MEASURE),
]
FeaturesOption = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="Network for distances of sets: efficientnet-lite0, vgg16-st or alexnet-st.",
        rich_help_panel=_MEASURE,
    ),
]
InceptionOption = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="inception-2015-12-05.pt, for a distance called FID.", rich_help_panel=_MEASURE),
]
DinoOption = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR", help="DINO in transformers' layout, for the structure distance.", rich_help_panel=_MEASURE
    ),
]
VideoPicturesOption = Annotated[
    int, typer.Option(min=1, help="Frames of a video that are measured as pictures.", rich_help_panel=_MEASURE)
]
DataLicenceOption = Annotated[
    str | None,
    typer.Option(metavar="TEXT", help="Licence of the pictures, for the report.", rich_help_panel=_MEASURE),
]
KpiOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="Thresholds, or the name of a domain that ships some.", rich_help_panel=_THRESHOLDS
    ),
]
InitKpiOption = Annotated[
    bool,
    typer.Option("--init-kpi", help="Write a commented file of thresholds for --domain.", rich_help_panel=_THRESHOLDS),
]
JunitOption = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Write the verdicts as JUnit XML too.", rich_help_panel=_THRESHOLDS),
]
BlindOption = Annotated[
    tuple[str, str] | None,
    typer.Option(metavar="A=DIR B=DIR", help="Write a page for a blind comparison.", rich_help_panel=_PEOPLE),
]
SeedOption = Annotated[
    int, typer.Option(help="Draws the sides and the order of a blind page.", rich_help_panel=_PEOPLE)
]
VotesOption = Annotated[
    list[Path] | None,
    typer.Option("--votes", metavar="FILES", help="Sum up votes that blind pages saved.", rich_help_panel=_PEOPLE),
]
VotesArgument = Annotated[
    list[Path] | None, typer.Argument(metavar="[VOTES]...", help="More files for --votes.", show_default=False)
]
ResultOption = Annotated[
    Path | None,
    typer.Option("--output", "-o", help="Folder of the report (INPUTS' name.evaluation), page, or file of thresholds."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the evaluation or the votes as JSON.")]
