"""`onestep domains`: what can be translated into what."""

import dataclasses
import json
from typing import Annotated

import typer

from onestep.domains import DOMAINS


def domains(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List the translations that are known by name, what each needs, and licences."""
    if as_json:
        print(json.dumps([dataclasses.asdict(domain) for domain in DOMAINS.values()], indent=2))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("domain", "what it does", "prompt", "base", "needs", "licence")
    for domain in DOMAINS.values():
        table.add_row(domain.name, domain.summary, domain.prompt, "tiny", "nothing: embedded", domain.licence)
    Console().print(table)
