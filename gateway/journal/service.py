"""Binds what happens to its audit event.

`record` joins the caller's transaction: state and event are committed together or not at all.
`append` is for reads of bytes and for refusals: it returns only once the event is durable, and
must not be called with a write transaction open (on SQLite it would wait for itself).
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.orm import Session

from audit.event import Event
from audit.ocsf import Outcome
from audit.sequencer import Log
from gateway import ids
from gateway.clock import Clock, to_ms
from gateway.journal.actions import Act
from gateway.journal.actor import Actor


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened, in the gateway's own words.

    `subjects` are the people whose data was handled; `ref` is `kind:id` of the object concerned;
    `reason` is a plain code or codes joined by commas; `detail` names no one; `about` holds
    personal fields of other people by id. `event_id` is given where other events name this one.
    """

    actor: Actor
    act: Act
    outcome: Outcome = Outcome.SUCCESS
    subjects: Iterable[uuid.UUID] = ()
    dataset: str | None = None
    version: str | None = None
    item: str | None = None
    ref: str | None = None
    reason: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
    about: Mapping[uuid.UUID, Mapping[str, str]] = field(default_factory=dict)
    event_id: uuid.UUID | None = None


class Journal:
    """The gateway's way to its audit log."""

    def __init__(self, log: Log, clock: Clock) -> None:
        self.log = log
        self._clock = clock

    def record(self, session: Session, entry: Entry) -> None:
        """Write the event into the caller's transaction; it is numbered soon after the commit."""
        connection = session.connection().connection.dbapi_connection
        assert connection is not None, "the session has lost its connection"
        self.log.record(connection, self._event(entry))

    def append(self, entry: Entry) -> int:
        """Make the event durable and return its index in the log.

        Raises audit.errors.LogUnavailable when it cannot be written: then nothing may be served.
        """
        return self.log.append(self._event(entry))

    def _event(self, entry: Entry) -> Event:
        return Event(
            action=entry.act,
            outcome=entry.outcome,
            time_ms=to_ms(self._clock.now()),
            event_id=str(entry.event_id or ids.new(self._clock)),
            actor=entry.actor.party,
            subjects=tuple(str(person) for person in entry.subjects),
            place=entry.actor.place,
            dataset=entry.dataset,
            version=entry.version,
            item=entry.item,
            ref=entry.ref,
            reason=entry.reason,
            detail=_detail(entry),
            personal=entry.actor.personal,
            about={str(person): fields for person, fields in entry.about.items()},
        )


def _detail(entry: Entry) -> Mapping[str, Any]:
    """The details, with the program through which the actor came."""
    program = entry.actor.program
    return {**entry.detail, "program": program} if program else entry.detail
