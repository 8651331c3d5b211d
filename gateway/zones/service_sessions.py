"""Sessions: opened by staff of the zone, never their own; over when closed or when time is up."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from gateway.access.ask import Ask
from gateway.access.grounds import grounds_in
from gateway.access.service import consider
from gateway.applications.service_transaction import Judged, Refused, refused, transact
from gateway.clock import to_ms
from gateway.errors import Problem, ProblemCode
from gateway.identity.models import Role
from gateway.identity.service_roles import covers, roles_held_by
from gateway.jobs import queue
from gateway.jobs.models import Job
from gateway.jobs.queue import Leased
from gateway.journal import Act, Actor, Outcome
from gateway.runtime import Runtime
from gateway.zones.events import Named, entry, named
from gateway.zones.models import SessionEnd, Zone, ZoneImport, ZoneSession
from gateway.zones.service_facts import term_ends
from gateway.zones.service_ties import grants_of_own_projects
from policies.facts import ZoneFacts
from policies.vocabulary import Action, ImportState
from policies.vocabulary import ZoneSession as Standing

END_JOB = "zones.end_session"
OWN, OWN_PROJECT = "OWN_SESSION", "OWN_PROJECT"


def open_session(runtime: Runtime, actor: Actor, session_id: uuid.UUID) -> None:
    """Staff let a person begin: from then on the data can be read at the zone's seats.

    Raises Problem NOT_FOUND for everybody who is not staff of the zone, FORBIDDEN for one's own
    session and those of one's research projects, ACCESS_DENIED with every blocker when the data
    could not be read even then, WRONG_STATE outside the booked time or when it was opened or
    ended before, CONFLICT when seat or person has an open session.
    """
    transact(runtime, lambda session: _open(session, runtime, actor, session_id))


def close_session(runtime: Runtime, actor: Actor, session_id: uuid.UUID) -> None:
    """End an open session at once: by staff of the zone, or by the person who leaves.

    Raises Problem NOT_FOUND for everybody else, WRONG_STATE when it is not open.
    """

    def change(session: Session) -> None:
        row = _find(session, session_id)
        if row.person_id != actor.person_id:
            require_staff(session, runtime, actor, row)
        _expect(row.opened_at is not None and row.ended_at is None)
        stop(session, runtime, actor, row)

    transact(runtime, change)


def cancel(runtime: Runtime, actor: Actor, session_id: uuid.UUID) -> None:
    """Give a booked seat back before the session was opened: the person, or staff of the zone.

    Raises Problem NOT_FOUND for everybody else, WRONG_STATE when it was opened or has ended.
    """

    def change(session: Session) -> None:
        row = _find(session, session_id)
        if row.person_id != actor.person_id:
            require_staff(session, runtime, actor, row)
        _expect(row.opened_at is None and row.ended_at is None)
        stop(session, runtime, actor, row)

    transact(runtime, change)


def end_run_out(runtime: Runtime, leased: Leased) -> None:
    """The job of a session's last moment: write the event, unless it ended before.

    Nothing depends on it: every question looks at the clock.
    """
    now = runtime.clock.now()
    with runtime.db.write() as session:
        row = session.get(ZoneSession, uuid.UUID(leased.payload["session"]), with_for_update=True)
        if row is not None and row.ended_at is None and row.booked_until <= now:
            _end(session, runtime, Actor.system(), row, SessionEnd.TIME_UP)
        queue.complete(session, runtime.clock, leased)


def plan_end(session: Session, runtime: Runtime, row: ZoneSession) -> None:
    """Have the end of `row` recorded when its time is up."""
    key, payload = f"{END_JOB}:{row.id}", {"session": str(row.id)}
    job = queue.enqueue(session, runtime.clock, END_JOB, key, payload)
    session.execute(update(Job).where(Job.id == job).values(run_after=row.booked_until))


def stop(session: Session, runtime: Runtime, actor: Actor, row: ZoneSession) -> None:
    """End what is open and cancel what is only booked, with the event, in this transaction."""
    reason = SessionEnd.CANCELLED if row.opened_at is None else SessionEnd.CLOSED
    _end(session, runtime, actor, row, reason)


def require_staff(
    session: Session, runtime: Runtime, actor: Actor, thing: ZoneSession | ZoneImport
) -> Named:
    """`thing` with its names, for staff of its zone. Raises Problem NOT_FOUND for others."""
    about = named(session, thing)
    if actor.person_id is None:
        raise not_found()
    held = roles_held_by(session, actor, runtime.clock.now())
    if not covers(held, Role.ZONE_STAFF, about.zone.slug):
        raise not_found()
    return about


def expect_another(session: Session, actor: Actor, about: Named) -> None:
    """Nobody lets in themselves, or the research project that they belong to.

    Raises Refused, which is recorded, for the person, their team and their supervisor.
    """
    thing = about.thing
    if thing.person_id == actor.person_id:
        raise _too_near(
            actor, about, OWN, "자신의 안심존 이용과 반입은 다른 안심존 운영자가 처리합니다.",
            "Your own session or import is handled by another member of the staff.",
        )  # fmt: skip
    if actor.person_id and grants_of_own_projects(session, actor.person_id, [thing.grant_id]):
        raise _too_near(
            actor, about, OWN_PROJECT,
            "자신이 속하거나 지도하는 연구과제의 안심존 이용과 반입은 다른 안심존 운영자가"
            " 처리합니다.",
            "You belong to this research project or supervise it; another member of the staff"
            " handles its sessions and imports.",
        )  # fmt: skip


def judge(runtime: Runtime, actor: Actor, about: Named, action: Action, zone: ZoneFacts) -> Judged:
    """Ask the rules whether the holder may. Raises Refused with every blocker otherwise."""
    thing = about.thing
    ask = Ask(action, person_id=thing.person_id, grant_id=thing.grant_id, zone=zone)
    gathered, decision = consider(runtime, ask)
    judged = Judged(gathered.facts, decision)
    if not decision.allowed:
        raise refused(judged, entry(actor, Act.ACCESS_DECIDED, about))
    return judged


def inside(
    session: Session, grant_id: uuid.UUID, now: datetime, zone_import: ImportState | None = None
) -> ZoneFacts:
    """The facts of somebody who sits at a seat: what else would stand in the way?"""
    ends = term_ends(session, grant_id, now)
    return ZoneFacts(Standing.OPEN, None if ends is None else to_ms(ends), zone_import)


def not_found() -> Problem:
    """The answer for a session that does not exist, or is none of one's business."""
    return Problem(
        ProblemCode.NOT_FOUND,
        "해당 안심존 예약 또는 이용이 없습니다.",
        "There is no such safe-zone booking or session.",
    )


def _open(session: Session, runtime: Runtime, actor: Actor, session_id: uuid.UUID) -> None:
    row, now = _find(session, session_id), runtime.clock.now()
    about = require_staff(session, runtime, actor, row)
    expect_another(session, actor, about)
    _expect(row.opened_at is None and row.ended_at is None)
    _expect_time(row, now)
    facts = inside(session, row.grant_id, now)
    judged = judge(runtime, actor, about, Action.READ_IN_ZONE, facts)
    _end_run_out_of(session, runtime, row, now)
    row.opened_at, row.opened_by = now, actor.person_id
    session.flush()
    told = grounds_in(session, runtime, judged.facts, judged.decision)
    runtime.journal.record(session, entry(actor, Act.ZONE_SESSION_OPENED, about, detail=told))


def _too_near(actor: Actor, about: Named, reason: str, ko: str, en: str) -> Refused:
    denial = entry(actor, Act.ACCESS_DECIDED, about, outcome=Outcome.DENY, reason=reason)
    return Refused(Problem(ProblemCode.FORBIDDEN, ko, en), denial)


def _end_run_out_of(session: Session, runtime: Runtime, row: ZoneSession, now: datetime) -> None:
    """What ran out of time while the worker was away still stands as open; end it first."""
    same_seat = (ZoneSession.zone_id == row.zone_id) & (ZoneSession.seat == row.seat)
    left = (
        select(ZoneSession)
        .where(or_(same_seat, ZoneSession.person_id == row.person_id))
        .where(ZoneSession.opened_at.is_not(None), ZoneSession.ended_at.is_(None))
        .where(ZoneSession.booked_until <= now)
        .order_by(ZoneSession.id)
    )
    for each in session.scalars(left.with_for_update()).all():
        _end(session, runtime, Actor.system(), each, SessionEnd.TIME_UP)
    session.flush()


def _end(
    session: Session, runtime: Runtime, actor: Actor, row: ZoneSession, reason: SessionEnd
) -> None:
    row.ended_at, row.ended_by, row.end_reason = runtime.clock.now(), actor.person_id, reason
    cancelled = reason is SessionEnd.CANCELLED
    act = Act.ZONE_SESSION_CANCELLED if cancelled else Act.ZONE_SESSION_ENDED
    detail = {"end": str(reason)}
    runtime.journal.record(session, entry(actor, act, named(session, row), detail=detail))


def _find(session: Session, session_id: uuid.UUID) -> ZoneSession:
    """The session, with its zone locked first: booking takes the locks in the same order."""
    row = session.get(ZoneSession, session_id)
    if row is None:
        raise not_found()
    session.scalar(select(Zone.id).where(Zone.id == row.zone_id).with_for_update())
    session.refresh(row, with_for_update=True)
    return row


def _expect(holds: bool) -> None:
    if not holds:
        raise Problem(
            ProblemCode.WRONG_STATE,
            "이 예약 또는 이용의 현재 상태에서는 할 수 없습니다.",
            "The booking or session is not in a state that allows this.",
        )


def _expect_time(row: ZoneSession, now: datetime) -> None:
    if not row.booked_from <= now < row.booked_until:
        raise Problem(
            ProblemCode.WRONG_STATE,
            "예약한 시간에만 이용 시작을 등록할 수 있습니다.",
            "A session is opened only within the time that was booked.",
        )
