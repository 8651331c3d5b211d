"""Serves one object under a permit of the one door: headers, conditions, ranges, events."""

from __future__ import annotations

import base64
import dataclasses
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from flask import Response, request
from werkzeug.http import http_date

from gateway.access import service as access
from gateway.access.ask import Ask, Intent, Permit
from gateway.clock import to_ms
from gateway.delivery import ranges
from gateway.delivery.gate import Gate
from gateway.delivery.pairs import outcome_id
from gateway.delivery.ranges import Plan
from gateway.delivery.stream import Ending, Reader, Sent, Stream, open_reader
from gateway.errors import Problem, ProblemCode
from gateway.journal import Act, Actor, Entry, Outcome
from gateway.storage import ObjectMissing, StoreUnavailable
from gateway.web.problems import answer

_NOT_PLAIN = re.compile(r"[^A-Za-z0-9._ -]")
# What people uploaded is a download, never a page of ours.
CSP = "default-src 'none'; sandbox"
REFUSED = {
    HTTPStatus.PRECONDITION_FAILED: ProblemCode.PRECONDITION_FAILED,
    HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE: ProblemCode.RANGE_NOT_SATISFIABLE,
}

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Acts:
    """What becomes of a transfer, by the names that the log has for its kind."""

    allowed: Act
    refused: Act
    completed: Act


DOWNLOAD = Acts(Act.DOWNLOAD_AUTHORIZED, Act.DOWNLOAD_REFUSED, Act.DOWNLOAD_COMPLETED)


@dataclass(frozen=True, slots=True)
class Content:
    """The object to serve. `path` is its item path in the log, its last part the file name;
    `ref` names another object of the log as `kind:id`; `detail` joins every event. With `bearer`
    the request carries an address instead of a session: the grant's holder answers for it.
    `acts` are what a yes, a no and the end are called in the log."""

    path: str
    sha256: str
    size: int
    media_type: str
    ref: str | None = None
    bearer: bool = False
    detail: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    acts: Acts = DOWNLOAD


def serve_object(gate: Gate, actor: Actor, content: Content, asking: Callable[[], Ask]) -> Response:
    """The answer to the present GET or HEAD for `content`.

    `asking` builds the question for the one door; it is called again every two seconds of a
    stream, so that facts of higher features are read anew. The event `content.acts.allowed` is
    durable before the first byte, `completed` follows the last. Raises Problem
    ACCESS_DENIED, URL_EXPIRED, BUSY, LOG_UNAVAILABLE, STORAGE_UNAVAILABLE.
    """
    plan = ranges.plan(request.method, request.headers, content.sha256, content.size)
    ask = dataclasses.replace(asking(), request_bytes=plan.length)
    intent = _intent(request.method, content, plan)
    if not plan.length:
        return _without_body(content, plan, access.authorize(gate.runtime, actor, ask, intent))
    release = gate.slots.take(str(ask.grant_id or ask.person_id))
    try:
        permit = access.authorize(gate.runtime, actor, ask, intent)
        return _Download(gate, content, plan, permit, intent, asking, release).response()
    except BaseException:
        release()
        raise


@dataclass(frozen=True, slots=True)
class _Download:
    """A permitted answer with a body."""

    gate: Gate
    content: Content
    plan: Plan
    permit: Permit
    intent: Intent
    asking: Callable[[], Ask]
    release: Callable[[], None]

    def response(self) -> Response:
        stream = Stream(
            self._reader(), self.plan.start, self.plan.length, self._allowed, self._ended
        )
        body = Response(stream, self.plan.status, direct_passthrough=True)
        return _headed(body, self.content, self.plan, self.permit)

    def _reader(self) -> Reader:
        try:
            return open_reader(self.gate.runtime.store, self.content.sha256, self.content.size)
        except (ObjectMissing, StoreUnavailable) as error:
            self._ended(Sent(0, Ending.STORAGE))
            raise Problem(ProblemCode.STORAGE_UNAVAILABLE) from error

    def _allowed(self) -> bool:
        return access.still_allowed(self.gate.runtime, self.permit, self.asking())

    def _ended(self, sent: Sent) -> None:
        self.release()
        try:
            access.settle(self.gate.runtime, self.permit, sent.bytes)
            access.append(self.gate.runtime.journal, self._entry(sent))
        except Exception:
            # The bytes are gone and their intent is in the log; the reservation stands.
            log.exception("the end of a download could not be recorded")

    def _entry(self, sent: Sent) -> Entry:
        whole = sent.ending is Ending.COMPLETE
        found = self.permit.gathered
        return Entry(
            self.permit.actor,
            self.content.acts.completed,
            Outcome.SUCCESS if whole else Outcome.FAILURE,
            dataset=found.dataset,
            version=found.version,
            item=self.content.path,
            ref=self.content.ref or f"grant:{found.grant_id}",
            reason=None if whole else str(sent.ending),
            detail={
                **self.intent.detail,
                "intent": str(self.permit.event_id),
                "sent": sent.bytes,
                "ended_ms": to_ms(self.gate.runtime.clock.now()),
            },
            event_id=outcome_id(self.permit.event_id),
        )


def _intent(method: str, content: Content, plan: Plan) -> Intent:
    detail = {
        **content.detail,
        "method": method,
        "status": int(plan.status),
        "first": plan.start,
        "length": plan.length,
        "size": content.size,
        "sha256": content.sha256,
    }
    return Intent(
        content.acts.allowed,
        content.acts.refused,
        content.path,
        content.ref,
        detail,
        content.bearer,
    )


def _without_body(content: Content, plan: Plan, permit: Permit) -> Response:
    if plan.status in REFUSED:
        refusal = answer(Problem(REFUSED[plan.status]))
        refusal.headers["Accept-Ranges"] = "bytes"
        if plan.status is HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            refusal.headers["Content-Range"] = f"bytes */{content.size}"
        return refusal
    return _headed(Response(status=plan.status), content, plan, permit)


def _headed(response: Response, content: Content, plan: Plan, permit: Permit) -> Response:
    headers = response.headers
    headers["ETag"] = ranges.etag(content.sha256)
    headers["Accept-Ranges"] = "bytes"
    headers["Cache-Control"] = "no-store"
    headers["Referrer-Policy"] = "no-referrer"
    headers["Content-Security-Policy"] = CSP
    headers["X-Content-Type-Options"] = "nosniff"
    if plan.status is HTTPStatus.NOT_MODIFIED:
        del headers["Content-Type"]
        return response
    headers["Content-Type"] = content.media_type
    headers["Content-Disposition"] = _disposition(content.path)
    headers["Repr-Digest"] = _digest(content.sha256)
    headers["Last-Modified"] = _modified(permit.gathered.version_at)
    return _measured(response, content, plan)


def _measured(response: Response, content: Content, plan: Plan) -> Response:
    ranged = plan.status is HTTPStatus.PARTIAL_CONTENT
    response.content_length = plan.length if ranged else content.size
    if ranged:
        last = plan.start + plan.length - 1
        response.headers["Content-Range"] = f"bytes {plan.start}-{last}/{content.size}"
    return response


def _disposition(path: str) -> str:
    """RFC 6266: a plain name for old clients, the true one in UTF-8 for the rest."""
    name = path.rpartition("/")[2]
    plain = _NOT_PLAIN.sub("_", name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def _digest(sha256: str) -> str:
    """RFC 9530."""
    return f"sha-256=:{base64.b64encode(bytes.fromhex(sha256)).decode('ascii')}:"


def _modified(moment: datetime | None) -> str:
    return http_date(moment)
