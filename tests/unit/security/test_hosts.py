from __future__ import annotations

import pytest
from flask import Flask

from gateway.errors import Problem
from gateway.security import hosts


def answer(host: str) -> int:
    app = Flask("gateway", static_folder=None)
    hosts.install(app, "https://gate.example.kr")
    app.register_error_handler(Problem, lambda problem: (str(problem.code), problem.status))
    app.add_url_rule("/healthz", view_func=lambda: "ok")
    return app.test_client().get("/healthz", headers={"Host": host}).status_code


@pytest.mark.parametrize(
    "host",
    ["gate.example.kr", "GATE.example.kr:443", "localhost:8400", "127.0.0.1:8400", "[::1]:8400"],
)
def test_the_gateway_answers_to_its_public_name_and_to_loopback(host: str) -> None:
    assert answer(host) == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "gate.example.kr.evil.example", "evil@localhost", "127.0.0.2", "[::2]", "[x"],
)
def test_another_host_name_is_refused(host: str) -> None:
    assert answer(host) == 400
