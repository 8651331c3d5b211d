"""Who gains and who loses access by a change, before it is in force.

The question is put for everything that people may be doing now (by grants, released exports and
open applications) to the rules in force and to the proposed ones; columns answer, and every
difference is confirmed by the engine one by one.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
from sqlalchemy import select

from gateway.identity.models import Person
from gateway.journal import Act, Actor, Entry
from gateway.policy.loading import in_force
from gateway.rehearsal.standing_now import Alter, Held, everything_held
from gateway.runtime import Runtime
from policies.columns import table
from policies.decision import Decision, Outcome
from policies.engine import Engine
from policies.facts import Facts
from policies.replay import OUTCOMES, Replay
from policies.vocabulary import Action

BATCH = 4096
DENIED, ALLOWED = OUTCOMES.index(Outcome.DENY), OUTCOMES.index(Outcome.ALLOW)


@dataclass(frozen=True, slots=True)
class Affected:
    """One person and dataset whose answer to an action changes; `codes` say why not (or not yet)
    under the rules that refuse."""

    account: str
    name: str
    dataset: str
    action: str
    gains: bool
    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Simulation:
    """What a change would do. `asked` counts the questions that were compared."""

    old: str
    new: str
    at: datetime
    asked: int
    affected: tuple[Affected, ...]

    @property
    def losing(self) -> tuple[Affected, ...]:
        """Those whom the change would cut off."""
        return tuple(one for one in self.affected if not one.gains)


def simulate(
    runtime: Runtime,
    actor: Actor,
    proposed: Engine,
    at: datetime,
    alter: Alter | None = None,
) -> Simulation:
    """Compare the rules in force with `proposed` for all that is held, at the moment `at`.

    `alter` changes the facts on the side of the proposal, as a new agreement would. That the
    operator looked is recorded, with those who were named. Raises Problem LOG_UNAVAILABLE.
    """
    present = in_force(runtime.db)
    asked, found = 0, []
    for batch in _batches(everything_held(runtime, at)):
        asked += sum(len(held.actions) for held in batch)
        found += list(_changes(present, proposed, batch, alter))
    # Somebody with two exports loses the right to fetch them once.
    affected = tuple(dict.fromkeys(_named(runtime, found)))
    _record(runtime, actor, proposed, {held.person_id for held, *_ in found})
    return Simulation(present.release, proposed.release, at, asked, affected)


Changed = tuple[Held, Action, bool, Decision]


def _changes(
    present: Engine, proposed: Engine, batch: Sequence[Held], alter: Alter | None
) -> Iterator[Changed]:
    before = [held.facts for held in batch]
    after = [alter(held) for held in batch] if alter else before
    old_rows, new_rows = table(before), table(after)
    old, new = Replay(present.source), Replay(proposed.source)
    for action, rows in _rows_by_action(batch):
        was = _may(action, old.outcomes(action, old_rows.take(rows)))
        will = _may(action, new.outcomes(action, new_rows.take(rows)))
        for place in np.flatnonzero(was != will):
            row, gains = int(rows[place]), bool(will[place])
            refusing, facts = (present, before) if gains else (proposed, after)
            yield batch[row], action, gains, _confirmed(refusing, action, facts[row])


def _rows_by_action(batch: Sequence[Held]) -> Iterator[tuple[Action, npt.NDArray[np.intp]]]:
    for action in Action:
        rows = [row for row, held in enumerate(batch) if action in held.actions]
        if rows:
            yield action, np.array(rows, np.intp)


def _may(action: Action, outcomes: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """An application is taken while somebody has yet to decide; anything else needs a yes."""
    if action is Action.APPLY:
        return np.not_equal(outcomes, DENIED)
    return np.equal(outcomes, ALLOWED)


def _confirmed(refusing: Engine, action: Action, facts: Facts) -> Decision:
    decision = refusing.decide(action, facts)
    place = np.array([OUTCOMES.index(decision.outcome)], np.uint8)
    if _may(action, place).any():
        raise AssertionError(f"columns and engine differ for {action}: {facts}")
    return decision


def _named(runtime: Runtime, found: Sequence[Changed]) -> Iterator[Affected]:
    people = _people(runtime, {held.person_id for held, *_ in found})
    for held, action, gains, decision in found:
        account, name = people[held.person_id]
        yield Affected(account, name, held.dataset, str(action), gains, decision.codes)


def _people(runtime: Runtime, ids: set[uuid.UUID]) -> dict[uuid.UUID, tuple[str, str]]:
    with runtime.db.read() as session:
        rows = session.execute(
            select(Person.id, Person.account, Person.name).where(Person.id.in_(ids))
        )
        return {person_id: (account, name) for person_id, account, name in rows}


def _record(runtime: Runtime, actor: Actor, proposed: Engine, people: set[uuid.UUID]) -> None:
    detail = {"policy_release": proposed.release, "affected": len(people)}
    ref = f"policy:{proposed.release[:12]}"
    runtime.journal.append(
        Entry(actor, Act.POLICY_SIMULATED, subjects=people, ref=ref, detail=detail)
    )


def _batches(held: Iterable[Held]) -> Iterator[list[Held]]:
    batch: list[Held] = []
    for one in held:
        batch.append(one)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
