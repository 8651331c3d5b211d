"""Erases a person: the key that seals their fields in the log, and what names them elsewhere.

The log itself is not changed. Its sealed fields stay as ciphertext that nobody can open any
more, in the database, in published bundles and in evidence bundles alike, and every hash, proof
and checkpoint stays valid.
"""

from __future__ import annotations

import re
import uuid
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from audit.dbapi import Dialect, Sql
from audit.errors import LeafMalformed, LogUnavailable
from audit.event import Domain, Event
from audit.ocsf import Outcome
from audit.search import MAX_LIMIT, Filters
from gateway import ids
from gateway.clock import to_ms
from gateway.errors import Problem, ProblemCode
from gateway.evidence.anonymise import anonymise
from gateway.evidence.holds import Hold, standing
from gateway.evidence.reading import settle, snapshot
from gateway.evidence.wiping import wipe
from gateway.identity.models import Person
from gateway.identity.service_people import find_by_account
from gateway.journal import Act, Actor, Entry
from gateway.runtime import Runtime

_NAMING = (
    "SELECT COUNT(*) FROM (SELECT idx FROM audit_entries WHERE person = ? "
    "UNION SELECT idx FROM audit_subjects WHERE person = ?) AS named"
)
# People the log knows without an account: visitors of a month, and operators on the host.
NO_ACCOUNT = re.compile(r"operator:\d+|anonymous:\d{4}-\d{2}")


@dataclass(frozen=True, slots=True)
class Opened:
    """An evidence bundle that left with personal fields in the clear: its holder must be told."""

    bundle: str
    index: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Erased:
    """Whom the log no longer names, by token, when, and which bundles were open before.

    `index` is that of `subject.erased`; None while it waits for its number. `entries` of the log
    name the token, and stay. `left` says in words where files of the database may hold what was
    replaced, and what to do about each.
    """

    token: str
    time_ms: int
    index: int | None
    entries: int
    opened_bundles: tuple[Opened, ...]
    left: tuple[str, ...]


def erase(runtime: Runtime, actor: Actor, whom: str, reason: str) -> Erased:
    """Erase a person by account or id. One transaction: key, tables, and `subject.erased`.

    Raises Problem 404 for nobody, 409 naming each rule that stands with its date, or when the
    person was erased before; LogUnavailable.
    """
    key = _key(runtime, whom)
    # The rules that stand are read from the log; an event without its number would not be found.
    settle(runtime)
    time_ms = to_ms(runtime.clock.now())
    event = _event(runtime, actor, (key, reason), time_ms)
    try:
        with runtime.db.write() as session:
            _erase(session, runtime, key, event)
    except _Held as held:
        raise _refused(runtime, actor, key, held.holds) from None
    left = wipe(runtime)
    token = runtime.vault.token(Domain.PERSON, key)
    index = _numbered(runtime, event.event_id)
    entries, bundles = _naming(runtime, token), _opened_bundles(runtime)
    return Erased(token, time_ms, index, entries, bundles, left)


class _Held(Exception):
    """Rules stand; raised inside the transaction, so that it is rolled back."""

    def __init__(self, holds: list[Hold]) -> None:
        super().__init__(len(holds))
        self.holds = holds


def _erase(session: Session, runtime: Runtime, key: str, event: Event) -> None:
    person = _person(session, key)
    holds = standing(runtime, session, key)
    if holds:
        raise _Held(holds)
    _destroy(session, runtime, key, event.time_ms)
    _record(session, runtime, event)
    if person is not None:
        anonymise(session, runtime, person)


def _key(runtime: Runtime, whom: str) -> str:
    """The id under which the log knows a person."""
    if NO_ACCOUNT.fullmatch(whom):
        return whom
    with runtime.db.read() as session:
        known = ids.parse(whom)
        person = session.get(Person, known) if known else find_by_account(session, whom)
    if person is None:
        raise Problem(
            ProblemCode.NOT_FOUND,
            "이 아이디나 식별자를 가진 사람이 없습니다.",
            "Nobody has this account or id.",
        )
    return str(person.id)


def _person(session: Session, key: str) -> Person | None:
    known = ids.parse(key)
    return session.get(Person, known, with_for_update=True) if known else None


def _destroy(session: Session, runtime: Runtime, key: str, time_ms: int) -> None:
    """Destroy the key; somebody who had none gets a destroyed one, so that none is made later."""
    sql = _sql(session, runtime)
    if sql.dialect is Dialect.SQLITE:
        # What was overwritten must not stay on the page.
        sql.run("PRAGMA secure_delete = ON")
    token = runtime.vault.token(Domain.PERSON, key)
    row = runtime.vault.load(sql, token) or runtime.vault.create(sql, token, time_ms)
    if row.key is None:
        raise Problem(
            ProblemCode.WRONG_STATE,
            "이미 파기한 사람입니다.",
            "This person was erased before.",
        )
    runtime.vault.destroy(sql, key, time_ms)


def _record(session: Session, runtime: Runtime, event: Event) -> None:
    connection = session.connection().connection.dbapi_connection
    assert connection is not None
    runtime.journal.log.record(connection, event)


def _event(runtime: Runtime, actor: Actor, said: tuple[str, str], time_ms: int) -> Event:
    """The event carries the very time of the destruction: the verifier asks for the pair."""
    key, reason = said
    return Event(
        action=Act.SUBJECT_ERASED,
        outcome=Outcome.SUCCESS,
        time_ms=time_ms,
        event_id=str(ids.new(runtime.clock)),
        actor=actor.party,
        subjects=(key,),
        place=actor.place,
        personal={**actor.personal, "reason": reason},
    )


def _refused(runtime: Runtime, actor: Actor, key: str, holds: list[Hold]) -> Problem:
    known = ids.parse(key)
    people: list[uuid.UUID] = [known] if known else []
    codes = ",".join(hold.rule for hold in holds)
    runtime.journal.append(
        Entry(actor, Act.SUBJECT_ERASURE_REFUSED, Outcome.DENY, subjects=people, reason=codes)
    )
    zone = runtime.settings.zone

    def until(hold: Hold) -> str:
        return "" if hold.until is None else f"{hold.until.astimezone(zone):%Y-%m-%d}"

    ko = "; ".join(f"{h.rule}: {h.ko}" + (f" ({until(h)}까지)" if h.until else "") for h in holds)
    en = "; ".join(f"{h.rule}: {h.en}" + (f" until {until(h)}" if h.until else "") for h in holds)
    return Problem(
        ProblemCode.CONFLICT, f"아직 파기할 수 없습니다. {ko}", f"Not to be erased yet: {en}"
    )


def _numbered(runtime: Runtime, event_id: str) -> int | None:
    """The index of the erasure, which was queued and gets its number in a moment."""
    with suppress(LogUnavailable):
        settle(runtime)
    with snapshot(runtime, main=True) as (_sql, reader):
        found = reader.search(Filters(event_id=event_id), limit=1)
    return found[0].index if found else None


def _naming(runtime: Runtime, token: str) -> int:
    """How many entries name somebody, as the one who acted or whose data was handled."""
    with snapshot(runtime, main=True) as (sql, _reader):
        row = sql.one(_NAMING, (token, token))
    return 0 if row is None else int(row[0])


def _opened_bundles(runtime: Runtime) -> tuple[Opened, ...]:
    found: list[Opened] = []
    with snapshot(runtime) as (_sql, reader):
        before: int | None = None
        while page := reader.search(
            Filters(action=Act.LOG_EXPORTED), before=before, limit=MAX_LIMIT
        ):
            before = page[-1].index
            details = ((row.index, _detail(reader, row)) for row in page)
            found += [
                Opened(str(detail["bundle"]), index, str(detail["sha256"]))
                for index, detail in details
                if detail.get("opened") is True
            ]
    return tuple(found)


def _detail(reader: Any, row: Any) -> dict[str, Any]:
    try:
        return dict(reader.leaf(row).detail)
    except LeafMalformed:
        return {}


def _sql(session: Session, runtime: Runtime) -> Sql:
    connection = session.connection().connection.dbapi_connection
    assert connection is not None
    return Sql(connection, Dialect(runtime.db.dialect))
