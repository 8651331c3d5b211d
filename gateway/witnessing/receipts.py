"""Gives out receipts: the header `Sumun-Receipt` on answers for which something was recorded.

Downloads and every API call that changes something carry one for each event, so that whoever
acted can prove later that the log left it out.
"""

from __future__ import annotations

from http import HTTPStatus

import structlog
from flask import Flask, Response, request

from audit.errors import LogUnavailable
from audit.receipt import COLLECTING, Promise, header_value
from gateway.runtime import Runtime

NAME = "Sumun-Receipt"
# One act is one event; a few more may come with it, and a header has limits.
AT_MOST = 4
READING = ("GET", "HEAD", "OPTIONS")
log = structlog.get_logger(__name__)


def install(app: Flask, runtime: Runtime) -> None:
    """Collect what each request records, and sign for it in the answer."""

    def begin() -> None:
        COLLECTING.set([] if _wanted() else None)

    def give(response: Response) -> Response:
        promises = COLLECTING.get()
        if promises and response.status_code < HTTPStatus.BAD_REQUEST:
            for receipt in _receipts(runtime, promises[-AT_MOST:]):
                response.headers.add(NAME, header_value(receipt))
        return response

    def end(_error: BaseException | None) -> None:
        # A thread serves other requests, and the rest of this stream, in the same context.
        COLLECTING.set(None)

    app.before_request(begin)
    app.after_request(give)
    app.teardown_request(end)


def _wanted() -> bool:
    changing = request.path.startswith("/api/") and request.method not in READING
    return changing or request.path.startswith("/d/")


def _receipts(runtime: Runtime, promises: list[Promise]) -> list[str]:
    """Signed receipts. What was rolled back after it was recorded gets none."""
    queued = [one.event_id for one in promises if not one.durable]
    try:
        kept = runtime.journal.log.durable(queued) if queued else set()
        return [
            runtime.journal.log.receipt(one)
            for one in promises
            if one.durable or one.event_id in kept
        ]
    except LogUnavailable as error:
        # What was done is done and in the log's queue; only the promise is missing.
        log.warning("receipts.unsigned", exc_info=error)
        return []
