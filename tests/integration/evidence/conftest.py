"""A home with events, the command on it, and a way to fill the log quickly."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.cli.main import root
from gateway.identity.models import Person
from gateway.journal import Act, Actor, Entry, Outcome
from gateway.runtime import Runtime
from tests.integration.oversight.damage import run
from tests.parts import s3
from tests.people import acting_as, make_person
from tests.unit.audit.world import eventually

Command = Callable[..., Result]


@pytest.fixture
def command(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Run `sumun audit …` on the test's home."""
    monkeypatch.setenv("SUMUN_DATABASE_URL", runtime.db.url)
    home = str(runtime.settings.home)
    return lambda *words: CliRunner().invoke(root, ["audit", *words, "--home", home])


@pytest.fixture(scope="session")
def s3_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real S3 server; its credentials leave the environment with it."""
    before = dict(os.environ)
    with s3.server(tmp_path_factory.mktemp("s3")) as endpoint:
        yield endpoint
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def kim(runtime: Runtime) -> Person:
    return make_person(runtime, "kim.sumun", name="김수문")


def fill(runtime: Runtime, count: int, person: Person | None = None, **changed: object) -> None:
    """Number `count` downloads, recorded together; they are all in the log afterwards."""
    actor = Actor.system() if person is None else acting_as(person)
    given = {"dataset": "voices", "version": "1.0", "item": "음성/a.wav"} | changed
    entry = Entry(actor, Act.DOWNLOAD_AUTHORIZED, Outcome.ALLOW, **given)  # type: ignore[arg-type]
    with runtime.db.write() as session:
        for _ in range(count - 1):
            runtime.journal.record(session, entry)
    runtime.journal.append(entry)
    assert eventually(lambda: run(runtime.db, "SELECT COUNT(*) FROM audit_outbox")[0][0] == 0)


def published_log(runtime: Runtime) -> Path:
    """The folder where the embedded default publishes."""
    assert runtime.store.root is not None
    return runtime.store.root / "log"
