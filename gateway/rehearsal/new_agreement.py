"""What a version of an agreement will change once it is put in force, derived as the gate does.

Signatures and the versions they are of are read once; for each question they tell which signature
still lets its signer in, until when, and whose terms bind.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.agreements.models import (
    Acceptance,
    AgreementState,
    AgreementVersion,
    OrganisationAcceptance,
)
from gateway.agreements.service import WAITING, every, grace, name_of
from gateway.clock import to_ms
from gateway.errors import OperatorError
from gateway.rehearsal.standing_now import Alter, Held
from gateway.runtime import Runtime
from gateway.zones.service_facts import term_from
from policies.facts import Facts
from policies.terms import Terms, recorded_terms
from policies.vocabulary import AcceptanceState


@dataclass(frozen=True, slots=True)
class _Signed:
    """A signature that nobody ended: the version's number, for which organisation, until when."""

    number: int
    organisation: str | None
    until_ms: int


# By the id of the person or of the organisation that signed.
_Signatures = Mapping[str, Sequence[_Signed]]


@dataclass(frozen=True, slots=True)
class _Change:
    """A version as it will stand in force. `terms` are those of each version, by number."""

    code: str
    number: int
    signed_from: int
    grace_ends_ms: int | None
    terms: Mapping[int, Terms]
    people: _Signatures
    organisations: _Signatures

    def facts(self, held: Held) -> Facts:
        """The facts of `held` once the version is in force."""
        if held.agreement != self.code:
            return held.facts
        own, official = self._own(held), self._official(held)
        ends = self._grace(held.facts, own, official)
        terms = self._binding(own, ends, held.facts.now_ms)
        standing = replace(
            held.facts.standing,
            acceptance=self._state(own, held.facts.now_ms),
            organisation_acceptance=self._state(official, held.facts.now_ms),
            grace_ends_ms=ends,
        )
        target = replace(held.facts.target, agreement=terms.facts())
        changed = replace(held.facts, target=target, standing=standing)
        return _with_term(changed, term_from(held.began, terms))

    def _own(self, held: Held) -> list[_Signed]:
        organisation = held.facts.subject.organisation_id if held.granted else None
        signed = self.people.get(held.facts.subject.person_id, ())
        return [one for one in signed if _carries(one.organisation, organisation)]

    def _official(self, held: Held) -> Sequence[_Signed]:
        return self.organisations.get(held.facts.subject.organisation_id or "", ())

    def _state(self, signed: Iterable[_Signed], now_ms: int) -> AcceptanceState:
        every_one = list(signed)
        live = _live(every_one, now_ms)
        if live is not None:
            binds = live.number >= self.signed_from
            return AcceptanceState.LIVE if binds else AcceptanceState.SUPERSEDED
        return AcceptanceState.EXPIRED if every_one else AcceptanceState.NONE

    def _grace(self, facts: Facts, *signed: Sequence[_Signed]) -> int | None:
        """A notice period that runs already is neither prolonged nor ended by this version."""
        numbers = [max(one.number for one in those) for those in signed if those]
        refuses = any(self.signed_from > number for number in numbers)
        ends = (facts.standing.grace_ends_ms, self.grace_ends_ms if refuses else None)
        return min((each for each in ends if each is not None), default=None)

    def _binding(self, own: Sequence[_Signed], grace_ends_ms: int | None, now_ms: int) -> Terms:
        state, live = self._state(own, now_ms), _live(own, now_ms)
        in_grace = grace_ends_ms is not None and now_ms < grace_ends_ms
        superseded = state is AcceptanceState.SUPERSEDED and in_grace
        if live is not None and (superseded or state is AcceptanceState.LIVE):
            return self.terms[live.number]
        return self.terms[self.number]


def as_if_in_force(runtime: Runtime, version: AgreementVersion, now: datetime) -> Alter:
    """The facts as they will be when `version` is put in force at `now`.

    A version that is in force already changes nothing. Raises OperatorError for one that can no
    longer come into force.
    """
    if version.state == AgreementState.IN_FORCE:
        return lambda held: held.facts
    with runtime.db.read() as session:
        siblings = list(session.scalars(every().where(AgreementVersion.code == version.code)))
        overtaken = any(row.in_force_at and row.number > version.number for row in siblings)
        if version.state not in WAITING or overtaken:
            raise OperatorError(f"agreement {name_of(version)} can no longer come into force")
        ends = grace(version, siblings, now)
        change = _Change(
            code=version.code,
            number=version.number,
            signed_from=version.signed_from,
            grace_ends_ms=None if ends is None else to_ms(ends),
            terms={row.number: recorded_terms(row.terms) for row in siblings},
            people=_people(session, version.code),
            organisations=_organisations(session, version.code),
        )
    return change.facts


def _people(session: Session, code: str) -> _Signatures:
    found: dict[str, list[_Signed]] = defaultdict(list)
    rows = session.execute(
        select(
            Acceptance.person_id,
            Acceptance.organisation_id,
            AgreementVersion.number,
            Acceptance.expires_at,
        )
        .join(AgreementVersion, AgreementVersion.id == Acceptance.agreement_version_id)
        .where(AgreementVersion.code == code, Acceptance.ended_at.is_(None))
    )
    for person, organisation, number, until in rows:
        signed_for = str(organisation) if organisation else None
        found[str(person)].append(_Signed(number, signed_for, to_ms(until)))
    return found


def _organisations(session: Session, code: str) -> _Signatures:
    found: dict[str, list[_Signed]] = defaultdict(list)
    signed = OrganisationAcceptance
    rows = session.execute(
        select(signed.organisation_id, AgreementVersion.number, signed.expires_at)
        .join(AgreementVersion, AgreementVersion.id == signed.agreement_version_id)
        .where(AgreementVersion.code == code)
        .where(signed.ended_at.is_(None), signed.confirmed_at.is_not(None))
    )
    for organisation, number, until in rows:
        found[str(organisation)].append(_Signed(number, str(organisation), to_ms(until)))
    return found


def _carries(signed_for: str | None, organisation: str | None) -> bool:
    """As at the one door: a signature for one organisation does not carry another's grant."""
    return signed_for is None or organisation is None or signed_for == organisation


def _live(signed: Iterable[_Signed], now_ms: int) -> _Signed | None:
    """The signature of the newest version among those that have not run out."""
    live = [one for one in signed if now_ms < one.until_ms]
    return max(live, key=lambda one: one.number, default=None)


def _with_term(facts: Facts, ends: datetime | None) -> Facts:
    if facts.zone is None:
        return facts
    term = None if ends is None else to_ms(ends)
    return replace(facts, zone=replace(facts.zone, term_ends_ms=term))
