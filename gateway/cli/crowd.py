"""`sumun crowd`: crowd work and identity checks, from the host, in the name of staff."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import click

from gateway.cli.common import Home, emit, home_option, json_option

by_option = click.option("--by", required=True, help="The account that answers for this.")


@click.group()
def crowd() -> None:
    """Crowd work: tasks, and the identity checks that they need."""


@crowd.command()
@click.argument("account")
@click.argument("dataset")
@click.argument("version")
@click.argument("paths", nargs=-1, required=True)
@click.option("--instructions", required=True, help="What is to be done with the items.")
@click.option("--hours", type=click.IntRange(1, 720), default=24, show_default=True)
@by_option
@json_option
@home_option
def assign(
    home: Home,
    *,
    account: str,
    dataset: str,
    version: str,
    paths: Sequence[str],
    instructions: str,
    hours: int,
    by: str,
    as_json: bool,
) -> None:
    """Assign the items PATHS of VERSION of DATASET to ACCOUNT."""
    from gateway.tasks.service import NewTask, assign

    with home.runtime() as runtime:
        ends_at = runtime.clock.now() + timedelta(hours=hours)
        new = NewTask(dataset, version, account, paths, instructions, ends_at)
        made = assign(runtime, _operator(), new, _person(runtime, by))
    emit({"id": str(made), "account": account, "ends_at": ends_at.isoformat()}, as_json)


@crowd.command()
@click.argument("task_id", metavar="ID", type=click.UUID)
@by_option
@json_option
@home_option
def end(home: Home, task_id: uuid.UUID, by: str, as_json: bool) -> None:
    """Take the task ID back; its items close at once."""
    from gateway.tasks.service import end

    with home.runtime() as runtime:
        end(runtime, _operator(), task_id, _person(runtime, by))
    emit({"id": str(task_id), "ended_by": by}, as_json)


@crowd.command("free-identity")
@click.argument("account")
@json_option
@home_option
def free_identity(home: Home, account: str, as_json: bool) -> None:
    """Let the person behind the closed ACCOUNT be checked under another one."""
    from gateway.identity.identity_marks import release

    with home.runtime() as runtime:
        release(runtime, _operator(), _person(runtime, account))
    emit({"account": account, "released": True}, as_json)


def _operator() -> Any:
    from gateway.journal import Actor

    return Actor.operator()


def _person(runtime: Any, account: str) -> uuid.UUID:
    from gateway.identity.service_people import by_account

    with runtime.db.read() as session:
        return by_account(session, account).id
