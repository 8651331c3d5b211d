"""Past decisions decided again: by the rules that decided them, and by others."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from sqlalchemy import select

from gateway.identity.models import Person
from gateway.journal import Act, Actor, Entry
from gateway.policy.loading import engine_for, in_force
from gateway.policy.recording import people_of
from gateway.rehearsal.past import Past, blocks
from gateway.runtime import Runtime
from policies.engine import Engine
from policies.replay import OUTCOMES, Replay
from policies.vocabulary import Action

NAMED: Final = 1000
"""Deviations that are named one by one; all are counted."""

Answer = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Deviation:
    """A past decision whose own rules and facts give another answer than the log says."""

    index: int
    action: str
    logged: str
    computed: str


@dataclass(frozen=True, slots=True)
class Checked:
    """How many past decisions were decided again, and which came out otherwise."""

    decisions: int
    deviating: int
    deviations: tuple[Deviation, ...]


@dataclass(frozen=True, slots=True)
class Turned:
    """How often one person's past question would be answered otherwise. `account` is empty for
    visitors and for people who were erased."""

    account: str
    name: str
    action: str
    gains: bool
    times: int


@dataclass(frozen=True, slots=True)
class Compared:
    """What other rules would have answered to the last decisions."""

    old: str
    new: str
    decisions: int
    turned: tuple[Turned, ...]


def check_past(runtime: Runtime, last: int) -> Checked:
    """Decide the decisions among the last entries again, each by its own release."""
    decisions, deviating = 0, 0
    named: list[Deviation] = []
    for past in blocks(runtime, last):
        decisions += len(past.index)
        computed = _by_own_release(runtime, past)
        differing = np.flatnonzero(computed != past.outcome)
        deviating += len(differing)
        named += [_deviation(past, computed, row) for row in differing[: NAMED - len(named)]]
    return Checked(decisions, deviating, tuple(named))


def compare_past(runtime: Runtime, actor: Actor, proposed: Engine, last: int) -> Compared:
    """Put the decisions among the last entries to the rules in force and to others.

    That the operator looked is recorded, with those who were named. Raises Problem.
    """
    present = in_force(runtime.db)
    decisions = 0
    turned: Counter[tuple[uuid.UUID | None, str, bool]] = Counter()
    for past in blocks(runtime, last):
        decisions += len(past.index)
        turned.update(_turned(runtime, past, present, proposed))
    people = {person for person, _action, _gains in turned if person is not None}
    ref, detail = f"policy:{proposed.release[:12]}", {"decisions": decisions}
    runtime.journal.append(
        Entry(actor, Act.POLICY_SIMULATED, subjects=people, ref=ref, detail=detail)
    )
    named = tuple(_named(runtime, people, turned))
    return Compared(present.release, proposed.release, decisions, named)


def _by_own_release(runtime: Runtime, past: Past) -> Answer:
    computed = past.outcome.copy()
    for release in np.unique(past.release):
        own = np.flatnonzero(past.release == release)
        engine = engine_for(runtime.db, str(release))
        computed[own] = answers(Replay(engine.source), past)[own]
    return computed


def answers(replay: Replay, past: Past) -> Answer:
    """The outcome of every row, each for the action it asked for."""
    found = past.outcome.copy()
    for action in Action:
        rows = past.of(action)
        if len(rows):
            found[rows] = replay.outcomes(str(action), past.rows.take(rows))
    return found


def _deviation(past: Past, computed: Answer, row: int) -> Deviation:
    return Deviation(
        int(past.index[row]),
        str(list(Action)[past.action[row]]),
        str(OUTCOMES[past.outcome[row]]),
        str(OUTCOMES[computed[row]]),
    )


def _turned(
    runtime: Runtime, past: Past, present: Engine, proposed: Engine
) -> Iterator[tuple[uuid.UUID | None, str, bool]]:
    """One item for each decision that other rules would turn into a yes or out of one."""
    allowed = OUTCOMES.index(OUTCOMES[-1])
    was = answers(Replay(present.source), past) == allowed
    will = answers(Replay(proposed.source), past) == allowed
    rows = np.flatnonzero(was != will)
    people = people_of(runtime.db, {str(past.facts[row]) for row in rows})
    for row in rows:
        action = str(list(Action)[past.action[row]])
        yield people.get(str(past.facts[row])), action, bool(will[row])


def _named(
    runtime: Runtime,
    people: set[uuid.UUID],
    turned: Counter[tuple[uuid.UUID | None, str, bool]],
) -> Iterator[Turned]:
    with runtime.db.read() as session:
        rows = session.execute(
            select(Person.id, Person.account, Person.name).where(Person.id.in_(people))
        )
        names: dict[uuid.UUID | None, tuple[str, str]] = {
            person_id: (account, name) for person_id, account, name in rows
        }
    for (person, action, gains), times in turned.most_common():
        account, name = names.get(person, ("", ""))
        yield Turned(account, name, action, gains, times)
