"""A company whose agreement its signing official must sign, too, and its pages."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from gateway.access import wiring as access
from gateway.agreements import wiring as agreements
from gateway.agreements.models import AgreementVersion
from gateway.catalog import wiring as catalog
from gateway.identity.models import Membership, MembershipKind, Person, Role
from gateway.jobs.worker import Worker
from gateway.runtime import Runtime
from tests import people
from tests import world as made
from tests.integration.agreements.signing import ADDRESS, Signing
from tests.world import World


@dataclass(frozen=True, slots=True)
class Town:
    """The world's company with a manager, its registered signing official, a steward and an
    outsider."""

    world: World
    member: Person
    manager: Person
    official: Person
    steward: Person
    outsider: Person


@pytest.fixture
def app(runtime: Runtime) -> Flask:
    app = made.small_app(runtime, catalog, agreements, access)
    app.config["MAX_CONTENT_LENGTH"] = 1 << 20
    return app


@pytest.fixture
def town(runtime: Runtime) -> Town:
    world = made.build(runtime)
    terms = made.terms(signature="personal+organisation")
    # Terms are remembered under their hash, so other terms have another one.
    digest = hashlib.sha256(str(terms).encode()).hexdigest()
    made.change(runtime, AgreementVersion, world.agreement, terms=terms, sha256=digest)
    made.put_files(runtime, world, {"a.txt": b"data"})
    names = ("manager", "official", "steward", "outsider")
    folk = {name: people.make_person(runtime, name) for name in names}
    people.grant(runtime, folk["steward"], Role.STEWARD)
    made.change(runtime, Person, folk["official"].id, email=ADDRESS)
    join(runtime, world, folk["manager"], MembershipKind.MANAGER)
    join(runtime, world, folk["official"], MembershipKind.SIGNING_OFFICIAL)
    with runtime.db.read() as session:
        member = session.get_one(Person, world.person)
        session.expunge(member)
    return Town(world, member, **folk)


def join(runtime: Runtime, world: World, one: Person, kind: MembershipKind) -> uuid.UUID:
    """A confirmed membership of the world's company."""
    made_id = uuid.uuid4()
    row = Membership(
        id=made_id, person_id=one.id, organisation_id=world.organisation, kind=kind,
        confirmed_by=world.other, started_at=runtime.clock.now(),
    )  # fmt: skip
    with runtime.db.write() as session:
        session.add(row)
    return made_id


@pytest.fixture
def signing(runtime: Runtime, app: Flask, town: Town) -> Signing:
    return Signing(runtime, app, town.world.organisation)


@pytest.fixture
def work(runtime: Runtime) -> Callable[[], int]:
    """Run every job that is due."""
    return lambda: Worker(runtime.db, runtime.clock, agreements.handlers(runtime)).drain()


@pytest.fixture
def enter(app: Flask, runtime: Runtime) -> Callable[[Person], FlaskClient]:
    """A browser in which somebody is signed in."""

    def signed_in(one: Person) -> FlaskClient:
        client = app.test_client()
        people.sign_in(client, one)
        return client

    return signed_in


def rows(runtime: Runtime, kind: type[Any]) -> list[Any]:
    """Every row of a table, oldest first."""
    with runtime.db.read() as session:
        return list(session.scalars(select(kind).order_by(kind.id)))
