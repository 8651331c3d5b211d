from __future__ import annotations

import pytest

from gateway.runtime import Runtime
from tests import applying
from tests.applying import Cast


@pytest.fixture
def cast(runtime: Runtime) -> Cast:
    return applying.build(runtime)
