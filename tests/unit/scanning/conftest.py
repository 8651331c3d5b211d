"""One warm scanner for all tests of this folder."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator

import pytest

from gateway.scanning.model import FileReport
from gateway.scanning.service import Scanner

Scan = Callable[..., FileReport]


@pytest.fixture(scope="session")
def scanner() -> Iterator[Scanner]:
    with Scanner() as scanner:
        yield scanner


@pytest.fixture
def scan(scanner: Scanner) -> Scan:
    """Scan text or bytes as a file of the given name, in the sandbox."""

    def run(content: str | bytes, name: str = "a.txt", **options: object) -> FileReport:
        data = content.encode() if isinstance(content, str) else content
        return scanner.scan(io.BytesIO(data), name, **options)  # type: ignore[arg-type]

    return run
