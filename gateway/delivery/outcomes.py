"""Outcomes that a front server reports, because it sent the bytes and the gateway did not see them.

A report is one JSON object a line (`docs/delivery.md`). It counts only for a transfer that the log
authorised, and only once: the id of the outcome is derived from that of the intent.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from enum import StrEnum
from typing import BinaryIO

from prometheus_client import Counter
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from audit.errors import EventReplayed
from audit.event import EVENT_ID
from audit.leaf import decode
from audit.search import Filters
from gateway.delivery import pairs
from gateway.delivery.reconcile import Intent, Snapshot, snapshot
from gateway.errors import OperatorError
from gateway.journal import Act, Actor, Entry, Outcome
from gateway.observability.metrics import REGISTRY
from gateway.runtime import Runtime

OUTCOMES = Counter(
    "sumun_reported_outcomes", "Reports of a front server by verdict", ("verdict",),
    registry=REGISTRY,
)  # fmt: skip
MAX_LINE = 4096
_TIME_LIMIT_MS = 2**43


class Reported(BaseModel):
    """One line: bytes [`first`, `first` + `bytes`) left with HTTP `status`, ended at `time_ms`."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    intent: str = Field(pattern=rf"^{EVENT_ID.pattern}$")
    status: int = Field(ge=100, le=599)
    first: int = Field(ge=0, lt=2**53)
    bytes: int = Field(ge=0, lt=2**53)
    time_ms: int = Field(ge=0, lt=_TIME_LIMIT_MS)


class Verdict(StrEnum):
    """What became of a reported outcome."""

    RECORDED = "recorded"
    KNOWN = "known"
    UNKNOWN_INTENT = "unknown_intent"
    REPLAYED = "replayed"
    NOT_AUTHORISED = "not_authorised"


@dataclass(frozen=True, slots=True)
class Taken:
    """A report and what became of it; `recorded` and `known` are in order."""

    reported: Reported
    verdict: Verdict

    @property
    def in_order(self) -> bool:
        return self.verdict in {Verdict.RECORDED, Verdict.KNOWN}


def read(file: BinaryIO) -> list[Reported]:
    """Parse a whole file before anything is recorded.

    Raises OperatorError naming the first line that is not as documented.
    """
    lines = iter(lambda: file.readline(MAX_LINE + 1), b"")
    return [_parsed(number, line) for number, line in enumerate(lines, start=1)]


def take(runtime: Runtime, actor: Actor, reported: Reported) -> Taken:
    """Record one outcome as `delegated`, or say why not.

    The same report again is `known`; another report about a transfer that has an outcome is
    `replayed`; bytes outside those that were authorised are `not_authorised`. Raises
    audit.errors.LogUnavailable: then take the whole file again.
    """
    verdict = _take(runtime, actor, reported)
    OUTCOMES.labels(verdict).inc()
    return Taken(reported, verdict)


def _take(runtime: Runtime, actor: Actor, reported: Reported) -> Verdict:
    with snapshot(runtime) as opened:
        intent = opened.intent(uuid.UUID(reported.intent))
        verdict = _judge(opened, intent, reported)
    if intent is None or verdict is not Verdict.RECORDED:
        return verdict
    try:
        runtime.journal.append(_entry(actor, intent, reported))
    except EventReplayed:
        # Somebody else took a report about the same transfer at this moment.
        return _take(runtime, actor, reported)
    return verdict


def _parsed(number: int, line: bytes) -> Reported:
    try:
        if len(line) > MAX_LINE:
            raise OperatorError(f"line {number}: longer than {MAX_LINE} bytes")
        return Reported.model_validate(json.loads(line, object_pairs_hook=_once))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "object"
        raise OperatorError(f"line {number}: {place}: {first['msg']}") from error
    except (ValueError, RecursionError) as error:
        raise OperatorError(f"line {number}: not one JSON object") from error


def _once(found: list[tuple[str, object]]) -> dict[str, object]:
    if len({name for name, _ in found}) != len(found):
        raise ValueError("a member is there twice")
    return dict(found)


def _judge(opened: Snapshot, intent: Intent | None, reported: Reported) -> Verdict:
    if intent is None:
        return Verdict.UNKNOWN_INTENT
    earlier = _earlier(opened, intent)
    if earlier is not None:
        same = earlier | _detail(intent, reported) == earlier
        return Verdict.KNOWN if same else Verdict.REPLAYED
    within = reported.first == intent.first and reported.bytes <= intent.length
    return Verdict.RECORDED if within else Verdict.NOT_AUTHORISED


def _earlier(opened: Snapshot, intent: Intent) -> dict[str, object] | None:
    """What the log holds as this transfer's outcome."""
    wanted = Filters(event_id=str(pairs.outcome_id(intent.event_id)))
    found = opened.reader.search(wanted, limit=1)
    return dict(decode(found[0].leaf).detail) if found else None


def _detail(intent: Intent, reported: Reported) -> dict[str, object]:
    return {
        "intent": str(intent.event_id),
        "status": reported.status,
        "first": reported.first,
        "length": intent.length,
        "sent": reported.bytes,
        "ended_ms": reported.time_ms,
    }


def _entry(actor: Actor, intent: Intent, reported: Reported) -> Entry:
    whole = reported.status == intent.status and reported.bytes == intent.length
    return Entry(
        actor,
        Act.DOWNLOAD_COMPLETED,
        Outcome.DELEGATED,
        dataset=intent.dataset,
        version=intent.version,
        ref=intent.ref,
        reason=None if whole else "broken",
        detail=_detail(intent, reported),
        event_id=pairs.outcome_id(intent.event_id),
    )
