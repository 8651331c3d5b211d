"""`sumun emergency`: break-glass access, from the host, in the name of operators."""

from __future__ import annotations

import uuid
from typing import Any

import click

from gateway.cli.common import FOUND, Home, emit, home_option, json_option

by_option = click.option("--by", required=True, help="The account that answers for this.")


@click.group()
def emergency() -> None:
    """Break-glass access to one dataset: short, told to others, reviewed."""


@emergency.command("open")
@click.argument("dataset")
@click.option("--minutes", type=click.IntRange(1, 60), default=30, show_default=True)
@click.option("--reason", required=True, help="What has happened, and whom you tried to reach.")
@by_option
@json_option
@home_option
def open_(home: Home, *, dataset: str, minutes: int, reason: str, by: str, as_json: bool) -> None:
    """Open an emergency over DATASET in the name of the operator --by."""
    from gateway.emergency import service

    with home.runtime() as runtime:
        new = service.NewEmergency(dataset, minutes, reason)
        made = service.open_(runtime, _operator(), new, _person(runtime, by))
    emit({"id": str(made), "dataset": dataset, "minutes": minutes}, as_json)


@emergency.command()
@click.argument("emergency_id", metavar="ID", type=click.UUID)
@by_option
@json_option
@home_option
def end(home: Home, emergency_id: uuid.UUID, by: str, as_json: bool) -> None:
    """End the emergency ID at once, in the name of an operator or auditor."""
    from gateway.emergency import service

    with home.runtime() as runtime:
        service.end(runtime, _operator(), emergency_id, _person(runtime, by))
    emit({"id": str(emergency_id), "ended_by": by}, as_json)


@emergency.command()
@json_option
@home_option
@click.pass_context
def status(context: click.Context, home: Home, as_json: bool) -> None:
    """How many run, and how many wait for a review; 1 when there are any."""
    from gateway.emergency.reading import alarm

    with home.runtime() as runtime, runtime.db.read() as session:
        found = alarm(session, runtime.clock.now())
    emit({"live": found.live, "unreviewed": found.unreviewed}, as_json)
    context.exit(FOUND if found.live or found.unreviewed else 0)


def _operator() -> Any:
    from gateway.journal import Actor

    return Actor.operator()


def _person(runtime: Any, account: str) -> uuid.UUID:
    from gateway.identity.service_people import by_account

    with runtime.db.read() as session:
        return by_account(session, account).id
