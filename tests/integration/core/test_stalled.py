"""Connections that stop in the middle of a request do not keep the gateway's threads."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from pathlib import Path

from gateway.security.deadline import STALL_SECONDS
from tests.integration.core.test_serve import answers, started
from tests.parts.ports import free_port

THREADS = 4
HALF = (
    b"POST /api/v1/session HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Content-Length: 1000\r\n\r\n{"
)


def test_senders_that_stall_are_let_go_and_the_gateway_answers_again(tmp_path: Path):
    port = free_port()
    with started(tmp_path / "home", port, "--threads", str(THREADS)), ExitStack() as held:
        stalled = [
            held.enter_context(socket.create_connection(("127.0.0.1", port)))
            for _ in range(THREADS)
        ]
        for connection in stalled:
            connection.sendall(HALF)

        assert answers(port, within=2 * STALL_SECONDS)
        stalled[0].settimeout(STALL_SECONDS)
        assert stalled[0].recv(200).startswith(b"HTTP/1.1 4")
