"""`sumun policy agreement`: which text bound an access."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from gateway.cli.common import FOUND, Home, emit, home_option, json_option

if TYPE_CHECKING:
    from gateway.agreements.models import AgreementVersion
    from gateway.oversight.bound import BoundAccess


@click.command()
@click.argument("index", type=click.IntRange(min=0))
@click.option("--text", type=click.Choice(["ko", "en"]), help="Print the text itself, too.")
@json_option
@home_option
def agreement(home: Home, index: int, text: str | None, as_json: bool) -> None:
    """Which agreement text bound the access in entry INDEX of the log, and who had signed it.

    Answers for any past access, also after the text was superseded. That an operator looked is
    recorded. Exit status 1: nothing had been signed.
    """
    from gateway.journal import Actor
    from gateway.oversight.bound import bound_access
    from gateway.oversight.directory import Directory
    from gateway.oversight.service_search import Desk

    with home.runtime() as runtime:
        desk = Desk(runtime, Directory(runtime.vault), Actor.operator())
        found = bound_access(desk, index)
    answer = _answer(found, text)
    emit(answer, True) if as_json else _tell(answer)
    if answer["signed"] is None:
        raise click.exceptions.Exit(FOUND)


def _answer(found: BoundAccess, language: str | None) -> dict[str, Any]:
    from gateway.oversight.bound import text_of

    held, signature = found.bound, found.bound.acceptance
    answer: dict[str, Any] = {
        "index": found.seen.index,
        "at": _moment(held.at),
        "action": found.seen.action,
        "dataset": found.seen.dataset,
        "grant": str(found.grant.id),
        "signed": _version(held.version),
        "acceptance": None,
        "organisation": None,
        "in_force": _version(held.in_force),
    }
    if signature is not None:
        answer["acceptance"] = {
            "id": str(signature.id),
            "typed_name": signature.typed_name,
            "method": signature.method,
            "accepted_at": _moment(signature.accepted_at),
            "expires_at": _moment(signature.expires_at),
        }
    if held.organisation is not None:
        official = held.organisation
        answer["organisation"] = {
            "id": str(official.id),
            "sha256": official.sha256,
            "official_name": official.official_name,
            "official_title": official.official_title,
            "letter_sha256": official.letter_sha256,
            "accepted_at": _moment(official.accepted_at),
            "expires_at": _moment(official.expires_at),
        }
    if language is not None and held.version is not None:
        answer["text"] = text_of(held.version, language)
    return answer


def _version(version: AgreementVersion | None) -> dict[str, Any] | None:
    if version is None:
        return None
    return {"name": f"{version.code}/v{version.number}", "sha256": version.sha256}


def _moment(at: datetime) -> str:
    return at.isoformat(timespec="seconds")


def _tell(answer: dict[str, Any]) -> None:
    signed, acceptance = answer["signed"], answer["acceptance"]
    click.echo(f"entry {answer['index']}: {answer['action']} {answer['dataset']} at {answer['at']}")
    if signed is None:
        click.echo("  no signature held at that moment")
    else:
        click.echo(f"  bound by {signed['name']} (sha256 {signed['sha256']})")
        period = f"{acceptance['accepted_at']} to {acceptance['expires_at']}"
        click.echo(f"  signed by {acceptance['typed_name']}, {acceptance['method']}, {period}")
    if answer["organisation"] is not None:
        official = answer["organisation"]
        who = f"{official['official_name']} ({official['official_title']})"
        click.echo(f"  for the organisation by {who}, text {official['sha256']}")
    if answer["in_force"] is not None and answer["in_force"] != signed:
        click.echo(f"  in force was {answer['in_force']['name']}; the notice period had not passed")
    if "text" in answer:
        click.echo()
        click.echo(answer["text"])
