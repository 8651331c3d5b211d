"""Each rule through the real log, with exactly the entries behind it; an ordinary month has none.

The rules themselves, and what they must leave alone, are tested as functions in tests/unit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import select

from audit.event import Domain
from gateway.clock import FixedClock
from gateway.journal import Act, Actor, Entry, Outcome
from gateway.oversight.models import Anomaly
from gateway.oversight.watch import look
from gateway.runtime import Runtime
from tests.integration.oversight import reviewing
from tests.integration.oversight.reviewing import at, download, entry, holder, refusal
from tests.unit.oversight.ordinary import month
from tests.world import World, build


@dataclass(frozen=True, slots=True)
class House:
    """The house in which somebody does something unusual."""

    runtime: Runtime
    world: World
    clock: FixedClock


@pytest.fixture
def house(runtime: Runtime, clock: FixedClock) -> House:
    at(clock, "2026-10-01T08:00")
    made = build(runtime)
    download(runtime, made, 3)
    at(clock, "2026-10-13T10:00")
    return House(runtime, made, clock)


def found(runtime: Runtime) -> Sequence[Anomaly]:
    look(runtime)
    with runtime.db.read() as session:
        return session.scalars(select(Anomaly).order_by(Anomaly.rule)).all()


def volume(house: House) -> list[int]:
    return [download(house.runtime, house.world) for _ in range(100)]


def off_hours(house: House) -> list[int]:
    at(house.clock, "2026-10-13T23:10")
    return [download(house.runtime, house.world) for _ in range(10)]


def two_networks(house: House) -> list[int]:
    return [
        download(house.runtime, house.world, actor=holder(house.runtime, house.world.person, place))
        for place in ("1.208.4.9", "8.8.8.8")
    ]


def enumeration(house: House) -> list[int]:
    return [refusal(house.runtime, house.world, f"door{number}") for number in range(20)]


def refusals(house: House) -> list[int]:
    return [refusal(house.runtime, house.world, "the same door") for _ in range(30)]


def no_reason(house: House) -> list[int]:
    return [download(house.runtime, house.world, ref=None)]


def unfinished(house: House) -> list[int]:
    intent = download(house.runtime, house.world)
    detail = {"intent_index": intent}
    declared = Entry(Actor.system(), Act.DOWNLOAD_UNRESOLVED, Outcome.FAILURE, detail=detail)
    return [intent, house.runtime.journal.append(declared)]


@pytest.mark.parametrize(
    "deed", [volume, off_hours, two_networks, enumeration, refusals, no_reason, unfinished]
)
def test_a_deed_is_found_by_its_rule_alone_with_the_entries_behind_it(
    house: House, deed: Callable[[House], list[int]]
) -> None:
    behind = deed(house)

    (anomaly,) = found(house.runtime)

    assert anomaly.rule == deed.__name__
    assert anomaly.evidence["events"] == behind
    token = house.runtime.vault.token(Domain.PERSON, str(house.world.person))
    assert anomaly.person == token


@pytest.mark.parametrize("seed", range(2))
def test_an_ordinary_month_on_the_log_raises_no_alarm(house: House, seed: int) -> None:
    runtime, world, written = house.runtime, house.world, 0
    people: dict[str, Actor] = {}
    for day in month(seed):
        for done in day:
            house.clock.at = done.at.astimezone(house.clock.at.tzinfo)
            who = people.setdefault(done.address, holder(runtime, world.person, done.address))
            changed: dict[str, Any] = {"act": Act(done.action), "outcome": Outcome(done.outcome)}
            ref = f"grant:{world.grant}" if done.ref else None
            runtime.journal.append(
                entry(runtime, world, actor=who, item=done.item, ref=ref, **changed)
            )
            written += 1
        look(runtime)

    assert written > 100
    assert [one.rule for one in found(runtime)] == []


def test_the_month_and_the_house_agree_on_the_zone() -> None:
    from tests.unit.oversight.ordinary import SEOUL

    assert SEOUL == reviewing.SEOUL
