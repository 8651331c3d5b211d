"""`sumun org`: organisations, from the host."""

from __future__ import annotations

from typing import Any

import click

from gateway.cli.common import FOUND, Home, emit, home_option, json_option


@click.group()
def org() -> None:
    """Organisations and their verification."""


@org.command("list")
@click.option(
    "--status",
    type=click.Choice(["pending", "verified", "rejected", "suspended"]),
    help="Only those in this state.",
)
@json_option
@home_option
def list_organisations(home: Home, status: str | None, as_json: bool) -> None:
    """Every organisation, those that wait for verification first."""
    from gateway.identity.models import OrganisationStatus
    from gateway.identity.service_organisation_reads import list_organisations as listed

    wanted = OrganisationStatus(status) if status else None
    with home.runtime() as runtime, runtime.db.read() as session:
        found = listed(session, wanted)
    emit([_row(each) for each in found], as_json)


@org.command()
@click.argument("organisation")
@json_option
@home_option
def verify(home: Home, organisation: str, as_json: bool) -> None:
    """Verify ORGANISATION (id or name) after comparing it with the public register."""
    from gateway.identity import service_organisations as organisations

    _decide(home, organisation, as_json, organisations.verify)


@org.command()
@click.argument("organisation")
@click.option("--reason", required=True, help="Why; whoever registered it reads this.")
@json_option
@home_option
def reject(home: Home, organisation: str, reason: str, as_json: bool) -> None:
    """Say why ORGANISATION (id or name) cannot be verified."""
    from gateway.identity import service_organisations as organisations

    _decide(home, organisation, as_json, organisations.reject, reason)


@org.command()
@click.argument("organisation")
@click.option("--reason", required=True, help="Why; its members read this.")
@json_option
@home_option
def suspend(home: Home, organisation: str, reason: str, as_json: bool) -> None:
    """Stop ORGANISATION (id or name): nobody gets another byte on its behalf."""
    from gateway.identity import service_organisations as organisations

    _decide(home, organisation, as_json, organisations.suspend_organisation, reason)


@org.command()
@click.argument("organisation", required=False)
@json_option
@home_option
def recheck(home: Home, organisation: str | None, as_json: bool) -> None:
    """Ask the tax service about ORGANISATION (id or name), or about every verified one.

    One whose business has closed is suspended. Exits with 1 when any is not operating.
    """
    from gateway.identity import service_checks
    from gateway.identity.service_organisation_reads import named
    from gateway.identity.tax_service import TaxService
    from gateway.identity.verifier import BusinessState
    from gateway.journal import Actor

    with home.runtime() as runtime:
        only = None
        if organisation is not None:
            with runtime.db.read() as session:
                only = named(session, organisation).id
        verifier = TaxService.of(runtime.settings)
        found = service_checks.recheck(runtime, verifier, Actor.operator(), only)
    emit([_rechecked(each) for each in found], as_json)
    if any(each.state is not BusinessState.OPERATING for each in found):
        click.get_current_context().exit(FOUND)


def _rechecked(row: Any) -> dict[str, Any]:
    return {
        "id": str(row.organisation_id),
        "name": row.name,
        "state": str(row.state),
        "suspended": row.suspended,
    }


def _decide(home: Home, organisation: str, as_json: bool, verb: Any, *reason: str) -> None:
    from gateway.identity.service_organisation_reads import named
    from gateway.identity.service_organisations import get_organisation
    from gateway.journal import Actor

    with home.runtime() as runtime:
        with runtime.db.read() as session:
            found = named(session, organisation).id
        verb(runtime, Actor.operator(), found, *reason)
        with runtime.db.read() as session:
            row = get_organisation(session, found)
    emit(_row(row), as_json)


def _row(row: Any) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "name": row.name,
        "kind": str(row.kind),
        "country": row.country,
        "business_number": row.business_number,
        "status": str(row.status),
    }
