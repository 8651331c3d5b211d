"""Hands the log over to a new signing key."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass

from audit.dbapi import Dialect
from audit.errors import AuditError
from audit.event import Event
from audit.log_keys import ROTATED, KeyHistory, read_history
from audit.note import Signer
from audit.rotate import rotate_key
from audit.stores import StoredCheckpoint
from gateway import ids
from gateway.clock import to_ms
from gateway.errors import OperatorError
from gateway.journal import Actor, Outcome
from gateway.journal.log_key import log_signer
from gateway.keys import Purpose
from gateway.runtime import Runtime
from gateway.witnessing.service import log_read


@dataclass(frozen=True, slots=True)
class Keys:
    """The log's keys, and what is wrong with their history by the index of the entry."""

    history: KeyHistory
    faults: dict[int, str]


def keys_of(runtime: Runtime) -> Keys:
    """The log's keys, oldest first. Raises LogUnavailable."""
    vkey = runtime.journal.log.vkey()
    with log_read(runtime) as (sql, _):
        return Keys(*read_history(sql, vkey))


def rotate(runtime: Runtime, actor: Actor) -> StoredCheckpoint:
    """Make a new key, and have the old one hand over; returns the new key's first checkpoint.

    Until the entry is durable the old key signs, whatever happens. Raises OperatorError.
    """
    log, db = runtime.journal.log, runtime.db
    try:
        old = log_signer(runtime.keys, log.origin, log.vkey())
        new = Signer(log.origin, runtime.keys.add(Purpose.LOG).material)
        with closing(db.connect_raw()) as connection, db.write_lock():
            dialect, event = Dialect(db.dialect), _event(runtime, actor)
            return rotate_key(
                connection, dialect, vault=runtime.vault, old=old, new=new, event=event
            )
    except AuditError as error:
        raise OperatorError(f"the key was not handed over: {error}") from error


def _event(runtime: Runtime, actor: Actor) -> Event:
    return Event(
        ROTATED,
        Outcome.SUCCESS,
        to_ms(runtime.clock.now()),
        str(ids.new(runtime.clock)),
        actor=actor.party,
        place=actor.place,
        personal=actor.personal,
    )
