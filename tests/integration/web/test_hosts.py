from __future__ import annotations

import pytest

from gateway.app import create_app
from gateway.runtime import Runtime


@pytest.mark.parametrize("path", ["/", "/sign-in", "/nowhere", "/api/v1/me", "/healthz"])
def test_a_foreign_host_name_gets_a_problem_and_nothing_else(runtime: Runtime, path: str) -> None:
    answer = create_app(runtime).test_client().get(path, headers={"Host": "evil.example"})

    assert answer.status_code == 400
    assert "evil.example" not in answer.text


def test_a_health_check_by_loopback_address_is_answered(runtime: Runtime) -> None:
    answer = create_app(runtime).test_client().get("/healthz", headers={"Host": "127.0.0.1:8400"})

    assert answer.status_code == 200
