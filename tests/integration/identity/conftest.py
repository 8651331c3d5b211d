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
from gateway.journal import Journal
from gateway.keys import Purpose
from gateway.runtime import Runtime
from gateway.web import setup
from tests.integration.identity.company import Company, build


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
