"""`sumun audit erase`: make a person's fields unreadable, in the log and everywhere else."""

from __future__ import annotations

from collections.abc import Iterator
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
    for line in _told(done):
        click.echo(line)
    for one in done.opened_bundles:
        click.echo(f"bundle {one.bundle} (entry {one.index}) was handed out with open fields")


def _told(done: Erased) -> Iterator[str]:
    """What is gone, what stays, and where it is recorded."""
    index = "waiting for its number" if done.index is None else f"entry {done.index}"
    yield f"erased: {done.token}"
    yield "destroyed: the key of everything that was sealed for this person, in every copy"
    yield "replaced: account, name, mail address and devices; the account is closed"
    yield f"stays: {done.entries} entries that name the token, with their proofs; no name any more"
    yield f"recorded: subject.erased, {index}"
    yield from (f"may be left in {one}" for one in done.left)
    yield "backups made before hold the key still: destroy them, or erase again after a restore"
