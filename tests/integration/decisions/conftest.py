"""What the tests of decisions share: a held grant, people of every kind, and what was recorded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from audit.search import Filters
from gateway.access import wiring as access
from gateway.agreements import wiring as agreements
from gateway.applications import wiring as applications
from gateway.catalog import wiring as catalog
from gateway.decisions import wiring as decisions
from gateway.evidence.reading import snapshot
from gateway.identity import passwords
from gateway.identity.models import EVERYWHERE, Person, Role
from gateway.journal import Act
from gateway.runtime import Runtime
from tests import people
from tests import world as made
from tests.world import World


@pytest.fixture
def app(runtime: Runtime) -> Flask:
    return made.small_app(runtime, catalog, agreements, access, applications, decisions)


@pytest.fixture
def world(runtime: Runtime) -> World:
    """`holder` may download `voices`."""
    world = made.build(runtime)
    hashed = passwords.HASHER.hash(passwords.normal(people.PASSWORD))
    made.change(runtime, Person, world.person, password_hash=hashed)
    return world


Program = Callable[..., Any]


@pytest.fixture
def program(runtime: Runtime, app: Flask) -> Callable[..., Program]:
    """Makes callers of the decision point: `program("account")(endpoint, body)`."""

    def made_for(account: str, *roles: Role, scope: str = EVERYWHERE) -> Program:
        person = people.person(runtime, account)
        for role in roles:
            people.grant(runtime, person, role, scope)
        client = app.test_client(use_cookies=False)
        headers = people.bearer(client, person)

        def call(endpoint: str, body: Any, **more: Any) -> Any:
            return client.post(f"/access/v1/{endpoint}", json=body, headers=headers | more)

        return call

    return made_for


@pytest.fixture
def holder(world: World, program: Callable[..., Program]) -> Program:
    return program("holder")


@pytest.fixture
def auditor(world: World, program: Callable[..., Program]) -> Program:
    return program("the.auditor", Role.AUDITOR)


@pytest.fixture
def browser(runtime: Runtime, app: Flask) -> Callable[..., FlaskClient]:
    """Signs a person with these roles in."""

    def signed_in(account: str, *roles: Role, scope: str = EVERYWHERE) -> FlaskClient:
        person = people.person(runtime, account)
        for role in roles:
            people.grant(runtime, person, role, scope)
        client = app.test_client()
        people.sign_in(client, person)
        return client

    return signed_in


@pytest.fixture
def looks(runtime: Runtime) -> Callable[..., list[Any]]:
    """The looks at others that the log holds, newest first; of one person when given."""

    def found(subject: Any = None) -> list[Any]:
        wanted = Filters(
            action=str(Act.POLICY_EXPLAINED), subject=str(subject) if subject else None
        )
        with snapshot(runtime, main=True) as (_sql, reader):
            return [entry.columns for entry in reader.search(wanted)]

    return found
