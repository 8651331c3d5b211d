"""An identity-check agency on loopback, speaking the plain format of docs/crowd-work.md."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

KEY = "agency-key"


@dataclass
class Agency:
    """What the agency knows. `answer` changes what it says of a check; `reply`, when set, is sent
    instead of anything: (status, body)."""

    url: str = ""
    answer: dict[str, Any] = field(default_factory=dict)
    start: dict[str, Any] = field(default_factory=dict)
    reply: tuple[int, bytes] | None = None
    states: list[str] = field(default_factory=list)

    def says(self, name: str, person: int, at: str, **other: Any) -> None:
        """Pass every check as this person; each number is somebody else."""
        ci = f"{person:086d}=="
        self.answer = {"status": "passed", "name": name, "ci": ci, "level": 3, "checked_at": at}
        self.answer |= other


@contextmanager
def serving() -> Iterator[Agency]:
    """Run the agency."""
    agency = Agency()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(agency))
    agency.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield agency
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(agency: Agency) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            agency.states += parse_qs(urlsplit(body["return_url"]).query)["state"]
            check = f"check-{len(agency.states)}"
            told = {"check": check, "start_url": f"{agency.url}/go/{check}"}
            self._send(201, told | agency.start)

        def do_GET(self) -> None:
            check = self.path.rpartition("/")[2]
            self._send(200, {"check": check} | agency.answer)

        def _send(self, status: int, told: dict[str, Any]) -> None:
            sent = json.dumps(told).encode()
            if self.headers["Authorization"] != f"Bearer {KEY}":
                status, sent = 401, b"{}"
            status, sent = agency.reply or (status, sent)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        def log_message(self, format: str, *args: Any) -> None:
            """Stay quiet."""

    return Handler
