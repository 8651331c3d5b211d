from __future__ import annotations

import pytest
from flask import Flask

from gateway.runtime import Runtime
from tests import applying
from tests.applying import Cast


@pytest.fixture
def cast(runtime: Runtime) -> Cast:
    return applying.build(runtime)


@pytest.fixture
def app(runtime: Runtime) -> Flask:
    from gateway.applications import wiring as applications
    from gateway.catalog import wiring as catalog
    from gateway.identity import wiring as identity
    from gateway.keys import Purpose
    from gateway.web import openapi, setup

    app = Flask("gateway", static_folder=None)
    app.secret_key = runtime.keys.current(Purpose.SESSION).material
    app.extensions["sumun"] = runtime
    setup.install(app, runtime.settings, runtime.clock)
    openapi.install(app)
    for feature in (identity, catalog, applications):
        feature.install(app, runtime)
    app.testing = True
    return app
