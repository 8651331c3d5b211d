"""The periodic review of the access log (접속기록 점검): opened by itself, marked, signed.

PIPA's safety standard demands that access logs are reviewed at a regular interval, and that the
reason of each download is confirmed. A review covers a range of indexes of the log; the next one
begins where it ends, so that no entry is ever left out.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from audit import stats
from audit.event import Domain
from gateway import ids
from gateway.clock import to_ms
from gateway.errors import Problem, ProblemCode
from gateway.identity.models import Role
from gateway.identity.refusals import role_missing
from gateway.identity.service_roles import holds
from gateway.journal import Act, Actor, Entry
from gateway.oversight import periods
from gateway.oversight.downloads import Group, downloads
from gateway.oversight.models import LogReview, MarkKind, ReviewMark, ReviewState
from gateway.oversight.periods import Period
from gateway.oversight.reading import Reading, reading
from gateway.oversight.service_anomalies import (
    answering,
)
from gateway.runtime import Runtime

MAX_KEYS = 2000
_NOTHING_CONFIRMED = (
    "확인한 사유가 없습니다. 이용 목적이 있고 본인이 받지 않은 다운로드를 선택해 주십시오. "
    "나머지는 예외로 표시합니다.",
    "Nothing was confirmed. Choose downloads that have a purpose on record and are not "
    "your own; mark the others as exceptions.",
)
_IS_EXCEPTION = (
    "예외로 표시한 다운로드입니다. 표시한 감사 담당자가 취소하면 사유를 확인할 수 있습니다.",
    "These downloads are marked as an exception. Its reason can be confirmed once the auditor who "
    "marked it withdraws the exception.",
)


@dataclass(frozen=True, slots=True)
class Worksheet:
    """A review with the downloads it covers, by their references."""

    review: LogReview
    groups: Sequence[Group]
    exceptions: Sequence[ReviewMark]

    @property
    def waiting(self) -> int:
        """How many groups nobody has said anything about."""
        return sum(group.mark is None for group in self.groups)

    @property
    def excepted(self) -> int:
        """How many groups and single downloads are exceptions."""
        marks = [group.mark for group in self.groups if group.mark is not None]
        return sum(mark.kind == MarkKind.EXCEPTION for mark in marks) + len(self.exceptions)


def open_due(runtime: Runtime) -> list[LogReview]:
    """Open the review of every period that is over and has none yet, oldest first.

    The first review of a log is that of the last complete period in which it has entries.
    """
    return [made for period in _missing(runtime) if (made := _open(runtime, period)) is not None]


def worksheet(opened: Reading, review_id: uuid.UUID) -> Worksheet:
    """A review with its downloads and marks. Raises Problem 404."""
    review = get(opened.session, review_id)
    marks = marks_of(opened.session, review_id)
    groups = downloads(opened, review.first_index, review.end_index, marks)
    single = [mark for key, mark in sorted(marks.items()) if key.startswith("entry:")]
    return Worksheet(review, groups, single)


def confirm(
    runtime: Runtime, actor: Actor, review_id: uuid.UUID, keys: Iterable[str] | None
) -> int:
    """Confirm the reasons of groups of downloads; returns how many those were.

    None stands for every group that nobody has said anything about yet.
    Groups without a purpose on record, and one's own, are not confirmed in bulk.
    Raises Problem 404, 409 once signed, 422 when nothing can be confirmed.
    """
    auditor = reviewer(actor)
    wanted = None if keys is None else set(keys)
    with reading(runtime) as opened:
        sheet = worksheet(opened, review_id)
    own = runtime.vault.token(Domain.PERSON, str(auditor))
    able = [
        group.key
        for group in sheet.groups
        if _is_wanted(group.key, group.mark, wanted) and group.purpose and group.person != own
    ]
    confirmed: list[str] = []

    def change(session: Session, review: LogReview) -> None:
        # Another auditor may have marked an exception since the sheet was read.
        marks = marks_of(session, review_id)
        confirmed.extend(key for key in able if _is_wanted(key, marks.get(key), wanted))
        if not confirmed:
            held = any(_is_exception(marks.get(key)) for key in wanted or ())
            words = _IS_EXCEPTION if held else _NOTHING_CONFIRMED
            raise Problem(ProblemCode.VALIDATION_FAILED, *words, field="keys")
        for key in confirmed:
            mark(session, runtime, said(review, auditor, key, MarkKind.CONFIRMED))
        detail = {"groups": len(confirmed), "first": review.first_index, "end": review.end_index}
        entry = Entry(
            actor, Act.LOG_REASONS_CONFIRMED, subjects=answering(actor), ref=ref_of(review),
            detail=detail,
        )  # fmt: skip
        runtime.journal.record(session, entry)

    edit(runtime, review_id, change)
    return len(confirmed)


def list_all(session: Session) -> Sequence[LogReview]:
    """Every review, newest first: at most twelve a year."""
    return session.scalars(select(LogReview).order_by(LogReview.start_at.desc())).all()


def overdue(session: Session, now: datetime) -> int:
    """How many reviews should have been signed by now."""
    late = (LogReview.state == ReviewState.OPEN) & (LogReview.due_at <= now)
    return session.scalar(select(func.count()).select_from(LogReview).where(late)) or 0


def waiting(session: Session) -> Sequence[LogReview]:
    """The reviews that nobody has signed yet, oldest first."""
    query = select(LogReview).where(LogReview.state == ReviewState.OPEN)
    return session.scalars(query.order_by(LogReview.start_at)).all()


def get(session: Session, review_id: uuid.UUID, *, lock: bool = False) -> LogReview:
    """One review. Raises Problem 404."""
    review = session.get(LogReview, review_id, with_for_update=lock)
    if review is None:
        raise Problem(ProblemCode.NOT_FOUND, "해당 점검이 없습니다.", "There is no such review.")
    return review


def marks_of(session: Session, review_id: uuid.UUID) -> dict[str, ReviewMark]:
    """What was said in a review, by the key it is about."""
    rows = session.scalars(select(ReviewMark).where(ReviewMark.review_id == review_id))
    return {row.key: row for row in rows}


def reviewer(actor: Actor) -> uuid.UUID:
    """The person who reviews. Raises Problem 403 for an actor without a name."""
    if actor.person_id is None:
        raise role_missing(actor, [Role.AUDITOR])
    return actor.person_id


def named_auditor(runtime: Runtime, person_id: uuid.UUID) -> None:
    """Raise Problem 403 unless this person is an auditor now."""
    with runtime.db.read() as session:
        if not holds(session, person_id, Role.AUDITOR, runtime.clock.now()):
            raise Problem(
                ProblemCode.FORBIDDEN,
                "감사 담당자만 접속기록을 점검하고 서명할 수 있습니다.",
                "Only an auditor reviews the access log and signs.",
            )


def expect_open(review: LogReview) -> None:
    """Raise Problem 409 for a review that was signed."""
    if review.state != ReviewState.OPEN:
        raise Problem(
            ProblemCode.WRONG_STATE,
            "이미 서명한 점검은 바꿀 수 없습니다.",
            "A signed review is never changed.",
        )


def edit(
    runtime: Runtime, review_id: uuid.UUID, change: Callable[[Session, LogReview], None]
) -> None:
    """Change an open review in one transaction. Raises Problem 404, 409 once signed."""
    with runtime.db.write() as session:
        review = get(session, review_id, lock=True)
        expect_open(review)
        review.revision += 1
        change(session, review)


def _is_wanted(key: str, mark: ReviewMark | None, keys: set[str] | None) -> bool:
    """An exception somebody noted is never confirmed away with the rest."""
    if _is_exception(mark):
        return False
    return mark is None if keys is None else key in keys


def _is_exception(mark: ReviewMark | None) -> bool:
    return mark is not None and mark.kind == MarkKind.EXCEPTION


def said(
    review: LogReview, auditor: uuid.UUID, key: str, kind: MarkKind, note: str = ""
) -> ReviewMark:
    """What an auditor says about the downloads of a key."""
    return ReviewMark(review_id=review.id, key=key, kind=kind, note=note, marked_by=auditor)


def mark(session: Session, runtime: Runtime, row: ReviewMark) -> None:
    """Store it, in the place of what was said before."""
    row.marked_at = runtime.clock.now()
    session.merge(row)


def _missing(runtime: Runtime) -> list[Period]:
    now, settings = runtime.clock.now(), runtime.settings
    with reading(runtime, runtime.db) as opened:
        newest = opened.session.scalar(select(func.max(LogReview.end_at)))
        if newest is not None:
            return periods.after(newest, now, settings.review_months, settings.zone)
        period = periods.last_complete(now, settings.review_months, settings.zone)
        return [period] if stats.boundary(opened.sql, to_ms(period.end)) > 0 else []


def _open(runtime: Runtime, period: Period) -> LogReview | None:
    """Open one review; None when another worker was first."""
    with reading(runtime, runtime.db) as opened:
        last = opened.session.scalar(select(func.max(LogReview.end_index)))
        first = stats.boundary(opened.sql, to_ms(period.start)) if last is None else last
        end = max(first, stats.boundary(opened.sql, to_ms(period.end)))
    review = LogReview(
        id=ids.new(runtime.clock), start_at=period.start, end_at=period.end,
        zone=runtime.settings.timezone, first_index=first, end_index=end,
        opened_at=runtime.clock.now(), due_at=period.end + periods.DUE, state=ReviewState.OPEN,
        revision=0,
    )  # fmt: skip
    try:
        with runtime.db.write() as session:
            session.add(review)
            session.flush()
            detail = {"first": first, "end": end}
            entry = Entry(Actor.system(), Act.LOG_REVIEW_OPENED, ref=ref_of(review), detail=detail)
            runtime.journal.record(session, entry)
    except IntegrityError:
        return None
    return review


def ref_of(review: LogReview) -> str:
    """What entries of the log call a review."""
    return f"log_review:{review.id}"
