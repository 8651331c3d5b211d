"""A researcher with a live grant, everything made through the services."""

from __future__ import annotations

import pytest
from flask import Flask

from gateway.clock import FixedClock
from gateway.runtime import Runtime
from tests.integration.promises.stage import Stage


@pytest.fixture
def stage(runtime: Runtime, app: Flask, clock: FixedClock) -> Stage:
    made = Stage(runtime, app, clock).build()
    made.sign()
    made.apply_and_approve()
    return made
