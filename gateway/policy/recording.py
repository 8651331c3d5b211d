"""Keeps the facts behind decisions, so that any of them can be decided again.

A set of facts is written once, under the digest that the entries name; clock and sizes, which
change with every request, stand in the entry itself.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from weakref import WeakKeyDictionary

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session

from gateway.db import Database
from gateway.policy.models import PolicyFacts
from policies.decision import Decision
from policies.facts import Facts
from policies.facttable import facts_from, table_from

REMEMBERED: Final = 8192
AT_ONCE: Final = 500
MAX_EXACT: Final = 2**53 - 1
_MOVING: Final = ("now_ms", "request_bytes", "used_bytes")
# Digests that are surely on record, for each database; a row is never deleted.
_written: WeakKeyDictionary[Database, set[str]] = WeakKeyDictionary()


def remember(db: Database, facts: Facts, decision: Decision, now: datetime) -> dict[str, Any]:
    """Keep the facts of a decision; returns what its entry must say to complete them.

    Raises sqlalchemy.exc.OperationalError or WriteBusy when they cannot be written.
    """
    digest = decision.still_digest
    if digest and digest not in (known := _written.setdefault(db, set())):
        with db.write() as session:
            _write(session, digest, facts, now)
        if len(known) >= REMEMBERED:
            known.clear()
        known.add(digest)
    return _named(facts, digest)


def remember_in(
    session: Session, facts: Facts, decision: Decision, now: datetime
) -> dict[str, Any]:
    """As `remember`, in a transaction that is under way and that may yet be rolled back."""
    if decision.still_digest:
        _write(session, decision.still_digest, facts, now)
    return _named(facts, decision.still_digest)


def recall_all(db: Database, digests: Iterable[str]) -> dict[str, Any]:
    """The kept facts as tables by digest; what is not on record is left out."""
    found: dict[str, Any] = {}
    with db.read() as session:
        for some in batched(sorted(digests), AT_ONCE):
            rows = session.scalars(select(PolicyFacts).where(PolicyFacts.digest.in_(some)))
            found |= {row.digest: row.facts for row in rows}
    return found


def people_of(db: Database, digests: Iterable[str]) -> dict[str, uuid.UUID]:
    """Whose facts they are, by digest; nobody for visitors and for people who were erased."""
    found: dict[str, uuid.UUID] = {}
    with db.read() as session:
        for some in batched(sorted(digests), AT_ONCE):
            rows = session.execute(
                select(PolicyFacts.digest, PolicyFacts.person_id)
                .where(PolicyFacts.digest.in_(some))
                .where(PolicyFacts.person_id.is_not(None))
            )
            found |= {digest: person_id for digest, person_id in rows if person_id}
    return found


def batched(values: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    """The values in lists of at most `size`."""
    for start in range(0, len(values), size):
        yield values[start : start + size]


def complete(table: Any, moving: Mapping[str, Any]) -> Facts:
    """The facts of one decision again: what was kept, with what its entry says.

    Raises policies.facttable.FactError or KeyError for a record that is not whole.
    """
    facts = facts_from(table)
    standing = dataclasses.replace(facts.standing, used_bytes=int(moving["used_bytes"]))
    return dataclasses.replace(
        facts,
        standing=standing,
        now_ms=int(moving["now_ms"]),
        request_bytes=int(moving["request_bytes"]),
    )


def _named(facts: Facts, digest: str) -> dict[str, Any]:
    moving = (facts.now_ms, facts.request_bytes, facts.standing.used_bytes)
    return {"facts": digest, **dict(zip(_MOVING, map(_exact, moving), strict=True))}


def _exact(number: int) -> int | str:
    """A number as entries hold it: beyond what every JSON reader can hold exactly, as text."""
    return number if abs(number) <= MAX_EXACT else str(number)


def _write(session: Session, digest: str, facts: Facts, now: datetime) -> None:
    postgresql = session.get_bind().dialect.name == "postgresql"
    insert = postgresql_insert if postgresql else sqlite_insert
    person = facts.subject.person_id
    row = {
        "digest": digest,
        "facts": _table(facts),
        "person_id": uuid.UUID(person) if person else None,
        "first_at": now,
    }
    session.execute(insert(PolicyFacts).values(**row).on_conflict_do_nothing())


def _table(facts: Facts) -> Any:
    """The facts without their person, and without what each entry says for itself."""
    subject = dataclasses.replace(facts.subject, person_id="")
    standing = dataclasses.replace(facts.standing, used_bytes=0)
    still = dataclasses.replace(
        facts, subject=subject, standing=standing, now_ms=0, request_bytes=0
    )
    return table_from(still)
