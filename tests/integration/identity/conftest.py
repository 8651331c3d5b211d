"""An application with identity alone: higher floors have their own tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from audit.event import Event
from gateway.identity import wiring
from gateway.identity.models import Person
from gateway.journal import Journal
from gateway.keys import Purpose
from gateway.runtime import Runtime
from gateway.web import setup
from tests import oauth_peer as peers
from tests import people
from tests.integration.identity.company import Company, build
from tests.oauth_peer import Peer


@dataclass(frozen=True, slots=True)
class Seen:
    """An event as it was handed to the log."""

    action: str
    outcome: str
    reason: str | None
    personal: Mapping[str, str]
    detail: Mapping[str, Any]
    subjects: tuple[str, ...]


@pytest.fixture
def app(runtime: Runtime) -> Flask:
    app = Flask("gateway", static_folder=None)
    app.secret_key = runtime.keys.current(Purpose.SESSION).material
    app.extensions["sumun"] = runtime
    setup.install(app, runtime.settings, runtime.clock)
    wiring.install(app, runtime)
    app.testing = True
    return app


@pytest.fixture
def browser(app: Flask) -> Callable[..., FlaskClient]:
    """A new browser, at an address of its own."""

    def open_browser(address: str = "127.0.0.1") -> FlaskClient:
        client = app.test_client()
        client.environ_base["REMOTE_ADDR"] = address
        return client

    return open_browser


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> list[Seen]:
    """What the journal writes from here on, oldest first."""
    seen: list[Seen] = []
    original = Journal._event

    def remember(self: Journal, entry: Any) -> Event:
        event = original(self, entry)
        seen.append(
            Seen(
                event.action, event.outcome, event.reason, event.personal, event.detail,
                event.subjects,
            )
        )  # fmt: skip
        return event

    monkeypatch.setattr(Journal, "_event", remember)
    return seen


@pytest.fixture
def company(runtime: Runtime) -> Company:
    return build(runtime)


@pytest.fixture
def mina(runtime: Runtime) -> Person:
    """Somebody whom programs act for."""
    return people.make_person(runtime, "mina")


@pytest.fixture
def signed_in(browser: Callable[..., FlaskClient], mina: Person) -> FlaskClient:
    """Her browser."""
    client = browser()
    people.sign_in(client, mina)
    return client


@pytest.fixture
def holder(runtime: Runtime) -> Person:
    """Somebody with a password and nothing more."""
    return people.make_person(runtime, "holder")


@pytest.fixture
def home(holder: Person, browser: Callable[..., FlaskClient]) -> FlaskClient:
    """The holder's browser, signed in with the password."""
    client = browser()
    people.sign_in(client, holder)
    return client


@pytest.fixture
def portal(runtime: Runtime, browser: Callable[..., FlaskClient]) -> Peer:
    """A web server that is registered here."""
    return peers.web(runtime, browser(), people.make_person(runtime, "manager"))


@pytest.fixture
def robot(runtime: Runtime, browser: Callable[..., FlaskClient]) -> Peer:
    """A machine for which somebody answers."""
    boss, worker = people.make_person(runtime, "boss"), people.make_person(runtime, "worker")
    return peers.machine(runtime, browser(), boss, worker)


@pytest.fixture
def bound(portal: Peer, signed_in: FlaskClient) -> tuple[Peer, str]:
    """A program with an access token that is bound to its key."""
    got = portal.redeem(portal.code(signed_in), dpop=True)
    assert got.json["token_type"] == "DPoP", got.text
    return portal, got.json["access_token"]
