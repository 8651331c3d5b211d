"""Quotas: reserved by one conditional UPDATE before the bytes, settled after them.

A process that dies in between leaves its reservation standing: the error is then on the side of
less data. A grant without a quota is only counted, after the bytes.
"""

from __future__ import annotations

import uuid

from sqlalchemy import update
from sqlalchemy.orm import Session

from gateway.access.ask import Ask, Gathered, Permit
from gateway.access.models import Grant
from gateway.db import Database
from policies.vocabulary import Action

# A quota limits bytes of a dataset's version. A package counts when it is asked for, so fetching
# it counts nothing, and a result is not the dataset's at all.
COUNTED = frozenset({Action.DOWNLOAD, Action.PACKAGE})


def counted(ask: Ask) -> int:
    """The bytes of `ask` that count against the quota."""
    return ask.request_bytes if ask.action in COUNTED else 0


def reserve(db: Database, gathered: Gathered, amount: int) -> int | None:
    """Take `amount` bytes from the quota; returns what was reserved (0 without a quota).

    None means that the grant changed or the quota ran out since the facts were read.
    """
    if not amount or gathered.grant_id is None or gathered.quota_bytes is None:
        return 0
    with db.write() as session:
        taken = session.scalar(
            update(Grant)
            .where(Grant.id == gathered.grant_id, Grant.epoch == gathered.epoch)
            .where(Grant.ended_at.is_(None), Grant.suspended.is_(False))
            .where(Grant.used_bytes <= Grant.quota_bytes - amount)
            .values(used_bytes=Grant.used_bytes + amount)
            .returning(Grant.id)
        )
    return None if taken is None else amount


def settle(db: Database, permit: Permit, sent: int) -> None:
    """Correct the grant's use from what was reserved to what was `sent`."""
    if permit.ask.action not in COUNTED:
        return
    if permit.gathered.grant_id is not None and sent != permit.reserved:
        _add(db, permit.gathered.grant_id, sent - permit.reserved)


def _add(db: Database, grant_id: uuid.UUID, amount: int) -> None:
    with db.write() as session:
        session.execute(
            update(Grant).where(Grant.id == grant_id).values(used_bytes=Grant.used_bytes + amount)
        )


def give_back(session: Session, grant_id: uuid.UUID, amount: int) -> None:
    """Return bytes that were counted and did not leave after all, in the caller's transaction."""
    counted_before = Grant.used_bytes >= amount
    session.execute(
        update(Grant)
        .where(Grant.id == grant_id, counted_before)
        .values(used_bytes=Grant.used_bytes - amount)
    )
