"""Visas that a person brings become evidence, for exactly as long as they hold.

The issuer's signature stands in for the steward who compares evidence with its source, so it counts
at once; it ends with the visa, with its allowed age, and when the identity it is about is taken off
the account. What was ended here counts again only when its source has asserted it anew.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway import ids
from gateway.errors import Problem
from gateway.identity.models import Attestation, AttestationKind, Person, PersonStatus
from gateway.identity.models_federation import LinkedIdentity
from gateway.identity.models_passports import TakenVisa
from gateway.identity.passports.clearinghouse import (
    Cleared,
    Clearinghouse,
    Identities,
    Refusal,
    Visa,
)
from gateway.identity.passports.refusals import BadVisa, Reason, problem
from gateway.identity.service_people import acting, get_person
from gateway.journal import Act, Actor, Entry, Outcome, PartyKind
from gateway.runtime import Runtime
from gateway.visa_settings import Rule

REFERENCE_LENGTH = 120


@dataclass(frozen=True, slots=True)
class Taking:
    """What became of what was brought. `known` counted already, `unused` says nothing that counts
    here: both were believed."""

    taken: tuple[Visa, ...] = ()
    known: tuple[Visa, ...] = ()
    unused: tuple[Visa, ...] = ()
    refused: tuple[Refusal, ...] = ()


@dataclass(frozen=True, slots=True)
class Brought:
    """A visa that a person has brought, with the evidence it became."""

    visa: TakenVisa
    attestation: Attestation


def take(runtime: Runtime, house: Clearinghouse, actor: Actor, tokens: Sequence[str]) -> Taking:
    """Take passports and visas that the actor brings about themselves.

    Raises Problem 422 PASSPORT_REFUSED for a passport that does not hold. Every refusal is an
    event.
    """
    assert actor.person_id is not None, "only people who are signed in bring visas"
    person_id, now = actor.person_id, runtime.clock.now()
    with runtime.db.read() as session:
        identities = _identities(session, person_id)
    try:
        cleared = house.cleared(tokens, identities, now)
    except BadVisa as error:
        _refused(runtime, actor, [error.reason])
        raise problem(error.reason) from error
    taking = _stored(runtime, actor, identities, cleared)
    _refused(runtime, actor, [each.reason for each in taking.refused])
    return taking


def take_from_provider(
    runtime: Runtime, house: Clearinghouse, actor: Actor, came: tuple[str, str, Sequence[str]]
) -> None:
    """Take what an identity provider handed over with an identity: issuer, subject, tokens.

    Nothing happens for an identity that is linked to nobody. A refusal is an event and stops
    nothing: the person has come to sign in.
    """
    issuer, subject, tokens = came
    if not tokens or not house.open:
        return
    with runtime.db.read() as session:
        person = _owner(session, issuer, subject)
    if person is None:
        return
    try:
        take(runtime, house, replace(acting(actor, person), kind=PartyKind.PERSON), tokens)
    except Problem:
        return


def end_of_identity(
    session: Session, runtime: Runtime, actor: Actor, identity_id: uuid.UUID
) -> None:
    """End what came through an identity, in the transaction that takes it off the account."""
    rows = session.scalars(
        select(Attestation)
        .join(TakenVisa, TakenVisa.attestation_id == Attestation.id)
        .where(TakenVisa.identity_id == identity_id, Attestation.ended_at.is_(None))
    )
    for row in rows:
        row.ended_at = runtime.clock.now()
        detail = {"kind": row.kind, "form": row.form, "level": row.level, "why": "unlinked"}
        runtime.journal.record(session, _entry(actor, Act.ATTESTATION_ENDED, row, detail))


def brought_by(session: Session, person_id: uuid.UUID) -> Sequence[Brought]:
    """Every visa that a person has ever brought and that counted, newest first."""
    rows = session.execute(
        select(TakenVisa, Attestation)
        .join(Attestation, Attestation.id == TakenVisa.attestation_id)
        .where(Attestation.person_id == person_id)
        .order_by(TakenVisa.taken_at.desc(), TakenVisa.attestation_id.desc())
    )
    return [Brought(row.TakenVisa, row.Attestation) for row in rows]


def _identities(session: Session, person_id: uuid.UUID) -> Identities:
    rows = session.scalars(
        select(LinkedIdentity).where(
            LinkedIdentity.person_id == person_id, LinkedIdentity.ended_at.is_(None)
        )
    )
    return {(row.issuer, row.subject): row.id for row in rows}


def _owner(session: Session, issuer: str, subject: str) -> Person | None:
    return session.scalar(
        select(Person)
        .join(LinkedIdentity, LinkedIdentity.person_id == Person.id)
        .where(LinkedIdentity.issuer == issuer, LinkedIdentity.subject == subject)
        .where(LinkedIdentity.ended_at.is_(None), Person.status == PersonStatus.ACTIVE)
    )


def _stored(runtime: Runtime, actor: Actor, identities: Identities, cleared: Cleared) -> Taking:
    sorted_: dict[str, list[Any]] = {"taken": [], "known": [], "unused": [], "refused": []}
    with runtime.db.write() as session:
        # The person's row is the lock: of the same visa brought twice at once, one is taken.
        get_person(session, actor.person_id, lock=True)
        live = set(_identities(session, _person_id(actor)).values()) & set(identities.values())
        for visa in cleared.believed:
            what = _one(session, runtime, actor, visa) if visa.identity_id in live else None
            match what:
                case Reason():
                    refusal = Refusal(what, visa.type, visa.issuer.issuer)
                    sorted_["refused"].append(refusal)
                case str():
                    sorted_[what].append(visa)
                case _:
                    refusal = Refusal(Reason.SUBJECT, visa.type, visa.issuer.issuer)
                    sorted_["refused"].append(refusal)
    refused = (*cleared.refused, *sorted_.pop("refused"))
    return Taking(**{name: tuple(found) for name, found in sorted_.items()}, refused=refused)


def _person_id(actor: Actor) -> uuid.UUID:
    assert actor.person_id is not None
    return actor.person_id


def _one(session: Session, runtime: Runtime, actor: Actor, visa: Visa) -> str | Reason:
    rule, now = visa.issuer.rule_for(visa.type, visa.value), runtime.clock.now()
    if rule is None:
        return "unused"
    until = _until(visa, rule)
    if until <= now:
        return Reason.TOO_OLD
    last = _last(session, _person_id(actor), visa)
    if last is not None and last.ended_at is not None and _asserted(visa) <= last.ended_at:
        return Reason.ENDED
    if last is not None and last.ended_at is None:
        if last.valid_until >= until and last.kind == rule.counts_as and last.level == rule.level:
            return "known"
        last.ended_at = now
    _add(session, runtime, actor, (visa, rule, until))
    return "taken"


def _last(session: Session, person_id: uuid.UUID, visa: Visa) -> Attestation | None:
    """The newest evidence from a visa that said the same of this person."""
    return session.scalar(
        select(Attestation)
        .join(TakenVisa, TakenVisa.attestation_id == Attestation.id)
        .where(Attestation.person_id == person_id, TakenVisa.issuer == visa.issuer.issuer)
        .where(TakenVisa.type == visa.type, TakenVisa.value == visa.value)
        .where(TakenVisa.source == visa.source, TakenVisa.authority == visa.by)
        .order_by(TakenVisa.taken_at.desc(), TakenVisa.attestation_id.desc())
        .limit(1)
    )


def _add(
    session: Session, runtime: Runtime, actor: Actor, what: tuple[Visa, Rule, datetime]
) -> None:
    visa, rule, until = what
    now = runtime.clock.now()
    row = Attestation(
        id=ids.new(runtime.clock),
        kind=AttestationKind(rule.counts_as),
        person_id=actor.person_id,
        issuer=visa.issuer.name,
        reference=visa.value[:REFERENCE_LENGTH],
        level=rule.level,
        valid_from=now,
        valid_until=until,
        # Nobody here checked it: the issuer's signature did.
        checked_at=now,
        created_at=now,
    )
    session.add(row)
    session.flush()
    session.add(_record(visa, row))
    detail = {
        "kind": row.kind, "level": row.level, "issuer": visa.issuer.id, "type": visa.type,
        "authority": visa.by,
    }  # fmt: skip
    runtime.journal.record(session, _entry(actor, Act.VISA_TAKEN, row, detail))


def _record(visa: Visa, row: Attestation) -> TakenVisa:
    return TakenVisa(
        attestation_id=row.id,
        identity_id=visa.identity_id,
        issuer=visa.issuer.issuer,
        type=visa.type,
        value=visa.value,
        source=visa.source,
        authority=visa.by,
        asserted_at=_asserted(visa),
        taken_at=row.created_at,
    )


def _until(visa: Visa, rule: Rule) -> datetime:
    oldest = _asserted(visa) + timedelta(days=rule.max_age_days)
    return min(datetime.fromtimestamp(visa.expires_at, UTC), oldest)


def _asserted(visa: Visa) -> datetime:
    return datetime.fromtimestamp(visa.asserted, UTC)


def _refused(runtime: Runtime, actor: Actor, reasons: Sequence[Reason]) -> None:
    for reason in dict.fromkeys(reasons):
        entry = Entry(
            actor, Act.VISA_REFUSED, Outcome.DENY, subjects=[_person_id(actor)], reason=str(reason)
        )
        runtime.folding.record(entry)


def _entry(actor: Actor, act: Act, row: Attestation, detail: dict[str, Any]) -> Entry:
    ref = f"attestation:{row.id}"
    return Entry(actor, act, subjects=[row.person_id], ref=ref, detail=detail)
