"""What the register says of organisations: asked by stewards and, daily, by the worker.

A business that has closed suspends its organisation; only a steward lets it live again. An answer
that is not clear changes nothing, in either direction.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from gateway import ids
from gateway.errors import Problem, ProblemCode
from gateway.identity import rules
from gateway.identity.models import Organisation, OrganisationStatus
from gateway.identity.models_organisations import CheckSource, OrganisationCheck
from gateway.identity.service_organisations import check_decider, entry, get_organisation
from gateway.identity.verifier import BusinessState, Match, OrganisationVerifier
from gateway.journal import Act, Actor, Entry, Outcome, PartyKind
from gateway.runtime import Runtime

# A beat comes every hour, so that what failed is asked again on the same day.
INTERVAL_SECONDS = 3600.0
FRESH = timedelta(hours=23)
AT_ONCE = 100
CLOSED = "tax_service_closed"
WHY_CLOSED = "국세청 조회 결과 폐업 · The tax service says that the business has closed."


@dataclass(frozen=True, slots=True)
class Rechecked:
    """One organisation with what the register said; `suspended` by this very check."""

    organisation_id: uuid.UUID
    name: str
    state: BusinessState
    suspended: bool


@dataclass(frozen=True, slots=True)
class Compared:
    """What the register said of a registration."""

    match: Match
    state: BusinessState


def keep(runtime: Runtime, verifier: OrganisationVerifier) -> list[Rechecked]:
    """The worker's beat: ask about every verified organisation that was not asked about today."""
    if not verifier.ready:
        return []
    stale = runtime.clock.now() - FRESH
    return _recheck(runtime, verifier, Actor.system(), _numbers(runtime, stale))


def recheck(
    runtime: Runtime,
    verifier: OrganisationVerifier,
    actor: Actor,
    organisation_id: uuid.UUID | None = None,
) -> list[Rechecked]:
    """Ask about one verified organisation, or about all, however lately they were asked about.

    Raises Problem 409 without a service key, or when there is nothing to ask about it.
    """
    check_ready(verifier)
    found = _numbers(runtime, None)
    if organisation_id is not None:
        found = [row for row in found if row.id == organisation_id]
        if not found:
            raise _nothing_to_ask()
    return _recheck(runtime, verifier, actor, found)


def compare(
    runtime: Runtime,
    verifier: OrganisationVerifier,
    actor: Actor,
    organisation_id: uuid.UUID,
    told: tuple[date, str],
) -> Compared:
    """A steward compares the number with the day of opening and the representative's name, which
    are asked with and not stored. It verifies nothing by itself: the steward decides.

    Raises Problem 403, 404, 409 without a number or a service key, 422 for the name.
    """
    opened_on, representative = told[0], rules.line("representative", told[1], rules.NAME_LENGTH)
    with runtime.db.read() as session:
        row = get_organisation(session, organisation_id)
        check_decider(session, runtime, actor, row)
    check_ready(verifier)
    number = row.business_number or ""
    if not number:
        raise _nothing_to_ask()
    found = Compared(
        verifier.matches(number, opened_on, representative), verifier.states([number])[number]
    )
    with runtime.db.write() as session:
        row = get_organisation(session, organisation_id, lock=True)
        check_decider(session, runtime, actor, row)
        if row.business_number != number:
            raise Problem(ProblemCode.WRONG_STATE)
        _note(session, runtime, row, CheckSource.REGISTRATION, found.match)
        _state_noted(session, runtime, actor, row, found.state)
        _tell(session, runtime, actor, row, (CheckSource.REGISTRATION, found.match))
    return found


def latest(session: Session, organisation_id: uuid.UUID) -> dict[str, OrganisationCheck]:
    """The newest check of an organisation by source."""
    rows = session.scalars(
        select(OrganisationCheck)
        .where(OrganisationCheck.organisation_id == organisation_id)
        .order_by(OrganisationCheck.first_at, OrganisationCheck.id)
    )
    return {row.source: row for row in rows}


def check_ready(verifier: OrganisationVerifier) -> None:
    """Raise Problem 409 when the register cannot be asked at all."""
    if not verifier.ready:
        raise Problem(
            ProblemCode.WRONG_STATE,
            "국세청 조회가 설정되어 있지 않습니다. 증빙 서류로 확인해 주십시오.",
            "No tax service is set up (SUMUN_TAX_SERVICE_KEY). Verify by the documents instead.",
        )


def _numbers(runtime: Runtime, stale: datetime | None) -> Sequence[Organisation]:
    statement = (
        select(Organisation)
        .where(Organisation.status == OrganisationStatus.VERIFIED)
        .where(Organisation.business_number.is_not(None))
        .order_by(Organisation.id)
    )
    if stale is not None:
        asked = exists().where(
            OrganisationCheck.organisation_id == Organisation.id,
            OrganisationCheck.source == CheckSource.STATUS,
            OrganisationCheck.last_at > stale,
        )
        statement = statement.where(~asked)
    with runtime.db.read() as session:
        return session.scalars(statement).all()


def _recheck(
    runtime: Runtime,
    verifier: OrganisationVerifier,
    actor: Actor,
    found: Sequence[Organisation],
) -> list[Rechecked]:
    done: list[Rechecked] = []
    for start in range(0, len(found), AT_ONCE):
        part = found[start : start + AT_ONCE]
        # The register is asked outside any transaction.
        states = verifier.states([row.business_number or "" for row in part])
        with runtime.db.write() as session:
            for row in part:
                state = states[row.business_number or ""]
                done.append(_one(session, runtime, actor, row, state))
    return done


def _one(
    session: Session, runtime: Runtime, actor: Actor, asked: Organisation, state: BusinessState
) -> Rechecked:
    row = get_organisation(session, asked.id, lock=True)
    suspended = False
    if row.business_number == asked.business_number:
        suspended = _state_noted(session, runtime, actor, row, state)
    return Rechecked(row.id, row.name, state, suspended)


def _state_noted(
    session: Session, runtime: Runtime, actor: Actor, row: Organisation, state: BusinessState
) -> bool:
    """Keep a clear state, with an event when it is news or somebody asked; a business that has
    closed suspends its verified organisation. Returns whether this did."""
    if state is BusinessState.UNKNOWN:
        if actor.kind is not PartyKind.SYSTEM:
            _tell(session, runtime, actor, row, (CheckSource.STATUS, state))
        return False
    news = _note(session, runtime, row, CheckSource.STATUS, state)
    if news or actor.kind is not PartyKind.SYSTEM:
        _tell(session, runtime, actor, row, (CheckSource.STATUS, state))
    if state is not BusinessState.CLOSED or row.status != OrganisationStatus.VERIFIED:
        return False
    row.status, row.status_reason = OrganisationStatus.SUSPENDED, WHY_CLOSED
    told = entry(actor, Act.ORGANISATION_SUSPENDED, row, CLOSED)
    runtime.journal.record(session, told)
    return True


def _note(
    session: Session,
    runtime: Runtime,
    row: Organisation,
    source: CheckSource,
    outcome: BusinessState | Match,
) -> bool:
    """Prolong the latest check that said the same, else begin another; whether it is news."""
    if outcome == "unknown":
        return False
    now, last = runtime.clock.now(), latest(session, row.id).get(source)
    if last is not None and last.outcome == outcome:
        last.last_at = now
        return False
    session.add(
        OrganisationCheck(
            id=ids.new(runtime.clock),
            organisation_id=row.id,
            source=source,
            outcome=outcome,
            first_at=now,
            last_at=now,
        )
    )
    session.flush()
    return True


def _tell(
    session: Session,
    runtime: Runtime,
    actor: Actor,
    row: Organisation,
    said: tuple[CheckSource, BusinessState | Match],
) -> None:
    source, outcome = said
    detail = {"source": str(source), "outcome": str(outcome)}
    ended = Outcome.FAILURE if outcome == "unknown" else Outcome.SUCCESS
    told = Entry(
        actor, Act.ORGANISATION_CHECKED, ended, ref=f"organisation:{row.id}", detail=detail
    )
    runtime.journal.record(session, told)


def _nothing_to_ask() -> Problem:
    return Problem(
        ProblemCode.WRONG_STATE,
        "확인된 국내 기관의 사업자등록번호만 조회합니다.",
        "Only verified organisations in Korea, by their business number, are asked about.",
    )
