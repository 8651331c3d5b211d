"""A machine bound to networks, behind a trusted proxy: nobody else pretends to be there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from gateway.config import Settings, load
from gateway.errors import Problem
from gateway.runtime import Runtime
from tests import oauth_peer as peers
from tests import people
from tests.oauth_peer import Peer, credentials

Browser = Callable[..., FlaskClient]


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    """A gateway behind one proxy."""
    home, proxies = tmp_path / "home", "192.0.2.10"
    return load({}, home=home, database_url=database_url, trusted_proxies=proxies)


@pytest.fixture
def fenced(runtime: Runtime, browser: Browser) -> Peer:
    """A machine of the network 10.0.0.0/8."""
    boss, worker = people.make_person(runtime, "boss"), people.make_person(runtime, "worker")
    return peers.machine(runtime, browser("10.1.2.3"), boss, worker, networks=("10.0.0.0/8",))


def me(http: FlaskClient, token: str, *forwarded: str) -> Any:
    headers = [("Authorization", f"Bearer {token}")]
    headers += [("X-Forwarded-For", each) for each in forwarded]
    return http.get("/api/v1/me", headers=headers)


def test_a_machine_is_let_in_from_its_network_directly_and_through_the_proxy(
    fenced: Peer, browser: Browser
) -> None:
    token = credentials(fenced).json["access_token"]

    assert me(browser("10.9.9.9"), token).status_code == 200
    assert me(browser("::ffff:10.9.9.9"), token).status_code == 200
    assert me(browser("192.0.2.10"), token, "10.9.9.9").status_code == 200
    assert me(browser("192.0.2.10"), token, "203.0.113.5, 10.9.9.9").status_code == 200


@pytest.mark.parametrize(
    ("peer", "forwarded"),
    [
        ("203.0.113.5", ()),
        ("203.0.113.5", ("10.9.9.9",)),
        ("203.0.113.5", ("10.9.9.9, 192.0.2.10",)),
        ("192.0.2.10", ()),
        ("192.0.2.10", ("203.0.113.5",)),
        ("192.0.2.10", ("10.9.9.9, 203.0.113.5",)),
        ("192.0.2.10", ("10.9.9.9", "203.0.113.5")),
        ("192.0.2.10", ("10.9.9.9, nonsense",)),
        ("192.0.2.10", ("",)),
        ("192.0.2.11", ("10.9.9.9",)),
        ("2001:db8::1", ("10.9.9.9",)),
    ],
)
def test_nobody_else_is_whatever_they_write_into_the_header(
    peer: str, forwarded: tuple[str, ...], fenced: Peer, browser: Browser
) -> None:
    token = credentials(fenced).json["access_token"]

    answer = me(browser(peer), token, *forwarded)

    assert answer.status_code == 401
    assert "from this network" in answer.headers["WWW-Authenticate"]


def test_a_token_from_another_network_is_an_event_that_names_its_program(
    fenced: Peer, browser: Browser, events: list[Any]
) -> None:
    token = credentials(fenced).json["access_token"]

    me(browser("203.0.113.5"), token)

    last = events[-1]
    assert (last.action, last.outcome, last.reason) == ("session.refused", "deny", "other_network")
    assert last.detail["client"] == fenced.client_id
    assert last.subjects == (str(people.person(fenced.runtime, "worker").id),)


def test_no_token_is_made_for_another_network_and_the_refusal_says_why(
    fenced: Peer, browser: Browser
) -> None:
    fenced.http = browser("203.0.113.5")

    answer = credentials(fenced)

    assert answer.json["error"] == "unauthorized_client"
    assert "network" in answer.json["error_description"]


def test_a_network_that_is_none_is_not_registered(runtime: Runtime, browser: Browser) -> None:
    boss, worker = people.make_person(runtime, "boss"), people.make_person(runtime, "worker")

    for wrong in ("10.0.0.0/33", "everywhere", "", "10.0.0.1/8 or any"):
        with pytest.raises(Problem):
            peers.machine(runtime, browser(), boss, worker, networks=(wrong,))
