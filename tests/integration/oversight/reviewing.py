"""A month of work in a small house, for tests of anomalies, reviews and reports."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from audit.event import Channel
from gateway.clock import FixedClock
from gateway.identity.models import Person
from gateway.journal import Act, Entry, Outcome, Place
from gateway.journal.actor import Actor
from gateway.runtime import Runtime
from tests import people
from tests.world import World

SEOUL = ZoneInfo("Asia/Seoul")
Download = Callable[..., int]


def at(clock: FixedClock, text: str) -> None:
    """Set the clock to a local moment."""
    clock.at = datetime.fromisoformat(text).replace(tzinfo=SEOUL).astimezone(clock.at.tzinfo)


def download(runtime: Runtime, world: World, number: int = 1, **changed: object) -> int:
    """Let the world's person download under their grant; the index of the last entry."""
    index = -1
    for each in range(number):
        index = runtime.journal.append(entry(runtime, world, item=f"{each}.wav", **changed))
    return index


def entry(runtime: Runtime, world: World, **changed: object) -> Entry:
    """An authorised download of the world's person, or whatever `changed` says."""
    given: dict[str, object] = {
        "actor": holder(runtime, world.person),
        "act": Act.DOWNLOAD_AUTHORIZED,
        "dataset": "voices",
        "version": "1.0",
        "item": "a.wav",
        "ref": f"grant:{world.grant}",
        "detail": {"length": 10, "first": 0, "status": 200},
    }
    return Entry(**(given | changed))  # type: ignore[arg-type]


def holder(runtime: Runtime, person_id: uuid.UUID, address: str = "127.0.0.1") -> Actor:
    """The actor of a person at an address."""
    with runtime.db.read() as session:
        person = session.get_one(Person, person_id)
    shown = people.acting_as(person)
    return Actor(
        shown.kind, Place(address, "test", Channel.API), shown.person_id, None, shown.personal
    )


def refusal(runtime: Runtime, world: World, item: str) -> int:
    """A refused download."""
    return runtime.journal.append(
        entry(runtime, world, act=Act.DOWNLOAD_REFUSED, outcome=Outcome.DENY, item=item)
    )


def days(clock: FixedClock, number: float) -> None:
    """Let time pass."""
    clock.advance(timedelta(days=number))
