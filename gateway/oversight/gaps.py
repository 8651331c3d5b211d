"""What the log no longer holds: entries pruned after their retention, or lost with a restore.

An answer of the log says so wherever it could be taken for a whole one. What is read here is what
the database says; `sumun audit verify` checks it against the signed minimum and the archives.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from audit import minimum, times
from audit.dbapi import Sql
from audit.errors import LeafMalformed, NoteMalformed
from audit.leaf import decode
from audit.merkle import TILE_WIDTH
from audit.search import MAX_LIMIT, Filters
from audit.search import Entry as Row
from gateway.clock import from_ms, to_ms
from gateway.errors import Problem, ProblemCode
from gateway.journal import Act
from gateway.oversight.models import LogReview, ReviewState
from gateway.oversight.queries import moment
from gateway.oversight.reading import Reading, reading
from gateway.runtime import Runtime

_NEWEST = "SELECT MAX(high_ms) FROM audit_times WHERE level = 0 AND tile < ?"


@dataclass(frozen=True, slots=True)
class Pruned:
    """Entries below `end` are in archives; the newest of them is of the moment `until`."""

    end: int
    until: datetime

    def first_day(self, zone: ZoneInfo) -> str:
        """The first day (ISO 8601) of which every entry is in the log."""
        return (self.until.astimezone(zone).date() + timedelta(days=1)).isoformat()

    def sentence(self, zone: ZoneInfo) -> str:
        """What is missing, for the command line."""
        return (
            f"entries below {self.end} were archived and pruned; this answer is whole from "
            f"{self.first_day(zone)} on"
        )


@dataclass(frozen=True, slots=True)
class Loss:
    """A backup was restored, which entry `index` tells; `lost` published entries are not here.

    `since` is the moment of the last entry that the backup had: what happened between it and
    `until` may be missing. None when that entry was pruned since.
    """

    index: int
    since: datetime | None
    until: datetime
    lost: int

    def sentence(self, zone: ZoneInfo) -> str:
        """What may be missing, for the command line."""
        since = "" if self.since is None else f"from {_local(self.since, zone)} "
        return (
            f"a backup was restored (entry {self.index}, {self.lost} published entries lost): what "
            f"happened {since}to {_local(self.until, zone)} may be missing"
        )


@dataclass(frozen=True, slots=True)
class Gaps:
    """Why an answer may not be whole. Falsy when nothing is missing."""

    pruned: Pruned | None
    losses: tuple[Loss, ...]

    def __bool__(self) -> bool:
        return self.pruned is not None or bool(self.losses)

    def after(self, since_ms: int | None) -> Gaps:
        """Those that matter to a question about `since_ms` (milliseconds) and later."""
        if since_ms is None:
            return self
        since = from_ms(since_ms)
        pruned = self.pruned if self.pruned and since <= self.pruned.until else None
        return Gaps(pruned, tuple(one for one in self.losses if since <= one.until))

    def lines(self, zone: ZoneInfo) -> list[str]:
        """The same in words for the command line, a sentence each."""
        pruned = [] if self.pruned is None else [self.pruned.sentence(zone)]
        return [*pruned, *(one.sentence(zone) for one in self.losses)]


def gaps(opened: Reading) -> Gaps:
    """What the log no longer holds."""
    return Gaps(_pruned(opened.sql), tuple(_losses(opened)))


def told(runtime: Runtime, since: str | None) -> list[str]:
    """Why an answer about a day or moment and later may not be whole, for the command line."""
    zone = runtime.settings.zone
    with reading(runtime) as opened:
        return gaps(opened).after(moment("since", since, zone)).lines(zone)


def expect_whole(opened: Reading, start: datetime, until: datetime, zone: ZoneInfo) -> None:
    """Raise Problem 409 when entries of the period start ≤ t < until were pruned."""
    pruned = _pruned(opened.sql)
    if pruned is None:
        return
    first = times.first_since(opened.sql, to_ms(start))
    if first >= min(pruned.end, times.end_until(opened.sql, to_ms(until))):
        return
    day = pruned.first_day(zone)
    raise Problem(
        ProblemCode.WRONG_STATE,
        f"보존 기간이 지나 이 기간의 기록을 보관 파일로 옮기고 삭제했으므로 보고서를 만들 수 "
        f"없습니다. {day}부터의 날짜를 골라 주십시오. 그 전의 기록은 보관 파일에 있습니다.",
        f"Entries of this period were archived and deleted after their retention, so it has no "
        f"report. Choose days from {day} on; older entries are in the archives.",
        field="since",
    )


def is_pruned(opened: Reading, review: LogReview) -> bool:
    """Whether entries that a review covers were archived and deleted."""
    return review.first_index < min(review.end_index, minimum.current(opened.sql))


def expect_held(opened: Reading, review: LogReview) -> None:
    """Raise Problem 409 when entries of a review were pruned: it has no report any more."""
    if not is_pruned(opened, review):
        return
    if review.state == ReviewState.SIGNED:
        raise Problem(
            ProblemCode.WRONG_STATE,
            "보존 기간이 지나 이 점검의 기록을 옮겨 보관하고 삭제했으므로 보고서를 다시 만들 수 "
            "없습니다. 그때 받아 둔 파일은 서명 파일로 확인합니다.",
            "Entries of this review were archived and deleted after their retention, so its "
            "report cannot be made again. Check the files kept from then with their signature.",
        )
    raise Problem(
        ProblemCode.WRONG_STATE,
        "서명하기 전에 이 점검의 기록을 옮겨 보관하고 삭제했으므로 서명할 수 없습니다. 남은 "
        "기록만으로 만든 보고서는 사실과 다릅니다.",
        "Entries of this review were archived and deleted before it was signed, so it can no "
        "longer be signed: a report of what is left would not be true.",
    )


def missing(sql: Sql, index: int) -> Problem:
    """The answer for an index without a row: pruned, with its archive, or never there."""
    archive = _archive_of(sql, index)
    if archive is None:
        return Problem(
            ProblemCode.NOT_FOUND,
            "이 번호의 감사 기록이 없습니다.",
            "The log has no entry with this index.",
        )
    return Problem(
        ProblemCode.NOT_FOUND,
        f"이 번호의 감사 기록은 보존 기간이 지나 보관 파일로 옮기고 삭제했습니다. 보관 파일의 "
        f"SHA-256: {archive}",
        "This entry was archived and then pruned after its retention. "
        f"It is in the archive with the SHA-256 {archive}.",
    )


def _local(at: datetime, zone: ZoneInfo) -> str:
    return at.astimezone(zone).isoformat(sep=" ", timespec="minutes")


def _archive_of(sql: Sql, index: int) -> str | None:
    """The digest of the archive that holds a pruned entry."""
    if index < 0:
        return None
    for end, _time_ms, note in minimum.rows(sql):
        if index < end:
            try:
                return minimum.parse_minimum(note).archive
            except NoteMalformed:
                return None
    return None


def _pruned(sql: Sql) -> Pruned | None:
    end = minimum.current(sql)
    row = sql.one(_NEWEST, (end // TILE_WIDTH,))
    return None if row is None or row[0] is None else Pruned(end, from_ms(int(row[0])))


def _losses(opened: Reading) -> Iterator[Loss]:
    """Restored backups, newest first."""
    for row in opened.log.search(Filters(action=Act.LOG_RESTORED), limit=MAX_LIMIT):
        before = opened.log.get(row.index - 1) if row.index else None
        since = None if before is None else from_ms(before.columns.time_ms)
        yield Loss(row.index, since, from_ms(row.columns.time_ms), _lost(row))


def _lost(row: Row) -> int:
    """How many published entries a restore says it lost; damage is for the verifier to name."""
    try:
        detail = decode(row.leaf).detail
    except LeafMalformed:
        return 0
    first, end = detail.get("lost_first"), detail.get("lost_end")
    return max(0, end - first) if isinstance(first, int) and isinstance(end, int) else 0
