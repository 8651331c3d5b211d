"""The tax service's API (odcloud, nts-businessman v1) on loopback, with a real one's moods."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

KEY = "test+service/key=="


@dataclass
class Register:
    """What the service knows: `states` by number, and one (number, day, name) that is right.

    `answer`, when set, is sent instead: (status, body).
    """

    url: str = ""
    states: dict[str, str] = field(default_factory=dict)
    right: tuple[str, str, str] = ("", "", "")
    answer: tuple[int, bytes] | None = None
    silent: bool = False
    calls: list[int] = field(default_factory=list)


@contextmanager
def serving() -> Iterator[Register]:
    """Run the service; yields its register."""
    register, leaving = Register(), threading.Event()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(register, leaving))
    register.url = f"http://127.0.0.1:{server.server_port}/api/nts-businessman"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield register
    finally:
        leaving.set()
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(register: Register, leaving: threading.Event) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if register.silent:
                leaving.wait(20)
                return
            status, sent = register.answer or _answered(register, parts.path, parts.query, body)
            self.send_response(status)
            self.send_header("Content-Type", "application/json; charset=UTF-8")
            if status == 302:
                self.send_header("Location", register.url)
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        def log_message(self, format: str, *args: Any) -> None:
            """Stay quiet."""

    return Handler


def _answered(register: Register, path: str, query: str, body: bytes) -> tuple[int, bytes]:
    if parse_qs(query) != {"serviceKey": [KEY]}:
        return 401, json.dumps({"code": -401, "msg": "유효하지 않은 인증키 입니다."}).encode()
    asked = json.loads(body)
    rows = asked["b_no"] if path.endswith("/v1/status") else asked["businesses"]
    register.calls.append(len(rows))
    if len(rows) > 100:
        return 413, json.dumps({"status_code": "TOO_LARGE_REQUEST"}).encode()
    answer = _status if path.endswith("/v1/status") else _validated
    found = {
        "status_code": "OK",
        "request_cnt": len(rows),
        "data": [answer(register, row) for row in rows],
    }
    return 200, json.dumps(found, ensure_ascii=False).encode()


def _status(register: Register, number: str) -> dict[str, str]:
    code = register.states.get(number, "")
    words = {"01": "계속사업자", "02": "휴업자", "03": "폐업자"}
    return {"b_no": number, "b_stt": words.get(code, ""), "b_stt_cd": code, "tax_type_cd": "01"}


def _validated(register: Register, asked: dict[str, str]) -> dict[str, Any]:
    same = (asked["b_no"], asked["start_dt"], asked["p_nm"]) == register.right
    row: dict[str, Any] = {"b_no": asked["b_no"], "valid": "01" if same else "02"}
    return row if same else row | {"valid_msg": "확인할 수 없습니다."}
