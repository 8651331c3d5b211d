"""The gateway as its users meet it: a real server, real requests."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import httpx2

from gateway.config import Settings
from gateway.demo.cast import Member
from gateway.demo.stage import StepFailed

START_SECONDS = 60.0
WAIT_SECONDS = 180.0
POLL_SECONDS = 0.2


@contextlib.contextmanager
def serving(settings: Settings, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """`sumun serve` on this home, with its worker; stopped at the end."""
    command = [sys.executable, "-m", "gateway.cli.main", "serve", "--port", str(port)]
    environment = os.environ | {
        "SUMUN_HOME": str(settings.home),
        "SUMUN_PUBLIC_URL": settings.public_url,
        "SUMUN_SMTP_URL": settings.smtp_url,
        "SUMUN_STAFF_SECOND_FACTOR": settings.staff_second_factor,
        "SUMUN_LOG_LEVEL": "ERROR",
    }
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(timeout=60)


def free_port() -> int:
    """A loopback port nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_ready(base: str) -> None:
    """Raises StepFailed when the gateway does not answer in time."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx2.TransportError):
            if httpx2.get(f"{base}/readyz").status_code == httpx2.codes.OK:
                return
        time.sleep(POLL_SECONDS)
    raise StepFailed(f"the gateway at {base} is ready")


class Visitor:
    """One person using the API of the gateway."""

    def __init__(self, base: str, member: Member) -> None:
        self._http = httpx2.Client(base_url=base, timeout=60, headers={"Accept-Language": "en"})
        account = member.person.account
        body = {"account": account, "password": member.password, "device": "demo"}
        answer = self.call("POST", "/api/v1/session", json=body)
        self.carry(str(answer["token"]))

    def carry(self, token: str) -> None:
        """Go on with `token`: confirming oneself renews it, and the old one ends."""
        self.token = token
        self._http.headers["Authorization"] = f"Bearer {token}"

    def call(self, method: str, path: str, **options: Any) -> Any:
        """The JSON answer. Raises StepFailed, quoting the problem, for any refusal."""
        answer = self.try_call(method, path, **options)
        if answer.is_error:
            raise StepFailed(f"{method} {path} is allowed (it says: {answer.text})")
        return answer.json()

    def try_call(self, method: str, path: str, **options: Any) -> httpx2.Response:
        """The answer whatever it is."""
        return self._http.request(method, path, **options)

    def wait_for(self, path: str, states: set[str]) -> Any:
        """Poll an object until its `state` is one of `states`. Raises StepFailed if it is not."""
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            found = self.call("GET", path)
            if found["state"] in states:
                return found
            time.sleep(POLL_SECONDS)
        raise StepFailed(f"{path} reaches {' or '.join(sorted(states))}")
