"""Staff who look at other people's data leave an event; without it they see nothing."""

from __future__ import annotations

from collections.abc import Iterable

from gateway.identity.models import Person
from gateway.journal import Act, Actor, Entry
from gateway.runtime import Runtime


def viewed(runtime: Runtime, actor: Actor, people: Iterable[Person], ref: str) -> None:
    """Append that `actor` saw `people` on the page or list `ref`; one's own data is no event.

    Raises audit.errors.LogUnavailable when the event cannot be written.
    """
    others = {person.id for person in people} - {actor.person_id}
    if others:
        runtime.journal.append(Entry(actor, Act.PERSON_VIEWED, subjects=sorted(others), ref=ref))
