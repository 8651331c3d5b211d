"""The client's commands against the whole application, without a network between them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient

from gateway.cli import connection
from gateway.cli.main import root
from gateway.client import session
from gateway.client.http import Api
from gateway.client.session import Session
from gateway.identity.models import Person
from tests import people

SERVER = "http://localhost:8400"


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command left."""

    status: int
    out: str
    err: str

    @property
    def rows(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


class Terminal:
    """One person's configuration folder and command line."""

    def __init__(self, browser: FlaskClient) -> None:
        self._browser = browser

    def sign_in(self, one: Person) -> None:
        token = people.bearer(self._browser, one)["Authorization"].removeprefix("Bearer ")
        session.store(Session(SERVER, one.account, token, "soon"))

    def run(self, *arguments: str, stdin: str = "") -> Ran:
        ended = CliRunner().invoke(root, arguments, input=stdin)
        return Ran(ended.exit_code, ended.stdout, ended.stderr)


@pytest.fixture
def terminal(
    app: Flask, client: FlaskClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Terminal:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("SUMUN_SERVER", SERVER)
    reached: Callable[..., Api] = partial(Api, transport=httpx2.WSGITransport(app=app))
    monkeypatch.setattr(connection, "Api", reached)
    return Terminal(client)
