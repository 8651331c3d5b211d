"""One house for the tests of a module: they look from outside, and need it only standing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.app import create_app
from gateway.clock import FixedClock
from gateway.config import load
from gateway.keys import KeyStore
from gateway.startup import assemble, prepare
from tests.conftest import DIALECTS, START
from tests.contract import house as houses
from tests.contract.house import House
from tests.parts.postgres import fresh_database
from tests.parts.sqlite import copy


@pytest.fixture(scope="module", params=DIALECTS)
def house(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    """One house for the whole table."""
    folder = tmp_path_factory.mktemp("house")
    yield from opened(request, folder)


def opened(request: pytest.FixtureRequest, folder: Path) -> Iterator[House]:
    """A house on a fresh database of the parameter's kind."""
    if request.param == "sqlite":
        path = copy(request.getfixturevalue("sqlite_template"), folder)
        yield from standing(f"sqlite:///{path}", folder)
        return
    with fresh_database(request.getfixturevalue("postgres_url")) as url:
        yield from standing(url, folder)


def standing(url: str, folder: Path) -> Iterator[House]:
    """A house on the database at `url`, taken down afterwards."""
    settings = load({}, home=folder, database_url=url, staff_second_factor="off")
    KeyStore(settings.keys).ensure(data_exists=False)
    runtime = assemble(settings, prepare(settings), FixedClock(START))
    app = create_app(runtime)
    app.testing = True
    yield houses.build(runtime, app)
    runtime.close()
