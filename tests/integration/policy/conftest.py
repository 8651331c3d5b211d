"""What the tests of releases and rehearsals share."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from audit.search import Entry, Filters
from gateway.evidence.reading import snapshot
from gateway.runtime import Runtime


@pytest.fixture
def entries(runtime: Runtime) -> Callable[[str], list]:
    """The leaves of the log about one object, oldest first."""

    def found(ref: str) -> list:
        with snapshot(runtime, main=True) as (_sql, reader):
            rows: list[Entry] = reader.search(Filters(ref=ref))
            return [reader.leaf(row) for row in reversed(rows)]

    return found
