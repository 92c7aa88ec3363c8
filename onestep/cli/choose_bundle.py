"""The options that choose what translates, shared by the commands that run a bundle, and saying what was chosen."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from onestep.domains import embedded_bundle
from onestep.errors import SettingError

if TYPE_CHECKING:
    from onestep.bundle import Bundle
    from onestep.runtime import Session

DEFAULT_DOMAIN = "day2night"

DomainOption = Annotated[
    str | None, typer.Option("--domain", help=f"An embedded translation, see `onestep domains` [{DEFAULT_DOMAIN}].")
]
BundleOption = Annotated[
    Path | None, typer.Option("--bundle", help="A bundle's folder, instead of --domain.", show_default=False)
]
BackendOption = Annotated[
    str, typer.Option("--backend", help="What runs the graph. auto takes the first that works and says so.")
]
SizeOption = Annotated[
    str | None,
    typer.Option("--size", help="WIDTHxHEIGHT to compute at.", show_default="about the bundle's preferred size"),
]
ThreadsOption = Annotated[
    int | None, typer.Option("--threads", min=1, help="Processor threads for the graph.", show_default="all cores")
]
PrepareOption = Annotated[
    Literal["canny", "sketch"] | None,
    typer.Option("--prepare", help="What becomes of each picture first, for paired domains.", show_default="nothing"),
]
StrengthOption = Annotated[
    float | None,
    typer.Option(
        "--strength", help="Of a stochastic bundle: 0 is far from the input, 1 is near it.", show_default="0.4"
    ),
]
SeedOption = Annotated[
    int | None, typer.Option("--seed", help="Of a stochastic bundle: chooses its noise.", show_default="0")
]
DetailOption = Annotated[
    bool | None,
    typer.Option("--detail/--no-detail", help="Give the result the source's detail that the network is too small for."),
]
OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="Replace what is there.")]


def chosen_bundle(domain: str | None, bundle: Path | None) -> "Bundle":
    """Open the bundle that the options name, the embedded day2night one without any.

    Raises:
        SettingError: Both options were given, or no domain has that name (UnknownNameError).
        BundleError: The bundle is damaged, incomplete or unsafe.
    """
    from onestep.bundle import open_bundle

    if domain is not None and bundle is not None:
        raise SettingError(
            f"--domain {domain} and --bundle {bundle} both say what to run. Leave one out: --domain for an embedded "
            "bundle, --bundle for one of yours."
        )
    return open_bundle(bundle or embedded_bundle(domain or DEFAULT_DOMAIN))


def say_what_runs(session: "Session") -> None:
    """Print on stderr which bundle runs, on what, at which size, and which backends were passed over."""
    manifest = session.bundle.manifest
    print(
        f"{manifest.domain} on base {manifest.base} ({manifest.precision}), {session.frame_size} on {session.backend}; "
        f"bundle {session.bundle.path}",
        file=sys.stderr,
    )
    for backend, reason in session.passed_over.items():
        print(f"passed over {backend}: {reason}", file=sys.stderr)
