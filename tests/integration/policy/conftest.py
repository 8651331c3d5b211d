"""What the tests of releases and rehearsals share."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from audit.search import Entry, Filters
from gateway.evidence.reading import snapshot
from gateway.policy import loading
from gateway.runtime import Runtime
from tests.integration.oversight.damage import run
from tests.unit.audit.world import eventually


@pytest.fixture
def entries(runtime: Runtime) -> Callable[[str], list]:
    """The leaves of the log about one object, oldest first."""

    def found(ref: str) -> list:
        # Events of a transaction are numbered right after it, not within.
        assert eventually(lambda: run(runtime.db, "SELECT COUNT(*) FROM audit_outbox")[0][0] == 0)
        with snapshot(runtime, main=True) as (_sql, reader):
            rows: list[Entry] = reader.search(Filters(ref=ref))
            return [reader.leaf(row) for row in reversed(rows)]

    return found


@pytest.fixture(autouse=True)
def _as_in_a_new_process() -> None:
    """Other tests have read releases of the same hash; here the record is read again."""
    loading._engines.clear()
