from __future__ import annotations

import json
import logging
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import Any

import pytest
from flask import Flask, g

from gateway.clock import FixedClock
from gateway.config import Settings
from gateway.observability import logs
from gateway.observability.redact import redact, redact_value
from gateway.security.address import client_address
from gateway.security.headers import CSP
from gateway.security.throttle import (
    COUNTED_AT_MOST,
    WINDOW,
    Count,
    Tally,
    Throttle,
    group,
    rungs,
    site,
)
from gateway.web import setup
from gateway.web.pages import render

NOW = datetime(2026, 11, 23, tzinfo=UTC)
PROXY = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


def _app(public_url: str = "http://localhost:8400") -> Flask:
    app = Flask("edge", static_folder=None)
    app.secret_key = "k" * 32
    setup.install(app, Settings(public_url=public_url), FixedClock(NOW))
    app.config["VIEWER"] = None

    @app.before_request
    def _who() -> None:
        g.viewer = app.config["VIEWER"]

    @app.get("/page")
    def page() -> str:
        return render("problem.html", problem={"title": "x", "status": 404})

    @app.post("/form")
    @app.post("/api/v1/thing", endpoint="thing")
    def done() -> str:
        return "done"

    return app


@pytest.fixture
def client() -> Any:
    return _app().test_client()


def test_every_answer_carries_the_strict_headers(client: Any) -> None:
    for path in ("/page", "/nowhere", "/static/sumun.css", "/api/v1/nowhere"):
        headers = client.get(path).headers
        assert headers["Content-Security-Policy"] == CSP
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert "Strict-Transport-Security" not in headers


def test_over_tls_browsers_are_told_to_stay_there() -> None:
    headers = _app("https://gate.example").test_client().get("/page").headers

    assert "max-age=" in headers["Strict-Transport-Security"]


def test_pages_of_signed_in_people_are_never_stored() -> None:
    app = _app()
    app.config["VIEWER"] = type("V", (), {"name": "김", "roles": frozenset(), "locale": None})()

    assert app.test_client().get("/page").headers["Cache-Control"] == "no-store"


def test_a_form_without_its_token_is_refused(client: Any) -> None:
    answer = client.post("/form")

    assert answer.status_code == 400
    assert "양식의 유효 시간이 지났습니다" in answer.text


def test_a_bearer_token_needs_no_csrf_token_but_a_cookie_does(client: Any) -> None:
    bearer = client.post("/api/v1/thing", headers={"Authorization": "Bearer abc"})
    nobody = client.post("/api/v1/thing")
    client.set_cookie("session_id", "stolen")
    cookie = client.post("/api/v1/thing")
    basic = client.post("/api/v1/thing", headers={"Authorization": "Basic YTpi"})

    assert (bearer.status_code, nobody.status_code) == (200, 200)
    assert cookie.status_code == basic.status_code == 400
    assert cookie.json["code"] == "csrf_failed"


def test_metrics_answer_only_this_host(client: Any) -> None:
    near = client.get("/metrics")
    far = client.get("/metrics", environ_base={"REMOTE_ADDR": "203.0.113.9"})
    through_proxy = client.get("/metrics", headers={"X-Forwarded-For": "203.0.113.9"})

    assert b"sumun_http_requests_total" in near.data
    assert far.status_code == through_proxy.status_code == 404


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("203.0.113.9", ["198.51.100.1"], "203.0.113.9"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["1.1.1.1, 198.51.100.1, 10.0.0.2"], "198.51.100.1"),
        ("10.0.0.1", ["1.1.1.1", "198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["1.1.1.1, nonsense"], "10.0.0.1"),
        ("10.0.0.1", ["1.1.1.1, "], "10.0.0.1"),
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ("10.0.0.1", ["[2001:db8::1]:443"], "2001:db8::1"),
        ("10.0.0.1", ["198.51.100.1:5555"], "198.51.100.1"),
        ("::ffff:10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("", ["198.51.100.1"], "unknown"),
    ],
)
def test_only_trusted_proxies_may_name_the_client(
    peer: str, forwarded: list[str], expected: str
) -> None:
    assert client_address(peer, forwarded, PROXY) == expected


def test_a_few_are_told_one_by_one_and_the_rest_are_counted() -> None:
    throttle: Throttle[str] = Throttle(limit=10)
    told = [throttle.count("203.0.113.9", NOW) for _ in range(61)]
    wait = throttle.retry_after("203.0.113.9", NOW)
    later = NOW + timedelta(seconds=60)

    assert told == [Count.ALONE] * 9 + [Count.COUNTED] * 52
    assert wait == 60
    assert throttle.drain(later) == [Tally("203.0.113.9", 52, NOW)]
    assert throttle.retry_after("203.0.113.9", later) == 0


@pytest.mark.parametrize("back", [WINDOW, timedelta(hours=6)])
def test_a_clock_that_is_set_back_closes_the_window(back: timedelta) -> None:
    throttle: Throttle[str] = Throttle(limit=1)
    throttle.count("a", NOW)
    then = NOW - back

    wait = throttle.retry_after("a", then)

    assert wait == 0
    assert throttle.drain(then) == [Tally("a", 1, NOW)]
    assert throttle.count("a", then) is Count.COUNTED
    assert throttle.drain(then + WINDOW) == [Tally("a", 1, then)]


def test_two_threads_that_read_the_clock_in_another_order_count_in_one_window() -> None:
    throttle: Throttle[str] = Throttle(limit=2)
    throttle.count("a", NOW)

    assert throttle.count("a", NOW - timedelta(milliseconds=5)) is Count.COUNTED
    assert throttle.drain(NOW) == []


def test_a_large_count_is_handed_over_before_its_window_closes() -> None:
    throttle: Throttle[str] = Throttle(limit=1)
    told = [throttle.count("203.0.113.9", NOW) for _ in range(COUNTED_AT_MOST + 5)]

    assert told[COUNTED_AT_MOST - 1] is Count.FULL
    assert throttle.drain(NOW) == [Tally("203.0.113.9", COUNTED_AT_MOST, NOW)]
    assert throttle.unreported() == 5


def test_a_count_that_could_not_be_written_waits_for_the_next_time() -> None:
    throttle: Throttle[str] = Throttle(limit=1)
    later = NOW + timedelta(seconds=60)
    throttle.count("203.0.113.9", NOW)
    drained = throttle.drain(later)
    before = throttle.unreported()
    throttle.give_back(drained)

    assert (before, throttle.unreported()) == (0, 1)
    assert throttle.drain(later) == drained


def test_one_visitors_forgeries_never_stop_another() -> None:
    throttle: Throttle[str] = Throttle(limit=1)
    throttle.count("203.0.113.9", NOW)

    assert throttle.retry_after("203.0.113.9", NOW) > 0
    assert throttle.retry_after("203.0.113.10", NOW) == 0


def test_a_whole_ipv6_network_counts_as_one_visitor() -> None:
    assert group("2001:db8::1") == group("2001:db8::ffff") != group("2001:db8:0:1::1")
    assert site("2001:db8::1") == site("2001:db8:0:1::1") != site("2001:db8:1::1")


@pytest.mark.parametrize(
    ("address", "networks"),
    [
        ("203.0.113.9", ["203.0.113.9", "203.0.113.0/24", "*"]),
        ("2001:db8:1:2::3", ["2001:db8:1:2::/64", "2001:db8:1::/48", "2001:db8::/32", "*"]),
        ("unknown", ["unknown", "*"]),
    ],
)
def test_each_address_stands_in_ever_wider_networks(address: str, networks: list[str]) -> None:
    found = rungs(address)

    assert [rung.network for rung in found] == networks
    assert found[0].factor == 1
    assert [rung.factor for rung in found] == sorted({rung.factor for rung in found})


def test_counts_that_wait_for_the_log_add_up() -> None:
    throttle: Throttle[str] = Throttle(limit=1)
    for _ in range(3 * COUNTED_AT_MOST):
        throttle.count("203.0.113.9", NOW)

    assert throttle.drain(NOW) == [Tally("203.0.113.9", 3 * COUNTED_AT_MOST, NOW)]


def test_memory_stays_bounded_and_no_count_is_lost() -> None:
    throttle: Throttle[str] = Throttle(limit=1, max_keys=10)
    for number in range(100):
        throttle.count(f"198.51.100.{number}", NOW)
    tallies = throttle.drain(NOW + timedelta(minutes=2))

    assert sum(tally.attempts for tally in tallies) == 100
    assert len(tallies) <= 20


@pytest.mark.parametrize(
    ("line", "secret"),
    [
        ("GET /d/eyJ.abc_def/train/a.dcm 200", "eyJ.abc_def"),
        ("Authorization: Bearer abc.def-1", "abc.def-1"),
        ("/callback?code=s3cret&state=1", "s3cret"),
        ("/callback?code=1&state=s3cret", "s3cret"),
        ("/oauth2/device?user_code=BCDF-GHJK", "BCDF-GHJK"),
        ("/oauth2/authorize?x=1&request_uri=urn:s3cret", "s3cret"),
        ("GET /recover/s3cret", "s3cret"),
        ("GET //recover/./s3cret", "s3cret"),
        ("GET /invitations/s3cret", "s3cret"),
        ("GET /agreements/sign/s3cret", "s3cret"),
        ("postgresql+psycopg://sumun:hunter2@db/sumun", "hunter2"),
    ],
)
def test_log_lines_hold_no_secret(line: str, secret: str) -> None:
    assert secret not in redact(line)
    assert "[redacted]" in redact(line)


def test_members_named_like_secrets_are_dropped_whole() -> None:
    value = redact_value({"user": "kim", "Password": "x", "inner": [{"csrf_token": "y"}]})

    assert value == {
        "user": "kim",
        "Password": "[redacted]",
        "inner": [{"csrf_token": "[redacted]"}],
    }


def test_a_log_record_is_one_line_of_json_with_its_request_id() -> None:
    record = logging.makeLogRecord(
        {"name": "gateway", "levelname": "INFO", "msg": "served /d/tok/a.txt\nnext"}
    )
    with _app().test_request_context("/page"):
        line = logs.formatter().format(record)

    assert "\n" not in line
    assert json.loads(line)["event"] == "served /d/[redacted]/a.txt\nnext"
    assert len(json.loads(line)["request_id"]) == 16
