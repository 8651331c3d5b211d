"""A flood of sign-ins: how long other pages take meanwhile, against a quiet gateway.

Two hundred sign-ins a second arrive whether or not earlier ones were answered: right and wrong
passwords, known and unknown names, by form and by client, each from an address of its own, so that
no throttle ends the flood. Meanwhile visitors and a signed-in person read pages.
"""

from __future__ import annotations

import http.client
import json
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import update

from bench.delivery_range import SERVE, _free_port, _running
from bench.harness import Comparison, judge
from gateway.clock import SystemClock
from gateway.config import Settings, load
from gateway.identity.models import Person
from gateway.identity.passwords import Hasher, normal
from gateway.startup import assemble, prepare
from tests import people
from tests import world as worlds

SIGN_INS, PAGES = 200.0, 20.0
SECONDS, RUNS = 8.0, 5
ACCOUNTS, BROWSERS = 400, 20
TARGET = 2.0
PATHS = ("/datasets", "/datasets/voices", "/account", "/api/v1/datasets", "/api/v1/me")


@dataclass(frozen=True, slots=True)
class Place:
    """Where the gateway listens, with the cookie of somebody who is signed in."""

    port: int
    cookie: str

    def request(self, method: str, path: str, headers: dict[str, str], body: str = "") -> str:
        """One request as it goes over the wire."""
        sent = {"Host": f"127.0.0.1:{self.port}", "Connection": "close", **headers}
        if body:
            sent["Content-Length"] = str(len(body))
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in sent.items())]
        return "\r\n".join([*lines, "", body])


def run() -> list[Comparison]:
    """The comparison `identity.flood`: the p95 of other pages in milliseconds."""
    with tempfile.TemporaryDirectory() as folder:
        settings = _prepared(Path(folder))
        with _served(settings) as port:
            place = Place(port, _signed_in(port))
            flood = _sign_ins(place)
            _read(place)
            quiet, flooded, answers = [], [], Counter[str]()
            for _ in range(RUNS):
                quiet.append(_read(place))
                p95, statuses = _under(place, flood)
                flooded.append(p95)
                answers.update(statuses)
    share = {status: round(count / answers.total(), 2) for status, count in answers.items()}
    return [
        judge(
            "identity.flood",
            "ms",
            flooded,
            quiet,
            baseline_name="quiet, p95",
            target=TARGET,
            better="lower",
            conditions=f"{SIGN_INS:g} sign-ins/s, {PAGES:g} pages/s, SQLite, gthread 1 x 256; "
            f"sign-ins answered {json.dumps(share)}",
        )
    ]


def _prepared(home: Path) -> Settings:
    """A home with people whose passwords cost what they really cost."""
    settings = load({}, home=home / "home")
    runtime = assemble(settings, prepare(settings), SystemClock())
    world = worlds.build(runtime)
    worlds.put_files(runtime, world, {"a.txt": b"first file\n"})
    for number in range(ACCOUNTS):
        people.make_person(runtime, f"crowd{number}")
    hashed = Hasher().hash(normal(people.PASSWORD))
    with runtime.db.write() as session:
        session.execute(update(Person).values(password_hash=hashed))
    runtime.close()
    return settings


@contextmanager
def _served(settings: Settings) -> Iterator[int]:
    port = _free_port()
    environment = {
        **os.environ,
        "SUMUN_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "SUMUN_TRUSTED_PROXIES": "127.0.0.1",
        "SUMUN_LOG_LEVEL": "ERROR",
    }
    command = [sys.executable, "-c", SERVE, str(settings.home), str(port)]
    with _running(command, port, environment):
        yield port


def _browser(port: int) -> tuple[str, str]:
    """The cookie and the form token of a new browser."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", "/sign-in")
    answer = connection.getresponse()
    found = people.TOKEN.search(answer.read().decode())
    assert found
    return _cookies(answer), found.group(1)


def _cookies(answer: http.client.HTTPResponse) -> str:
    given = answer.headers.get_all("Set-Cookie") or []
    return "; ".join(each.partition(";")[0] for each in given)


def _signed_in(port: int) -> str:
    cookie, token = _browser(port)
    form = {"csrf_token": token, "account": "crowd0", "password": people.PASSWORD}
    headers = {"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"}
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("POST", "/sign-in", urlencode(form), headers)
    answer = connection.getresponse()
    assert answer.status == 303
    return _cookies(answer)


def _sign_ins(place: Place) -> list[str]:
    """Ten seconds' worth of different sign-ins."""
    browsers = [_browser(place.port) for _ in range(BROWSERS)]
    return [_sign_in(place, number, browsers) for number in range(int(SIGN_INS * 10))]


def _sign_in(place: Place, number: int, browsers: list[tuple[str, str]]) -> str:
    right, known = number % 2 == 0, number % 4 < 3
    given = {
        "account": f"crowd{number % ACCOUNTS}" if known else f"nobody{number}",
        "password": people.PASSWORD if right else f"wrong {secrets.token_hex(8)}",
    }
    address = {"X-Forwarded-For": f"10.{number % 250}.{number // 250}.7"}
    if number // 4 % 2:
        kind = {"Content-Type": "application/json"}
        return place.request("POST", "/api/v1/session", address | kind, json.dumps(given))
    cookie, token = browsers[number % BROWSERS]
    form = {"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"}
    return place.request(
        "POST", "/sign-in", address | form, urlencode(given | {"csrf_token": token})
    )


def _started(place: Place, requests: list[str], rate: float) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "bench.openloop"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    plan = {
        "host": "127.0.0.1", "port": place.port, "rate": rate, "seconds": SECONDS,
        "requests": requests,
    }  # fmt: skip
    assert process.stdin
    process.stdin.write(json.dumps(plan))
    process.stdin.close()
    return process


def _outcome(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout
    found: dict[str, Any] = json.load(process.stdout)
    assert process.wait() == 0
    return found


def _read(place: Place) -> float:
    """The p95 of the pages, in milliseconds; every one of them must be there."""
    requests = [place.request("GET", path, {"Cookie": place.cookie}) for path in PATHS]
    found = _outcome(_started(place, requests, PAGES))
    assert set(found["statuses"]) == {"200"}, found["statuses"]
    return statistics.quantiles(found["seconds"], n=20)[-1] * 1000


def _under(place: Place, flood: list[str]) -> tuple[float, dict[str, int]]:
    crowd = _started(place, flood, SIGN_INS)
    p95 = _read(place)
    return p95, _outcome(crowd)["statuses"]
