"""`sumun user`: accounts, from the host."""

from __future__ import annotations

import secrets
import sys
from typing import Any

import click

from gateway.cli.common import Home, emit, home_option, json_option
from gateway.errors import OperatorError

PASSWORD_BYTES = 18


@click.group()
def user() -> None:
    """People and their accounts."""


@user.command()
@click.argument("account")
@click.option("--name", required=True, help="The person's name, as they sign agreements.")
@click.option("--email", required=True, help="Where the person is reached.")
@click.option("--country", default="KR", show_default=True, help="ISO 3166-1 alpha-2 code.")
@click.option("--national/--foreign", default=None, help="Korean nationality, as stated.")
@click.option("--locale", type=click.Choice(["ko", "en"]), default="ko", show_default=True)
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@click.option("--operator", is_flag=True, help="Make this person the first operator.")
@json_option
@home_option
def create(
    home: Home,
    *,
    account: str,
    password_stdin: bool,
    operator: bool,
    as_json: bool,
    **fields: Any,
) -> None:
    """Make an account. Without --password-stdin a random password is printed, once."""
    from gateway.identity.service_people import NewPerson, create_person
    from gateway.identity.service_roles import check_no_operator_yet, grant_first_operator
    from gateway.journal import Actor

    fields["korean_national"] = fields.pop("national")
    password = _from_stdin() if password_stdin else secrets.token_urlsafe(PASSWORD_BYTES)
    with home.runtime() as runtime:
        actor = Actor.operator()
        if operator:
            # Before the account is made, so that a refusal leaves nothing behind.
            check_no_operator_yet(runtime)
        person = create_person(runtime, actor, NewPerson(account, **fields), password)
        if operator:
            grant_first_operator(runtime, actor, person.id)
    shown = {} if password_stdin else {"password": password}
    emit(_row(person) | shown, as_json)


@user.command("list")
@json_option
@home_option
def list_people(home: Home, as_json: bool) -> None:
    """Every account, oldest first."""
    from gateway.identity.service_people import list_all
    from gateway.identity.service_viewing import viewed
    from gateway.journal import Actor

    with home.runtime() as runtime:
        with runtime.db.read() as session:
            people = list_all(session)
        viewed(runtime, Actor.operator(), people, "people")
    emit([_row(person) for person in people], as_json)


@user.command()
@click.argument("account")
@json_option
@home_option
def show(home: Home, account: str, as_json: bool) -> None:
    """One account with its roles and organisations."""
    from gateway.identity.service_attestations import identity_level
    from gateway.identity.service_memberships import memberships_of
    from gateway.identity.service_people import by_account
    from gateway.identity.service_roles import roles_of
    from gateway.identity.service_viewing import viewed
    from gateway.journal import Actor

    with home.runtime() as runtime:
        with runtime.db.read() as session:
            person = by_account(session, account)
            now = runtime.clock.now()
            level, held = identity_level(session, person.id, now), roles_of(session, person.id, now)
            places = memberships_of(session, person.id)
        viewed(runtime, Actor.operator(), [person], f"person:{person.id}")
    more = {
        "email": person.email,
        "country": person.country,
        "identity_level": level,
        "roles": ", ".join(sorted(f"{role}@{scope}" for role, scope in held)),
        "organisations": ", ".join(org.name for row, org in places if row.confirmed_by),
    }
    emit(_row(person) | more, as_json)


@user.command()
@click.argument("account")
@click.option("--reason", required=True, help="Why; the person can ask for it.")
@json_option
@home_option
def suspend(home: Home, account: str, reason: str, as_json: bool) -> None:
    """Stop an account: sessions end, and no grant of it serves another byte."""
    from gateway.identity.service_people import suspend as stop

    _change(home, account, as_json, lambda runtime, actor, one: stop(runtime, actor, one, reason))


@user.command()
@click.argument("account")
@click.option("--reason", required=True, help="Why; the person can ask for it.")
@json_option
@home_option
def close(home: Home, account: str, reason: str, as_json: bool) -> None:
    """Close an account for good: as suspending it, and it never opens again."""
    from gateway.identity.service_people import close as end

    _change(home, account, as_json, lambda runtime, actor, one: end(runtime, actor, one, reason))


@user.command()
@click.argument("account")
@json_option
@home_option
def resume(home: Home, account: str, as_json: bool) -> None:
    """Let a suspended account sign in again."""
    from gateway.identity.service_people import resume as go_on

    _change(home, account, as_json, go_on)


@user.command()
@click.argument("account")
@json_option
@home_option
def recover(home: Home, account: str, as_json: bool) -> None:
    """Print a recovery address that works once, for one hour. Make sure first who asks."""
    from gateway.identity.service_passwords import issue_recovery
    from gateway.identity.service_people import by_account
    from gateway.journal import Actor

    with home.runtime() as runtime:
        with runtime.db.read() as session:
            person = by_account(session, account)
        recovery = issue_recovery(runtime, Actor.operator(), person.id)
        address = f"{runtime.settings.public_url}/recover/{recovery.token}"
    emit({"url": address, "expires_at": recovery.expires_at.isoformat()}, as_json)


@user.command()
@click.argument("account")
@json_option
@home_option
def identities(home: Home, account: str, as_json: bool) -> None:
    """The outside identities that sign an account in."""
    from gateway.identity.federation.service_links import identities_of
    from gateway.identity.service_people import by_account
    from gateway.identity.service_viewing import viewed
    from gateway.journal import Actor

    with home.runtime() as runtime:
        with runtime.db.read() as session:
            person = by_account(session, account)
            rows = identities_of(session, person.id)
        viewed(runtime, Actor.operator(), [person], f"person:{person.id}")
    names = ("provider", "issuer", "subject", "label")
    shown = [{name: getattr(row, name) for name in names} for row in rows]
    emit(
        [
            {**one, "linked_at": row.linked_at.isoformat()}
            for one, row in zip(shown, rows, strict=True)
        ],
        as_json,
    )


@user.command()
@click.argument("account")
@click.argument("provider")
@json_option
@home_option
def unlink(home: Home, account: str, provider: str, as_json: bool) -> None:
    """Take an outside identity off an account; its sessions end. Never the last way to sign in."""
    from gateway.identity.federation.service_links import unlink_for

    def verb(runtime: Any, actor: Any, one: Any) -> None:
        unlink_for(runtime, actor, one, provider)

    _change(home, account, as_json, verb)


@user.command("factors")
@click.argument("account")
@json_option
@home_option
def list_factors(home: Home, account: str, as_json: bool) -> None:
    """The second factors of an account."""
    from gateway.identity.factors import factors_of
    from gateway.identity.service_people import by_account
    from gateway.identity.service_viewing import viewed
    from gateway.journal import Actor

    with home.runtime() as runtime:
        with runtime.db.read() as session:
            person = by_account(session, account)
            found = factors_of(session, person.id)
        viewed(runtime, Actor.operator(), [person], f"person:{person.id}")
    emit({"account": person.account} | _factors(found), as_json)


@user.command("reset-factors")
@click.argument("account")
@click.option("--reason", required=True, help="Why; the person can ask for it.")
@json_option
@home_option
def reset_second_factors(home: Home, account: str, reason: str, as_json: bool) -> None:
    """Remove every second factor and end every session. Make sure first who asks."""
    from gateway.identity.service_factors import reset_factors
    from gateway.identity.service_people import by_account
    from gateway.journal import Actor

    with home.runtime() as runtime:
        with runtime.db.read() as session:
            person = by_account(session, account)
        had = reset_factors(runtime, Actor.operator(), person.id, reason)
    emit({"account": person.account, "removed": _factors(had)}, as_json)


def _factors(found: Any) -> dict[str, Any]:
    return {
        "passkeys": [row.name for row in found.passkeys],
        "authenticator_app": found.one_time is not None,
        "recovery_codes_left": found.codes_left,
    }


def _change(home: Home, account: str, as_json: bool, verb: Any) -> None:
    from gateway.identity.service_people import by_account, get_person
    from gateway.journal import Actor

    with home.runtime() as runtime:
        with runtime.db.read() as session:
            person_id = by_account(session, account).id
        verb(runtime, Actor.operator(), person_id)
        with runtime.db.read() as session:
            person = get_person(session, person_id)
    emit(_row(person), as_json)


def _from_stdin() -> str:
    password: str = sys.stdin.readline().rstrip("\r\n")
    if not password:
        raise OperatorError("standard input holds no password")
    return password


def _row(person: Any) -> dict[str, Any]:
    return {
        "id": str(person.id),
        "account": person.account,
        "name": person.name,
        "status": str(person.status),
        "created_at": person.created_at.isoformat(),
    }
