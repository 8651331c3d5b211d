"""Grants: made by an approval, ended by revocation, renewal, return or the clock.

Every change that must kill what was issued before it raises the epoch, in the same transaction as
its audit event.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from gateway import ids
from gateway.access.models import EndReason, Grant, HolderKind
from gateway.catalog.models import Dataset
from gateway.errors import Problem, ProblemCode
from gateway.jobs import queue
from gateway.jobs.models import Job
from gateway.jobs.queue import Leased
from gateway.journal import Act, Actor, Entry
from gateway.runtime import Runtime

# What a higher feature does in the same transaction, before the change; it may raise Problem.
Within = Callable[[Session], None]
EXPIRE_JOB = "access.expire_grant"
MIN_REASON = 10
MAX_REASON = 2000


@dataclass(frozen=True, slots=True)
class GrantSpec:
    """What an approval gives: to whom, for what, from when, for how long.

    `days` counts from `starts_at` (None: now); `quota_bytes` None means no limit.
    `purpose_reviewed` says that a person, not a tier without review, agreed to the purpose.
    """

    person_id: uuid.UUID
    dataset_id: uuid.UUID
    project_id: uuid.UUID
    purpose: str
    days: int
    organisation_id: uuid.UUID | None = None
    application_item_id: uuid.UUID | None = None
    quota_bytes: int | None = None
    starts_at: datetime | None = None
    uses: tuple[str, ...] = ()
    study: Mapping[str, Any] = field(default_factory=dict)
    purpose_reviewed: bool = False


def create_grant(session: Session, runtime: Runtime, actor: Actor, spec: GrantSpec) -> Grant:
    """Make a grant in the caller's write transaction, with its event.

    A live grant of the same person, dataset and research project ends as renewed, at once and
    in the same transaction; what was a seat of the organisation, also one that ran out, is one
    again. Raises IntegrityError for ids that do not exist, Problem CONFLICT for a live seat of
    another organisation than the application names.
    """
    now = runtime.clock.now()
    holder = _end_renewed(session, spec, now)
    starts = spec.starts_at or now
    grant = Grant(
        id=ids.new(runtime.clock),
        holder_kind=holder,
        person_id=spec.person_id,
        organisation_id=spec.organisation_id,
        dataset_id=spec.dataset_id,
        project_id=spec.project_id,
        application_item_id=spec.application_item_id,
        purpose=spec.purpose,
        uses=list(spec.uses),
        study=dict(spec.study),
        purpose_reviewed=spec.purpose_reviewed,
        starts_at=starts,
        ends_at=starts + timedelta(days=spec.days),
        quota_bytes=spec.quota_bytes,
        created_at=now,
    )
    session.add(grant)
    session.flush()
    plan_expiry(session, runtime, grant)
    runtime.journal.record(session, entry(session, actor, Act.GRANT_CREATED, grant))
    return grant


def revoke(
    runtime: Runtime,
    actor: Actor,
    grant_id: uuid.UUID,
    reason: str,
    *,
    within: Within | None = None,
) -> None:
    """End a grant for good; its addresses die with the next request. The caller is a steward.

    Raises Problem NOT_FOUND, FORBIDDEN for one's own, WRONG_STATE for one that has ended,
    VALIDATION_FAILED for a reason of fewer than 10 characters.
    """
    note = checked_reason(reason)

    def change(grant: Grant) -> None:
        end_row(grant, EndReason.REVOKED, runtime.clock.now(), actor.person_id)
        grant.end_note = note

    change_grant(runtime, actor, grant_id, Act.GRANT_REVOKED, change, within=within)


def suspend(
    runtime: Runtime,
    actor: Actor,
    grant_id: uuid.UUID,
    reason: str,
    *,
    within: Within | None = None,
) -> None:
    """Stop a grant until it is resumed; what was issued before stays dead. As `revoke`."""
    note = checked_reason(reason)

    def change(grant: Grant) -> None:
        expect(not grant.suspended)
        grant.suspended, grant.end_note = True, note
        grant.epoch += 1

    change_grant(runtime, actor, grant_id, Act.GRANT_SUSPENDED, change, within=within)


def resume(runtime: Runtime, actor: Actor, grant_id: uuid.UUID) -> None:
    """Let a suspended grant live again; new addresses are needed. Raises as `revoke`."""

    def change(grant: Grant) -> None:
        expect(grant.suspended)
        grant.suspended, grant.end_note = False, ""

    change_grant(runtime, actor, grant_id, Act.GRANT_RESUMED, change)


def give_up(runtime: Runtime, actor: Actor, grant_id: uuid.UUID) -> None:
    """The holder returns the grant. Raises Problem NOT_FOUND for someone else's."""

    def change(grant: Grant) -> None:
        if grant.person_id != actor.person_id:
            raise not_found()
        end_row(grant, EndReason.GIVEN_UP, runtime.clock.now(), actor.person_id)

    change_grant(runtime, actor, grant_id, Act.GRANT_GIVEN_UP, change)


def expire(runtime: Runtime, leased: Leased) -> None:
    """The job of a grant's last moment: write the event, unless the grant ended before.

    Nothing depends on it: expiry is decided by the clock at every decision.
    """
    now = runtime.clock.now()
    with runtime.db.write() as session:
        grant = session.get(Grant, uuid.UUID(leased.payload["grant"]), with_for_update=True)
        if grant is not None and grant.ended_at is None and grant.ends_at <= now:
            end_row(grant, EndReason.EXPIRED, now, None)
            told = entry(session, Actor.system(), Act.GRANT_EXPIRED, grant)
            runtime.journal.record(session, told)
        queue.complete(session, runtime.clock, leased)


def checked_reason(text: str) -> str:
    """A reason worth reading: 10 to 2,000 characters. Raises Problem VALIDATION_FAILED."""
    reason = text.strip()
    if not MIN_REASON <= len(reason) <= MAX_REASON:
        raise Problem(
            ProblemCode.VALIDATION_FAILED,
            f"사유를 {MIN_REASON}자 이상 {MAX_REASON}자 이하로 적어 주십시오.",
            f"Please give a reason of {MIN_REASON} to {MAX_REASON} characters.",
            field="reason",
        )
    return reason


def not_found() -> Problem:
    """The answer for a grant that does not exist, or is somebody else's."""
    return Problem(ProblemCode.NOT_FOUND, "해당 이용 권한이 없습니다.", "There is no such grant.")


def change_grant(
    runtime: Runtime,
    actor: Actor,
    grant_id: uuid.UUID,
    act: Act,
    change: Callable[[Grant], None],
    *,
    within: Within | None = None,
) -> None:
    """Change a live grant under its lock, with its event in the same transaction.

    Raises Problem NOT_FOUND, FORBIDDEN for one's own, WRONG_STATE for one that has ended.
    """
    with runtime.db.write() as session:
        if within is not None:
            within(session)
        grant = session.get(Grant, grant_id, with_for_update=True)
        if grant is None:
            raise not_found()
        if act is not Act.GRANT_GIVEN_UP:
            _expect_another(grant, actor)
        expect(grant.ended_at is None)
        change(grant)
        runtime.journal.record(session, entry(session, actor, act, grant))


def plan_expiry(session: Session, runtime: Runtime, grant: Grant) -> None:
    """Enqueue the event of the grant's last moment."""
    key, payload = f"{EXPIRE_JOB}:{grant.id}", {"grant": str(grant.id)}
    job = queue.enqueue(session, runtime.clock, EXPIRE_JOB, key, payload)
    session.execute(update(Job).where(Job.id == job).values(run_after=grant.ends_at))


def _end_renewed(session: Session, spec: GrantSpec, now: datetime) -> HolderKind:
    """End what is renewed; who holds the new grant: the person, or the organisation's seat."""
    same = (
        select(Grant)
        .where(Grant.person_id == spec.person_id, Grant.dataset_id == spec.dataset_id)
        .where(Grant.project_id == spec.project_id)
    )
    old = session.scalar(same.where(Grant.ended_at.is_(None)).with_for_update())
    if old is None:
        ran_out = same.where(Grant.end_reason == str(EndReason.EXPIRED))
        last = session.scalar(ran_out.order_by(Grant.ended_at.desc(), Grant.id.desc()).limit(1))
        return _kept(last, spec)
    kind = _kept(old, spec)
    if kind != old.holder_kind:
        raise _others_seat()
    end_row(old, EndReason.RENEWED, now, None)
    session.flush()
    return kind


def _kept(old: Grant | None, spec: GrantSpec) -> HolderKind:
    seat = old is not None and old.holder_kind == HolderKind.SEAT
    same = old is not None and old.organisation_id == spec.organisation_id
    return HolderKind.SEAT if seat and same else HolderKind.PERSON


def _others_seat() -> Problem:
    return Problem(
        ProblemCode.CONFLICT,
        "신청인은 이 연구과제로 다른 기관의 이용 좌석을 쓰고 있습니다. 그 기관을 소속기관으로 하여 "
        "신청하거나, 그 기관의 관리자가 좌석을 먼저 옮겨야 합니다.",
        "For this research project the applicant sits on a seat of another organisation. Apply for "
        "that organisation, or have its manager move the seat first.",
    )


def end_row(grant: Grant, reason: EndReason, now: datetime, by: uuid.UUID | None) -> None:
    """End a grant in the caller's transaction; whatever was issued for it dies."""
    grant.ended_at, grant.end_reason, grant.ended_by = now, reason, by
    grant.epoch += 1


def expect(holds: bool) -> None:
    """Raise Problem WRONG_STATE unless `holds`."""
    if not holds:
        raise Problem(
            ProblemCode.WRONG_STATE,
            "이용 권한의 현재 상태에서는 할 수 없습니다.",
            "The grant is not in a state that allows this.",
        )


def _expect_another(grant: Grant, actor: Actor) -> None:
    # The holder's own verb is `give_up`; whoever decides about a grant does not hold it.
    if grant.person_id == actor.person_id:
        raise Problem(
            ProblemCode.FORBIDDEN,
            "자신의 이용 권한은 다른 데이터 관리 담당자가 결정합니다.",
            "Your own grant is decided on by another steward.",
        )


def entry(session: Session, actor: Actor, act: Act, grant: Grant) -> Entry:
    """The event of something done to a grant."""
    slug = session.scalar(select(Dataset.slug).where(Dataset.id == grant.dataset_id))
    return Entry(
        actor=actor,
        act=act,
        subjects=(grant.person_id,),
        dataset=slug,
        ref=f"grant:{grant.id}",
        detail={"epoch": grant.epoch, "purpose": grant.purpose},
    )
