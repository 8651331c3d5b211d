"""`sumun audit erase`: make a person's fields unreadable, in the log and everywhere else."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from gateway.cli.audit_fsck import opened
from gateway.cli.common import Home, emit, home_option, json_option

if TYPE_CHECKING:
    from gateway.evidence.erasure import Erased


@click.command()
@click.argument("person")
@click.option("--reason", required=True, help="Why; sealed under the operator's own key.")
@json_option
@home_option
def erase(home: Home, person: str, reason: str, as_json: bool) -> None:
    """Erase PERSON (account, id, or anonymous:YYYY-MM): destroy the key of their fields.

    Refuses, exit status 2, while the law or a duty asks to keep them; the rule and its date are
    named. Every proof and checkpoint stays valid.
    """
    from gateway.evidence.erasure import erase as make
    from gateway.journal import Actor

    with opened(home) as runtime:
        done = make(runtime, Actor.operator(), person, reason)
    _print(done, as_json)


def _print(done: Erased, as_json: bool) -> None:
    if as_json:
        emit(asdict(done), True)
        return
    emit({"erased": done.token}, False)
    for one in done.opened_bundles:
        click.echo(f"bundle {one.bundle} (entry {one.index}) was handed out with open fields")
