"""Fixtures of the whole suite: a fresh, migrated home on both databases."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gateway.clock import FixedClock

if TYPE_CHECKING:
    from flask import Flask
    from flask.testing import FlaskClient

    from gateway.config import Settings
    from gateway.runtime import Runtime

START = datetime(2026, 11, 2, 1, 0, tzinfo=UTC)
DIALECTS = ("sqlite", "postgresql")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest, so that no worker is left alone with one."""
    items.sort(key=lambda item: "e2e" not in item.path.parts)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A real PostgreSQL server on a socket of its own; the address of its empty template."""
    from tests.parts.postgres import server

    with server(durable=False) as url:
        yield url


@pytest.fixture(params=DIALECTS)
def dialect(request: pytest.FixtureRequest) -> str:
    """Each test that works with a database runs on both."""
    return str(request.param)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file, copied for each test: migrating anew each time is slow."""
    from gateway import schema
    from gateway.db import Database

    path = tmp_path_factory.mktemp("template") / "sumun.db"
    db = Database(f"sqlite:///{path}")
    schema.upgrade(db)
    db.dispose()
    return path


@pytest.fixture
def database_url(
    dialect: str,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> Iterator[str]:
    """The address of a fresh, migrated database."""
    if dialect == "sqlite":
        from tests.parts.sqlite import copy

        home = tmp_path / "home"
        home.mkdir()
        yield f"sqlite:///{copy(request.getfixturevalue('sqlite_template'), home)}"
        return
    from tests.parts.postgres import fresh_database

    with fresh_database(request.getfixturevalue("postgres_url")) as url:
        yield url


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    from gateway.config import load

    return load({}, home=tmp_path / "home", database_url=database_url, staff_second_factor="off")


@pytest.fixture
def clock() -> FixedClock:
    """Stands at START until a test moves it."""
    return FixedClock(START)


@pytest.fixture
def runtime(settings: Settings, clock: FixedClock) -> Iterator[Runtime]:
    """An opened runtime on a fresh home; every background thread ends with the test."""
    from gateway.keys import KeyStore
    from gateway.startup import assemble, prepare

    # The template's tables are there before this home is, so its keys are made first.
    KeyStore(settings.keys).ensure(data_exists=False)
    opened = assemble(settings, prepare(settings), clock)
    yield opened
    opened.close()


@pytest.fixture
def app(runtime: Runtime) -> Flask:
    """The whole application. CSRF stays on: tests send what a browser would."""
    from gateway.app import create_app

    app = create_app(runtime)
    app.testing = True
    return app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def eval_data() -> Path:
    """The labelled data that `SUMUN_EVAL_DATA` names."""
    named = os.environ.get("SUMUN_EVAL_DATA", "../shared/data")
    assert Path(named).is_dir(), f"SUMUN_EVAL_DATA: {named} is not there"
    return Path(named)


Factory = Callable[..., Any]
