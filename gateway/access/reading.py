"""Lists of grants, as their holders and the stewards of a dataset see them."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.access.ask import Ask, Caller, Gathered, to_use
from gateway.access.grants import not_found
from gateway.access.models import EndReason, Grant
from gateway.access.service import Door, consider
from gateway.catalog.models import Dataset
from gateway.identity.models import Person
from gateway.policy.loading import engine_for
from gateway.runtime import Runtime
from gateway.web.paging import Window, keyset
from policies.decision import Decision
from policies.explain import Explanation, explain
from policies.facts import ZoneFacts
from policies.vocabulary import Action

IN_ZONE = frozenset({Action.READ_IN_ZONE, Action.IMPORT_TO_ZONE})
# What a higher feature knows of a grant's place in a safe zone.
ZoneOf = Callable[[uuid.UUID], ZoneFacts]
STATES = {EndReason.REVOKED: "revoked", EndReason.EXPIRED: "expired"}


@dataclass(frozen=True, slots=True)
class GrantView:
    """A grant with its dataset and holder. `decision` says whether it opens right now; it is
    None where nobody asked."""

    grant: Grant
    dataset: Dataset
    holder: Person
    state: str
    decision: Decision | None


def own_grants(
    runtime: Runtime,
    person_id: uuid.UUID,
    window: Window,
    zone: ZoneOf | None = None,
    caller: Caller | None = None,
) -> list[GrantView]:
    """A person's grants, newest first, each with what is missing now; limit + 1 rows.

    `zone` tells the zone facts of a grant, for datasets that are read inside a safe zone. With
    `caller` the answers are those that the caller would get; a machine sees only the grants that
    its organisation holds.
    """
    held = _joined().where(Grant.person_id == person_id)
    if caller and caller.machine:
        held = held.where(Grant.organisation_id == caller.machine.organisation_id)
    with runtime.db.read() as session:
        found = [tuple(row) for row in session.execute(_ordered(held, window))]
    return [_view(runtime, row, zone, caller) for row in found]


def dataset_grants(runtime: Runtime, dataset_id: uuid.UUID, window: Window) -> list[GrantView]:
    """The grants of a dataset, newest first, without decisions; limit + 1 rows."""
    now = runtime.clock.now()
    with runtime.db.read() as session:
        rows = session.execute(_ordered(_joined().where(Grant.dataset_id == dataset_id), window))
        return [
            GrantView(grant, dataset, holder, recorded_state(grant, now), None)
            for grant, dataset, holder in rows
        ]


def one(
    runtime: Runtime,
    grant_id: uuid.UUID,
    zone: ZoneOf | None = None,
    caller: Caller | None = None,
) -> GrantView:
    """One grant with its decision; `zone` and `caller` as for `own_grants`. Raises Problem
    NOT_FOUND, also for a grant that is none of the calling machine's."""
    with runtime.db.read() as session:
        row = session.execute(_joined().where(Grant.id == grant_id)).first()
    if row is None:
        raise not_found()
    return _view(runtime, tuple(row), zone, caller)


def find_dataset(session: Session, slug: str) -> Dataset | None:
    """The dataset of a slug, or None."""
    return session.scalar(select(Dataset).where(Dataset.slug == slug))


def explained(door: Door, ask: Ask, zone: ZoneOf | None = None) -> tuple[Gathered, Explanation]:
    """The answer to any question, with its facts and the way to a yes. Nothing is recorded.

    `zone` as for `own_grants`. Raises Problem NOT_FOUND as `service.consider` does.
    """
    gathered, _decision = consider(door, ask)
    if zone is not None and gathered.grant_id is not None and ask.action in IN_ZONE:
        placed = replace(gathered.facts, zone=zone(gathered.grant_id))
        gathered = replace(gathered, facts=placed)
    engine = engine_for(door.db, gathered.release)
    return gathered, explain(engine, ask.action, gathered.facts)


def recorded_state(grant: Grant, now: datetime) -> str:
    """The state of a grant by its record and the clock, as pages name it."""
    if grant.end_reason is not None:
        return STATES.get(EndReason(grant.end_reason), "ended")
    if now >= grant.ends_at:
        return "expired"
    if grant.suspended:
        return "suspended"
    return "pending" if now < grant.starts_at else "live"


def _joined() -> Any:
    return (
        select(Grant, Dataset, Person)
        .join(Dataset, Dataset.id == Grant.dataset_id)
        .join(Person, Person.id == Grant.person_id)
    )


def _ordered(query: Any, window: Window) -> Any:
    return keyset(query, [Grant.id], window)


def _view(
    runtime: Runtime, row: tuple[Any, ...], zone: ZoneOf | None, caller: Caller | None
) -> GrantView:
    grant, dataset, holder = row
    action = to_use(dataset.delivery)
    facts = zone(grant.id) if zone is not None and action in IN_ZONE else None
    _gathered, decision = consider(
        runtime, Ask(action, grant_id=grant.id, zone=facts, caller=caller)
    )
    state = recorded_state(grant, runtime.clock.now())
    if state == "live" and "GRANT_INACTIVE" in decision.codes:
        state = "pending"
    return GrantView(grant, dataset, holder, state, decision)
