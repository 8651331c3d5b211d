"""A witness as a program of its own: WSGI over `audit.witness`, served by gunicorn."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any

from gunicorn.app.base import BaseApplication

from audit.cosignature import Cosigner
from audit.errors import StateDamaged
from audit.note import Verifier
from audit.witness import MAX_REQUEST_BYTES, PATH, PLAIN, Answer, Witness
from audit.witness_state import WitnessState

THREADS = 8
Start = Callable[[str, list[tuple[str, str]]], object]


class WitnessApp:
    """The WSGI application of one witness."""

    def __init__(self, witness: Witness, cosigner: Cosigner) -> None:
        self._witness = witness
        self._about = f"{cosigner.key}\n"

    def __call__(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        answer = self._answer(environ)
        body = answer.body.encode()
        headers = [("Content-Type", answer.content_type), ("Content-Length", str(len(body)))]
        start(f"{answer.status.value} {answer.status.phrase}", headers)
        return [body]

    def _answer(self, environ: dict[str, Any]) -> Answer:
        path, method = environ.get("PATH_INFO", ""), environ["REQUEST_METHOD"]
        if (path, method) == ("/", "GET"):
            return Answer(HTTPStatus.OK, self._about)
        if path != f"/{PATH}":
            return Answer(HTTPStatus.NOT_FOUND, "there is only add-checkpoint\n")
        if method != "POST":
            return Answer(HTTPStatus.METHOD_NOT_ALLOWED, "POST a checkpoint\n")
        try:
            return self._witness.add_checkpoint(_body(environ))
        except (StateDamaged, OSError) as error:
            environ["wsgi.errors"].write(f"sumun: the witness cannot sign: {error}\n")
            return Answer(HTTPStatus.INTERNAL_SERVER_ERROR, "the witness cannot sign now\n", PLAIN)


def _body(environ: dict[str, Any]) -> bytes:
    """The request's body, at most one byte more than is allowed."""
    most = MAX_REQUEST_BYTES + 1
    if not environ.get("wsgi.input_terminated"):
        told = environ.get("CONTENT_LENGTH") or "0"
        most = min(most, int(told)) if told.isascii() and told.isdigit() else 0
    body: bytes = environ["wsgi.input"].read(most)
    return body


def application(cosigner: Cosigner, logs: Sequence[Verifier], state: Path) -> WitnessApp:
    """The witness of `logs`, several keys of one origin being allowed. Raises OSError."""
    by_origin: dict[str, list[Verifier]] = {}
    for log in logs:
        by_origin.setdefault(log.name, []).append(log)
    witness = Witness(cosigner, by_origin, WitnessState(state), lambda: int(time.time()))
    return WitnessApp(witness, cosigner)


class WitnessServer(BaseApplication):  # type: ignore[misc]
    """Gunicorn's threaded worker; the state's lock would bear several processes too."""

    def __init__(self, app: WitnessApp, bind: str) -> None:
        self._app, self._bind = app, bind
        super().__init__()

    def load_config(self) -> None:
        self.cfg.set("bind", self._bind)
        self.cfg.set("worker_class", "gthread")
        self.cfg.set("threads", THREADS)
        self.cfg.set("control_socket_disable", True)
        self.cfg.set("loglevel", "warning")
        self.cfg.set("proc_name", "sumun-witness")

    def load(self) -> WitnessApp:
        return self._app
