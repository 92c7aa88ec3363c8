"""`onestep train`: pictures and a base become a checkpoint."""

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from onestep.cli.setting_options import given_options, with_setting_options
from onestep.errors import SettingError, require
from onestep.training.find_base import EMBEDDED, REPOSITORIES
from onestep.training.trainer.run_folder import RunFolder
from onestep.training.trainer.settings import Kind, Settings
from onestep.training.trainer.settings_file import default_settings, read_values, values_of, with_values

if TYPE_CHECKING:
    from onestep.training.trainer.run import RunReport

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="Train a translation: LoRA on a base, from two folders of pictures or from pairs.",
)

_Output = Annotated[Path | None, typer.Option("--output", "-o", help="Folder of the new run.", show_default=False)]
_Resume = Annotated[
    Path | None, typer.Option(help="A run's folder, to go on with it exactly as it was.", show_default=False)
]
_Config = Annotated[
    Path | None, typer.Option(help="Settings as TOML, such as another run's settings.toml.", show_default=False)
]
_Download = Annotated[bool, typer.Option(help="Get a known base from the Hugging Face hub if it is not here.")]
_Json = Annotated[bool, typer.Option("--json", help="Print the report as JSON.")]


@app.command()
@with_setting_options("unpaired")
def unpaired(
    *,
    output: _Output = None,
    resume: _Resume = None,
    config: _Config = None,
    download: _Download = False,
    as_json: _Json = False,
    **options: Any,
) -> None:
    """Train both directions between two folders of pictures, as CycleGAN-Turbo (Parmar et al. 2024).

    Ctrl-C saves; `--resume RUN` goes on. Several processes: `torchrun --nproc-per-node N -m onestep train unpaired …`.
    """
    _run("unpaired", output, resume, config, download=download, as_json=as_json, options=options)


@app.command()
@with_setting_options("paired")
def paired(
    *,
    output: _Output = None,
    resume: _Resume = None,
    config: _Config = None,
    download: _Download = False,
    as_json: _Json = False,
    **options: Any,
) -> None:
    """Train one direction from pairs of pictures with captions, as pix2pix-turbo (Parmar et al. 2024).

    Ctrl-C saves; `--resume RUN` goes on. Several processes: `torchrun --nproc-per-node N -m onestep train paired …`.
    """
    _run("paired", output, resume, config, download=download, as_json=as_json, options=options)


def resolved_settings(
    kind: Kind, *, resume: Path | None = None, config: Path | None = None, options: dict[str, Any]
) -> Settings:
    """Return the settings of a run: options before the settings file before what the run had or the defaults.

    Args:
        kind: Kind of run.
        resume: Folder of a run that goes on.
        config: A settings file.
        options: Values by name; what is None was not given.

    Raises:
        OnestepError: A file cannot be read, or has an unknown key or a bad value; the run to be resumed had others.
    """
    begun = default_settings(kind)
    if resume is not None:
        RunFolder(resume).check_is_run()
        saved = RunFolder(resume).settings
        begun = with_values(begun, read_values(saved, kind), source=str(saved))
    settings = begun
    if config is not None:
        settings = with_values(settings, read_values(config, kind), source=str(config))
    settings = _with_whole_paths(with_values(settings, given_options(options), source="the options"))
    if not settings.data.data:
        raise SettingError("No pictures were named. Give their folder with --data.")
    if resume is not None:
        from onestep.training.trainer.resume import check_same_settings

        check_same_settings(begun, settings)
    return settings


def _with_whole_paths(settings: Settings) -> Settings:
    """Write folders and files from the root on, so that a run can be resumed from anywhere."""
    values = values_of(settings)
    whole = {name: _whole(values[name]) for name in ("data", "clip") if values.get(name)}
    if values["base"] not in (EMBEDDED, *REPOSITORIES):  # a name, even where a folder is called so
        whole["base"] = _whole(values["base"])
    for name in ("discriminator", "perceptual", "features"):
        kind, colon, place = values[name].partition(":")  # clip:FOLDER, lpips:FILE, inception:FILE
        whole[name] = f"{kind}{colon}{_whole(place)}" if colon else kind
    return with_values(settings, whole, source="the options")


def _whole(text: str) -> str:
    path = Path(text).expanduser()
    return str(path.resolve()) if path.exists() else text


def _run(
    kind: Kind,
    output: Path | None,
    resume: Path | None,
    config: Path | None,
    *,
    download: bool,
    as_json: bool,
    options: dict[str, Any],
) -> None:
    if (output is None) == (resume is None):
        raise SettingError(
            "Give the folder of a new run with -o, or that of a run to go on with --resume: one of the two."
        )
    folder = output or resume
    assert folder is not None
    settings = resolved_settings(kind, resume=resume, config=config, options=options)
    for library in ("torch", "diffusers", "peft", "accelerate"):
        require(library, extra="train", purpose="train")
    from onestep.training.quiet import quiet_libraries

    with quiet_libraries():
        from onestep.training.trainer.run import train

        report = train(settings, folder, resume=resume is not None, download=download)
    if report is not None:
        _print(report, as_json=as_json, base=settings.model.base)


def _print(report: "RunReport", *, as_json: bool, base: str) -> None:
    folder = report.folder
    if as_json:
        content = {
            "checkpoint": str(folder.checkpoint),
            "best": str(folder.best) if report.best_step is not None else None,
            "steps": report.steps,
            "best_step": report.best_step,
            "validation": report.measures,
        }
        print(json.dumps(content, indent=2))
        return
    print(f"Checkpoint: {folder.checkpoint} (after {report.steps} steps, moving average)")
    if report.best_step is not None:
        print(f"Best: {folder.best} (after {report.best_step} steps)")
    print(f"Next: {_merge_command(folder.checkpoint, base)}", file=sys.stderr)


def _merge_command(checkpoint: Path, base: str) -> str:
    """Return the command that makes a generator of a run's checkpoint, with the options that this one needs."""
    from onestep.training.checkpoints.safetensors_file import load_checkpoint

    directions = load_checkpoint(checkpoint).directions
    direction, weights = next(iter(directions.items()))
    options = ["--direction", direction] if len(directions) > 1 else []
    if weights.prompt is None:  # of captions that differ, none is stored
        options += ["--prompt", "TEXT"]
    return shlex.join(["onestep", "merge", str(checkpoint), "--base", base, *options, "-o", "GENERATOR"])
