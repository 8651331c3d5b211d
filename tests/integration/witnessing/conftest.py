"""Witnesses on loopback, started by the test, and a home that knows them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask import Flask

from audit.cosignature import Cosigner
from audit.note import Verifier
from gateway.cli.main import root
from gateway.config import Settings
from gateway.identity import wiring as identity
from gateway.journal import Act, Actor, Entry
from gateway.keys import Purpose
from gateway.oversight import wiring as oversight
from gateway.runtime import Runtime
from gateway.web import openapi, setup
from gateway.witnessing import policy_file
from gateway.witnessing import wiring as witnessing
from gateway.witnessing.server import application
from tests.parts.wsgi import serving

LOOPBACK = (ip_network("127.0.0.0/8"),)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """The home may call witnesses on loopback."""
    return settings.model_copy(update={"outbound_networks": LOOPBACK})


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A running witness: its key, its address, its folder."""

    cosigner: Cosigner
    url: str
    state: Path

    @property
    def line(self) -> str:
        name = self.cosigner.key.name.partition(".")[0]
        return f"witness {name} {self.cosigner.key} {self.url}\n"


Start = Callable[..., Neighbour]


@pytest.fixture
def start(runtime: Runtime, tmp_path: Path) -> Iterator[Start]:
    """Start a witness of the home's log; `app` wraps what it serves."""
    with ExitStack() as stack:

        def begin(name: str, app: Callable[[Any], Any] = lambda served: served) -> Neighbour:
            cosigner = Cosigner(f"{name}.example", name.encode().ljust(32, b"."))
            state = tmp_path / f"witness-{name}"
            log = Verifier.parse(runtime.journal.log.vkey())
            served = application(cosigner, [log], state)
            port = stack.enter_context(serving(app(served)))
            return Neighbour(cosigner, f"http://127.0.0.1:{port}/", state)

        yield begin


@pytest.fixture
def policy(runtime: Runtime) -> Callable[..., None]:
    """Write the policy of the home: these witnesses, of whom so many make a quorum."""

    def write(*neighbours: Neighbour, quorum: int) -> None:
        names = [one.line.split()[1] for one in neighbours]
        lines = "".join(one.line for one in neighbours)
        group = f"group enough {quorum} {' '.join(names)}\nquorum enough\n"
        (runtime.settings.home / policy_file.NAME).write_text(lines + group)

    return write


@pytest.fixture
def grow(runtime: Runtime, clock: Any) -> Callable[..., int]:
    """Append entries, let two seconds pass, and return the index of the last one."""

    def append(count: int = 1) -> int:
        last = -1
        for _ in range(count):
            last = runtime.journal.append(Entry(Actor.system(), Act.BACKUP_MADE))
        clock.advance(timedelta(seconds=2))
        return last

    return append


@pytest.fixture
def command(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run `sumun audit …` on the test's home."""
    monkeypatch.setenv("SUMUN_DATABASE_URL", runtime.db.url)
    monkeypatch.setenv("SUMUN_OUTBOUND_NETWORKS", "127.0.0.0/8")
    home = str(runtime.settings.home)

    def run(*words: str) -> Result:
        return CliRunner().invoke(root, ["--home", home, "audit", *words])

    return run


@pytest.fixture
def app(runtime: Runtime) -> Flask:
    app = Flask("gateway", static_folder=None)
    app.secret_key = runtime.keys.current(Purpose.SESSION).material
    app.extensions["sumun"] = runtime
    setup.install(app, runtime.settings, runtime.clock)
    openapi.install(app)
    for feature in (identity, witnessing, oversight):
        feature.install(app, runtime)
    app.testing = True
    return app
