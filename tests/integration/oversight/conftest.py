"""An application with identity and oversight; events as other features write them."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from gateway.identity import wiring as identity
from gateway.identity.models import Person, Role
from gateway.journal import Act, Entry, Outcome
from gateway.keys import Purpose
from gateway.oversight import wiring as oversight
from gateway.runtime import Runtime
from gateway.web import openapi, setup
from tests.people import acting_as, grant, make_person, sign_in


@dataclass(frozen=True, slots=True)
class Browser:
    """A signed-in browser and its person."""

    client: FlaskClient
    person: Person


@pytest.fixture
def app(runtime: Runtime) -> Flask:
    app = Flask("gateway", static_folder=None)
    app.secret_key = runtime.keys.current(Purpose.SESSION).material
    app.extensions["sumun"] = runtime
    setup.install(app, runtime.settings, runtime.clock)
    openapi.install(app)
    identity.install(app, runtime)
    oversight.install(app, runtime)
    app.testing = True
    return app


@pytest.fixture
def member(app: Flask, runtime: Runtime) -> Browser:
    """Somebody without any role."""
    return _signed_in(app, make_person(runtime, "member", name="이회원"))


@pytest.fixture
def steward(app: Flask, runtime: Runtime) -> Browser:
    person = make_person(runtime, "steward.one")
    grant(runtime, person, Role.STEWARD)
    return _signed_in(app, person)


@pytest.fixture
def auditor(app: Flask, runtime: Runtime) -> Browser:
    person = make_person(runtime, "auditor.one", name="감사 담당")
    grant(runtime, person, Role.AUDITOR)
    return _signed_in(app, person)


def _signed_in(app: Flask, person: Person) -> Browser:
    client = app.test_client()
    sign_in(client, person)
    return Browser(client, person)


@pytest.fixture
def write(runtime: Runtime) -> Callable[..., int]:
    """Append a download by a person, or whatever `changed` says; returns the index."""

    def append(person: Person, act: Act = Act.DOWNLOAD_AUTHORIZED, **changed: Any) -> int:
        given: dict[str, Any] = {
            "outcome": Outcome.ALLOW,
            "dataset": "voices",
            "version": "1.0",
            "item": "음성/a.wav",
            "ref": f"grant:{uuid.UUID(int=7)}",
        }
        return runtime.journal.append(Entry(acting_as(person), act, **(given | changed)))

    return append
