"""People for tests: accounts, roles given by two, sign-in as a browser or as the client."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from gateway.identity import passwords
from gateway.identity.models import EVERYWHERE, SENSITIVE_ROLES, Person, Role, RoleGrant
from gateway.identity.passwords import Hasher
from gateway.identity.service_people import NewPerson, create_person, find_by_account
from gateway.identity.service_roles import NewRole, confirm_role, grant_first_operator, grant_role
from gateway.journal import Actor, Channel, PartyKind, Place

if TYPE_CHECKING:
    from flask.testing import FlaskClient

    from gateway.runtime import Runtime

PASSWORD = "수문 시험용 열쇠말 2026"
FIRST, SECOND, WITNESS = "first.operator", "second.operator", "host.witness"
TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')

# Argon2id at its real cost would take most of the suite's time.
passwords.HASHER = Hasher(memory_kib=64, passes=1)


def make_person(
    runtime: Runtime,
    account: str,
    *,
    name: str = "",
    country: str = "KR",
    korean_national: bool | None = True,
    locale: str = "ko",
) -> Person:
    """An active person with `PASSWORD`, made on the host."""
    shown = name or account.replace(".", " ").title()
    new = NewPerson(account, shown, f"{account}@example.org", country, korean_national, locale)
    return create_person(runtime, Actor.operator(), new, PASSWORD)


def person(runtime: Runtime, account: str) -> Person:
    """The person of `account`, made when missing."""
    with runtime.db.read() as session:
        known = find_by_account(session, account)
    return known or make_person(runtime, account)


def operators(runtime: Runtime) -> tuple[Person, Person]:
    """Two operators: the first of the host, the second confirmed by a third person."""
    first, second = person(runtime, FIRST), person(runtime, SECOND)
    if not _has(runtime, first, Role.OPERATOR):
        grant_first_operator(runtime, Actor.operator(), first.id)
    if not _has(runtime, second, Role.OPERATOR):
        new = NewRole(second.id, Role.OPERATOR)
        row = grant_role(runtime, Actor.operator(), new, granted_by=first.id)
        confirm_role(runtime, Actor.operator(), row.id, person(runtime, WITNESS).id)
    return first, second


def grant(
    runtime: Runtime, holder: Person, role: Role, scope: str = EVERYWHERE, **period: Any
) -> RoleGrant:
    """Give `holder` a role as it is really done: granted by one operator, confirmed by another."""
    first, second = operators(runtime)
    row = grant_role(runtime, acting_as(first), NewRole(holder.id, role, scope, **period))
    if role in SENSITIVE_ROLES:
        confirm_role(runtime, acting_as(second), row.id)
    return row


def acting_as(one: Person, channel: Channel = Channel.WEB) -> Actor:
    """The actor that a request of this person has."""
    return Actor(
        PartyKind.PERSON,
        Place("127.0.0.1", "test", channel),
        one.id,
        personal={"account": one.account, "name": one.name},
    )


def visitor(address: str = "127.0.0.1") -> Actor:
    """Somebody who has not signed in."""
    return Actor.anonymous(Place(address, "test", Channel.WEB))


def csrf(client: FlaskClient, page: str = "/sign-in") -> str:
    """The token that every form of this browser carries."""
    found = TOKEN.search(client.get(page, follow_redirects=True).text)
    assert found, f"no form on {page}"
    return found.group(1)


def post(client: FlaskClient, path: str, **fields: Any) -> Any:
    """Send a form as the browser would."""
    return client.post(path, data={"csrf_token": csrf(client), **fields})


def sign_in(client: FlaskClient, one: Person, password: str = PASSWORD) -> None:
    """Sign this browser in."""
    answer = post(client, "/sign-in", account=one.account, password=password)
    assert answer.status_code == 303, answer.text


def bearer(client: FlaskClient, one: Person, password: str = PASSWORD) -> dict[str, str]:
    """The headers with which the researcher's client acts for this person."""
    body = {"account": one.account, "password": password, "device": "test"}
    answer = client.post("/api/v1/session", json=body)
    assert answer.status_code == 201, answer.text
    return {"Authorization": f"Bearer {answer.json['token']}"}


def _has(runtime: Runtime, one: Person, role: Role) -> bool:
    with runtime.db.read() as session:
        held = select(RoleGrant.id).where(RoleGrant.person_id == one.id, RoleGrant.role == role)
        return session.scalar(held) is not None
