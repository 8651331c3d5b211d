from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.parts import s3


@pytest.fixture(scope="session")
def s3_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real S3 server; its credentials leave the environment with it."""
    before = dict(os.environ)
    with s3.server(tmp_path_factory.mktemp("s3")) as endpoint:
        yield endpoint
    os.environ.clear()
    os.environ.update(before)
