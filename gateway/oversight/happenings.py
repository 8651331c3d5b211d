"""Reads from the log what the rules look at: a person's day, their usual pace, their purposes."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any, cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit import stats
from audit.dbapi import Sql
from audit.errors import LeafMalformed, SealBroken
from audit.leaf import Leaf, decode, open_personal
from audit.vault import KeyRow, KeyVault, VaultReader
from gateway import ids
from gateway.access.models import Grant
from gateway.clock import from_ms, to_ms
from gateway.exports.models import Export
from gateway.journal import Act, Outcome
from gateway.oversight.reading import Reading
from gateway.oversight.signs import DONE, EMERGENCIES, NETWORK_WINDOW_MS, REFUSALS, Day, Happening
from gateway.runtime import Runtime

QUARTER_MS = 15 * 60_000
BASELINE = timedelta(days=28)
# Of a very busy day the newest are looked at one by one; the pace counts them all.
SHOWN = 200
WATCHED = (
    *REFUSALS, Act.DOWNLOAD_AUTHORIZED, Act.URL_ISSUED, Act.SESSION_STARTED, Act.REQUESTS_FOLDED,
    *EMERGENCIES,
)  # fmt: skip
SEEN_OUTCOMES = (Outcome.SUCCESS, Outcome.ALLOW, Outcome.DENY)


class Days:
    """Reads days of people up to the entry `end`."""

    def __init__(self, runtime: Runtime, opened: Reading, end: int) -> None:
        self._opened = opened
        self._zone = runtime.settings.zone
        self._end = end
        self._starts: dict[int, int] = {}
        self._ends: dict[int, int] = {}
        self._keys = VaultReader(cast(KeyVault, _Keys(runtime.vault)), opened.sql)

    def of(self, person: str, day: date) -> Day:
        """What a person did on a day, with all that the rules want to know."""
        begin = to_ms(datetime.combine(day, datetime.min.time(), self._zone))
        end = to_ms(datetime.combine(day + timedelta(days=1), datetime.min.time(), self._zone))
        behind = self._happenings(person, begin - NETWORK_WINDOW_MS, end)
        purposes = with_purpose(self._opened.session, (one.ref for one in behind))
        return Day(person, day, self._zone, behind, self._pace(person, day), purposes)

    def local(self, time_ms: int) -> date:
        """The local day of a moment."""
        return from_ms(time_ms).astimezone(self._zone).date()

    def _happenings(self, person: str, since_ms: int, until_ms: int) -> list[Happening]:
        span = (self._start(since_ms), min(self._end, self._after(until_ms)))
        sql, actions = self._opened.sql, [str(act) for act in WATCHED]
        outcomes = [str(one) for one in SEEN_OUTCOMES]
        rows = stats.of_person(sql, person, span, outcomes=outcomes, actions=actions, limit=SHOWN)
        found = (self._happening(index, leaf) for index, leaf in rows)
        return [one for one in found if one is not None and since_ms <= one.time_ms < until_ms]

    def _happening(self, index: int, raw: bytes) -> Happening | None:
        try:
            leaf = decode(raw)
        except LeafMalformed:
            return None  # damage is the verifier's to name
        columns = leaf.columns
        attempts = leaf.detail.get("attempts", 1)
        return Happening(
            index, columns.time_ms, columns.action, columns.outcome, columns.dataset,
            columns.item, columns.ref, self._address(leaf),
            attempts if isinstance(attempts, int) else 1,
        )  # fmt: skip

    def _address(self, leaf: Leaf) -> str | None:
        if leaf.columns.outcome not in DONE or leaf.columns.person is None:
            return None
        try:
            box = open_personal(leaf, self._keys).get(leaf.columns.person)
        except SealBroken:
            return None
        place: dict[str, Any] = (box or {}).get("src_endpoint") or {}
        return place.get("ip")

    def _pace(self, person: str, day: date) -> dict[int, int]:
        begin = datetime.combine(day, datetime.min.time(), self._zone)
        since = to_ms(begin - BASELINE)
        span = (self._start(since), self._end)
        found: dict[int, int] = {}
        for outcome in DONE:
            counted = stats.pace(
                self._opened.sql, person, span, outcome=outcome,
                action=Act.DOWNLOAD_AUTHORIZED, step_ms=QUARTER_MS,
            )  # fmt: skip
            for start, count in counted.items():
                found[start] = found.get(start, 0) + count
        end = to_ms(begin + timedelta(days=1))
        return {start: count for start, count in found.items() if since <= start < end}

    def _after(self, time_ms: int) -> int:
        """Past the last entry before a moment: a clock that went ahead must not hide the rest."""
        if time_ms not in self._ends:
            self._ends[time_ms] = stats.ending(self._opened.sql, time_ms)
        return self._ends[time_ms]

    def _start(self, time_ms: int) -> int:
        if time_ms not in self._starts:
            self._starts[time_ms] = stats.boundary(self._opened.sql, max(0, time_ms))
        return self._starts[time_ms]


class _Keys:
    """A vault that reads each person's key row once: hundreds of entries are of the same person.

    It lives as long as one look, so that a destroyed key stops opening anything at the next.
    """

    def __init__(self, vault: KeyVault) -> None:
        self._vault = vault
        self._rows: dict[str, KeyRow | None] = {}

    def load(self, sql: Sql, token: str) -> KeyRow | None:
        """The key row of a person. Raises SealBroken if altered."""
        if token not in self._rows:
            self._rows[token] = self._vault.load(sql, token)
        return self._rows[token]


def with_purpose(session: Session, refs: Iterable[str | None]) -> frozenset[str]:
    """The references of grants and exports for which a purpose of use is on record."""
    return frozenset(purposes(session, refs))


def purposes(session: Session, refs: Iterable[str | None]) -> dict[str, str]:
    """The purpose of use of each reference to a grant, or to an export of one."""
    grants = ids_of("grant:", refs_ := {ref for ref in refs if ref})
    exports = ids_of("export:", refs_)
    found = {
        f"grant:{grant_id}": purpose
        for some in _batches(grants)
        for grant_id, purpose in session.execute(
            select(Grant.id, Grant.purpose).where(Grant.id.in_(some))
        )
    }
    found |= {
        f"export:{export_id}": purpose
        for some in _batches(exports)
        for export_id, purpose in session.execute(
            select(Export.id, Grant.purpose)
            .join(Grant, Grant.id == Export.grant_id)
            .where(Export.id.in_(some))
        )
    }
    return {ref: purpose for ref, purpose in found.items() if purpose}


def ids_of(prefix: str, refs: Iterable[str]) -> list[uuid.UUID]:
    """The ids of the references that begin with `prefix`."""
    parsed = (ids.parse(ref.removeprefix(prefix)) for ref in refs if ref.startswith(prefix))
    return [one for one in parsed if one is not None]


def _batches(all_: Sequence[uuid.UUID], size: int = 500) -> list[Sequence[uuid.UUID]]:
    return [all_[start : start + size] for start in range(0, len(all_), size)]
