"""The facts of everyone who holds a grant, as they are now or as they will be."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from gateway.access.ask import Ask
from gateway.access.facts import gather
from gateway.access.models import Grant
from gateway.clock import to_ms
from gateway.runtime import Runtime
from policies.facts import Facts, ZoneFacts
from policies.terms import Change, Terms
from policies.vocabulary import AcceptanceState, Action, ZoneSession

DAY_MS = 86_400_000
# Inside a zone the question is whether the person may read there, once staff open a session.
_AT_A_SEAT = ZoneFacts(ZoneSession.OPEN, None, None)
ACTIONS = (Action.DOWNLOAD, Action.PACKAGE, Action.SUBMIT_RESULT, Action.READ_IN_ZONE)

Alter = Callable[[Facts], Facts]


@dataclass(frozen=True, slots=True)
class Held:
    """A grant that has not ended, with its holder and the facts for one action after another."""

    grant_id: uuid.UUID
    person_id: uuid.UUID
    dataset: str
    facts: Facts


def held_grants(runtime: Runtime, at: datetime) -> Iterator[Held]:
    """Every grant that has not ended, with the facts it would be judged by at `at`."""
    with runtime.db.read() as session:
        grants = session.scalars(select(Grant.id).where(Grant.ended_at.is_(None))).all()
    for grant_id in grants:
        ask = Ask(Action.DOWNLOAD, grant_id=grant_id, zone=_AT_A_SEAT)
        found = gather(runtime.db, ask, at, runtime.ontology)
        if found is not None and found.person_id is not None:
            yield Held(grant_id, found.person_id, found.dataset, found.facts)


def as_if_in_force(terms: Terms, from_ms: int) -> Alter:
    """Facts as they will be once this version of an agreement is in force, from `from_ms` on.

    Whoever signed the version before has until the end of the notice period to sign this one.
    """

    def alter(facts: Facts) -> Facts:
        agreement = facts.target.agreement
        if agreement is None or agreement.code != terms.code:
            return facts
        target = dataclasses.replace(facts.target, agreement=terms.facts())
        standing = facts.standing
        if terms.change in {Change.MATERIAL, Change.ADVERSE}:
            standing = dataclasses.replace(
                standing,
                acceptance=_older(standing.acceptance),
                organisation_acceptance=_older(standing.organisation_acceptance),
                grace_ends_ms=from_ms + terms.notice_days * DAY_MS,
            )
        return dataclasses.replace(facts, target=target, standing=standing)

    return alter


def _older(state: AcceptanceState) -> AcceptanceState:
    return AcceptanceState.SUPERSEDED if state is AcceptanceState.LIVE else state


def at_moment(facts: Facts, at: datetime) -> Facts:
    """The same facts with the clock at another moment."""
    return dataclasses.replace(facts, now_ms=to_ms(at))
