"""`sumun role`: staff roles, from the host, in the name of operators."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

import click

from gateway.cli.common import Home, emit, home_option, json_option

ROLES = [
    "steward", "committee", "auditor", "contractor", "crowd_worker", "zone_staff", "operator",
]  # fmt: skip
by_option = click.option("--by", required=True, help="The account that answers for this.")


@click.group()
def role() -> None:
    """Staff roles. Sensitive ones count once a second person has confirmed them."""


@role.command()
@click.argument("account")
@click.argument("name", metavar="ROLE", type=click.Choice(ROLES))
@click.option("--scope", default="*", show_default=True, help="A dataset's or zone's slug, or *.")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="Last day of the role.")
@by_option
@json_option
@home_option
def grant(
    home: Home,
    *,
    account: str,
    name: str,
    by: str,
    scope: str,
    until: datetime | None,
    as_json: bool,
) -> None:
    """Grant ROLE to ACCOUNT in the name of the operator --by."""
    from gateway.identity import service_roles as roles
    from gateway.identity.models import Role
    from gateway.identity.schemas import end_of

    with home.runtime() as runtime:
        ends_at = end_of(until.date(), runtime.settings.zone) if until else None
        new = roles.NewRole(_person(runtime, account), Role(name), scope, ends_at=ends_at)
        row = roles.grant_role(runtime, _operator(), new, _person(runtime, by))
    emit(_row(row, account), as_json)


@role.command()
@click.argument("grant_id", metavar="ID", type=click.UUID)
@by_option
@json_option
@home_option
def confirm(home: Home, grant_id: uuid.UUID, by: str, as_json: bool) -> None:
    """Confirm the role ID as the second person --by."""
    from gateway.identity import service_roles as roles

    with home.runtime() as runtime:
        roles.confirm_role(runtime, _operator(), grant_id, _person(runtime, by))
    emit({"id": str(grant_id), "confirmed_by": by}, as_json)


@role.command()
@click.argument("grant_id", metavar="ID", type=click.UUID)
@by_option
@json_option
@home_option
def end(home: Home, grant_id: uuid.UUID, by: str, as_json: bool) -> None:
    """End the role ID at once, in the name of --by."""
    from gateway.identity import service_roles as roles

    with home.runtime() as runtime:
        roles.end_role(runtime, _operator(), grant_id, _person(runtime, by))
    emit({"id": str(grant_id), "ended_by": by}, as_json)


@role.command("list")
@json_option
@home_option
def list_roles(home: Home, as_json: bool) -> None:
    """Every role that has not ended, with who holds it and whether it counts."""
    from gateway.identity import service_roles as roles
    from gateway.identity.service_viewing import viewed

    with home.runtime() as runtime:
        with runtime.db.read() as session:
            listed = roles.list_roles(session, runtime.clock.now())
        viewed(runtime, _operator(), [person for _row, person in listed], "roles")
    emit([_row(row, person.account) for row, person in listed], as_json)


def _operator() -> Any:
    from gateway.journal import Actor

    return Actor.operator()


def _person(runtime: Any, account: str) -> uuid.UUID:
    from gateway.identity.service_people import by_account

    with runtime.db.read() as session:
        return by_account(session, account).id


def _row(row: Any, account: str) -> dict[str, Any]:
    from gateway.identity.service_roles import waits

    return {
        "id": str(row.id),
        "account": account,
        "role": str(row.role),
        "scope": row.scope,
        "until": row.ends_at.isoformat() if row.ends_at else None,
        "state": "waiting for a second person" if waits(row) else "granted",
    }
