"""Anomalies: kept as they are found, and decided on by an auditor with a reason."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from audit.event import Domain
from gateway import ids
from gateway.errors import Problem, ProblemCode
from gateway.journal import Act, Actor, Entry, PartyKind
from gateway.oversight.models import Anomaly, AnomalyState, ReviewState
from gateway.oversight.models import LogReview as Review
from gateway.oversight.signs import KEPT, Sign
from gateway.runtime import Runtime
from gateway.web.paging import Window, keyset

MIN_NOTE, MAX_NOTE = 10, 1000
ACTS = {
    AnomalyState.CONFIRMED: Act.ANOMALY_CONFIRMED,
    AnomalyState.DISMISSED: Act.ANOMALY_DISMISSED,
}


def store(session: Session, runtime: Runtime, found: Iterable[Sign], end: int) -> None:
    """Keep what the rules found in the entries below `end`, in the caller's write transaction.

    An anomaly that is still open grows with its day. One that was decided on stays as it was;
    when the same day has become twice as bad, it is a new one.
    """
    for sign in found:
        known = _known(session, _key(sign))
        if known is None or (known.state != AnomalyState.OPEN and _far_worse(known, sign)):
            _add(session, runtime, sign, end, known)
        elif known.state == AnomalyState.OPEN:
            _grow(known, sign, end)
        session.flush()


def decide(
    runtime: Runtime, actor: Actor, anomaly_id: uuid.UUID, state: AnomalyState, note: str
) -> None:
    """Confirm or dismiss an anomaly; the caller is an auditor.

    Raises Problem NOT_FOUND, FORBIDDEN for one's own, WRONG_STATE once decided on,
    VALIDATION_FAILED for a reason of fewer than 10 characters.
    """
    reason = checked_note("note", note)
    with runtime.db.write() as session:
        row = session.get(Anomaly, anomaly_id, with_for_update=True)
        if row is None:
            raise not_found()
        expect_somebody_else(runtime, actor, row.person)
        if row.state != AnomalyState.OPEN:
            raise Problem(
                ProblemCode.WRONG_STATE,
                "이미 판단한 이상 징후입니다.",
                "This anomaly has been decided on already.",
            )
        row.state, row.note = state, reason
        row.decided_by, row.decided_at = actor.person_id, runtime.clock.now()
        detail = {"rule": row.rule, "entries": row.entries}
        runtime.journal.record(
            session,
            Entry(
                noted(actor, reason), ACTS[state], subjects=answering(actor),
                ref=f"anomaly:{row.id}", detail=detail,
            ),
        )  # fmt: skip


def page(session: Session, window: Window, state: AnomalyState | None, rule: str) -> list[Anomaly]:
    """Anomalies, newest first, as `Cursors.page` expects them."""
    query = select(Anomaly)
    if state is not None:
        query = query.where(Anomaly.state == state)
    if rule:
        query = query.where(Anomaly.rule == rule)
    return list(session.scalars(keyset(query, [Anomaly.last_index, Anomaly.id], window)))


def position(row: Anomaly) -> tuple[int, uuid.UUID]:
    """Where an anomaly stands in the list."""
    return (row.last_index, row.id)


def counts(session: Session) -> dict[str, int]:
    """How many anomalies are in each state."""
    rows = session.execute(select(Anomaly.state, func.count()).group_by(Anomaly.state))
    return {str(state): int(count) for state, count in rows}


def get(session: Session, anomaly_id: uuid.UUID) -> Anomaly:
    """One anomaly. Raises Problem 404."""
    row = session.get(Anomaly, anomaly_id)
    if row is None:
        raise not_found()
    return row


def of_review(session: Session, review: Review) -> Sequence[Anomaly]:
    """The anomalies that a review takes up: its own once signed, before that all that wait."""
    query = select(Anomaly).order_by(Anomaly.last_index, Anomaly.key)
    if review.state == ReviewState.SIGNED:
        return session.scalars(query.where(Anomaly.review_id == review.id)).all()
    waiting = Anomaly.review_id.is_(None) & (Anomaly.last_index < review.end_index)
    return session.scalars(query.where(waiting)).all()


def checked_note(field: str, note: str) -> str:
    """A reason or statement of 10 to 1,000 characters on one line. Raises Problem 422."""
    text = " ".join(note.split())
    if MIN_NOTE <= len(text) <= MAX_NOTE:
        return text
    ko, en = ("점검 의견을", "statement") if field == "statement" else ("사유를", "reason")
    raise Problem(
        ProblemCode.VALIDATION_FAILED,
        f"{ko} {MIN_NOTE}자 이상 {MAX_NOTE}자 이하로 적어 주십시오.",
        f"Write a {en} of {MIN_NOTE} to {MAX_NOTE} characters.",
        field=field,
    )


def expect_somebody_else(runtime: Runtime, actor: Actor, person: str | None) -> None:
    """Nobody judges what they did themselves. Raises Problem 403."""
    if person is not None and person == runtime.vault.token(Domain.PERSON, str(actor.person_id)):
        raise Problem(
            ProblemCode.FORBIDDEN,
            "본인이 한 일은 다른 감사 담당자가 점검합니다.",
            "What you did yourself is reviewed by another auditor.",
        )


def noted(actor: Actor, note: str) -> Actor:
    """The actor with what they wrote: it may name people, so it is sealed under their key."""
    return Actor(
        actor.kind, actor.place, actor.person_id, actor.organisation_id,
        {**actor.personal, "note": note}, actor.roles,
    )  # fmt: skip


def answering(actor: Actor) -> list[uuid.UUID]:
    """Who answers for a decision made on the host, where the operator is the actor."""
    named = actor.kind is PartyKind.OPERATOR and actor.person_id
    return [named] if named else []


def not_found() -> Problem:
    """The answer for an anomaly that does not exist."""
    return Problem(ProblemCode.NOT_FOUND, "해당 이상 징후가 없습니다.", "There is no such anomaly.")


def _key(sign: Sign) -> str:
    return f"{sign.rule}:{sign.person or '-'}:{sign.day.isoformat()}"


def _known(session: Session, key: str) -> Anomaly | None:
    """The newest anomaly of a rule, a person and a day."""
    same = (Anomaly.key == key) | Anomaly.key.startswith(f"{key}:", autoescape=True)
    return session.scalar(select(Anomaly).where(same).order_by(Anomaly.id.desc()).limit(1))


def _far_worse(known: Anomaly, sign: Sign) -> bool:
    if sign.grows:
        return True
    return sign.entries >= 2 * known.entries


def _add(session: Session, runtime: Runtime, sign: Sign, end: int, known: Anomaly | None) -> None:
    now = runtime.clock.now()
    row = Anomaly(
        id=ids.new(runtime.clock),
        key=_key(sign) if known is None else f"{_key(sign)}:{sign.entries}:{end}",
        rule=sign.rule, person=sign.person, start_ms=sign.start_ms, end_ms=sign.end_ms,
        last_index=_last(sign, end), entries=sign.entries, evidence=_evidence(sign), found_at=now,
        state=AnomalyState.OPEN,
    )  # fmt: skip
    session.add(row)
    detail = {"rule": str(sign.rule), "entries": sign.entries, "last": row.last_index}
    entry = Entry(Actor.system(), Act.ANOMALY_FOUND, ref=f"anomaly:{row.id}", detail=detail)
    runtime.journal.record(session, entry)


def _grow(known: Anomaly, sign: Sign, end: int) -> None:
    events = list(sign.events)
    if sign.grows:
        events = sorted({*known.evidence["events"], *events})[-KEPT:]
        known.entries += sign.entries
    else:
        known.entries = sign.entries
    known.evidence = {"events": events, "figures": dict(sign.figures)}
    known.start_ms = min(known.start_ms, sign.start_ms)
    known.end_ms = max(known.end_ms, sign.end_ms)
    known.last_index = max(known.last_index, _last(sign, end))


def _last(sign: Sign, end: int) -> int:
    return max(sign.events, default=end - 1)


def _evidence(sign: Sign) -> dict[str, Any]:
    return {"events": list(sign.events), "figures": dict(sign.figures)}
