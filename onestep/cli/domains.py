"""`onestep domains`: what can be translated into what."""

import dataclasses
import json
from typing import Annotated

import typer

from onestep.domains import DOMAINS, PUBLISHED_LICENCE, Domain, embedded_bundle, embedded_generator


def domains(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List the translations that are known by name, what each needs, and licences."""
    if as_json:
        print(json.dumps([_plain(domain) for domain in DOMAINS.values()], indent=2))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("domain", "what it does", "prompt", "base", "needs", "licence")
    for domain in DOMAINS.values():
        prompt = domain.prompt or "yours, with --prompt"
        if domain.embedded_licence:
            has_generator = embedded_generator(domain.name) != embedded_bundle(domain.name)
            bases = "tiny, tiny-student" if has_generator else "tiny-student"
            table.add_row(domain.name, domain.summary, prompt, bases, "nothing: embedded", domain.embedded_licence)
        if domain.published_file:
            needs = f"{domain.published_file}, with --checkpoint or --download"
            table.add_row(domain.name, domain.summary, prompt, "sd-turbo", needs, PUBLISHED_LICENCE)
    Console().print(table)


def _plain(domain: Domain) -> dict[str, str | None]:
    return {**dataclasses.asdict(domain), "published_url": domain.published_url}
