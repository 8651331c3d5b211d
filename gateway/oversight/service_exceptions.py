"""Exceptions of a review: downloads whose reason an auditor cannot confirm, marked or withdrawn."""

from __future__ import annotations

import uuid

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit import stats
from gateway.errors import Problem, ProblemCode
from gateway.journal import Act, Actor, Entry
from gateway.oversight.downloads import downloads
from gateway.oversight.models import LogReview, MarkKind, ReviewMark, ReviewState
from gateway.oversight.reading import Reading, reading
from gateway.oversight.service_anomalies import (
    answering,
    checked_note,
    expect_somebody_else,
    noted,
)
from gateway.oversight.service_reviews import edit, get, mark, ref_of, reviewer, said
from gateway.runtime import Runtime


def mark_exception(
    runtime: Runtime, actor: Actor, review_id: uuid.UUID, key: str, note: str
) -> None:
    """Mark a group of downloads, or the entry `entry:<index>`, as an exception with a reason.

    Raises Problem 404 for what the review does not cover, 403 for one's own, 409, 422.
    """
    auditor = reviewer(actor)
    reason = checked_note("note", note)
    with reading(runtime) as opened:
        expect_somebody_else(runtime, actor, _person_of(opened, review_id, key))

    def change(session: Session, review: LogReview) -> None:
        mark(session, runtime, said(review, auditor, key, MarkKind.EXCEPTION, reason))
        entry = Entry(
            noted(actor, reason), Act.LOG_EXCEPTION_MARKED, subjects=answering(actor),
            ref=ref_of(review), detail={"key": key},
        )  # fmt: skip
        runtime.journal.record(session, entry)

    edit(runtime, review_id, change)


def withdraw(runtime: Runtime, actor: Actor, review_id: uuid.UUID, key: str) -> None:
    """Take back one's own exception: the downloads wait to be looked at again.

    Raises Problem 404 when nothing of the kind is marked, 403 for somebody else's, 409 once signed.
    """
    auditor = reviewer(actor)

    def change(session: Session, review: LogReview) -> None:
        row = session.get(ReviewMark, (review.id, key))
        session.delete(_own(row, auditor))
        entry = Entry(
            actor, Act.LOG_EXCEPTION_WITHDRAWN, subjects=answering(actor), ref=ref_of(review),
            detail={"key": key},
        )  # fmt: skip
        runtime.journal.record(session, entry)

    edit(runtime, review_id, change)


def open_over(session: Session, index: int) -> LogReview | None:
    """The review to which an entry belongs, while nobody has signed it."""
    covers = (LogReview.first_index <= index) & (LogReview.end_index > index)
    still = covers & (LogReview.state == ReviewState.OPEN)
    return session.scalars(select(LogReview).where(still)).first()


def _own(row: ReviewMark | None, auditor: uuid.UUID) -> ReviewMark:
    if row is None or row.kind != MarkKind.EXCEPTION:
        raise Problem(
            ProblemCode.NOT_FOUND,
            "이 점검에는 해당 예외가 없습니다.",
            "This review has no such exception.",
        )
    if row.marked_by != auditor:
        raise Problem(
            ProblemCode.FORBIDDEN,
            "예외 표시는 표시한 감사 담당자만 취소할 수 있습니다.",
            "Only the auditor who marked an exception withdraws it.",
        )
    return row


def _person_of(opened: Reading, review_id: uuid.UUID, key: str) -> str | None:
    """Whose downloads a key stands for. Raises Problem 404 for what the review does not cover."""
    review = get(opened.session, review_id)
    index = _index_of(key)
    if index is not None:
        covered = review.first_index <= index < review.end_index
        found = stats.lines(opened.sql, index, index + 1) if covered else []
        known = [line.person for line in found if line.action == Act.DOWNLOAD_AUTHORIZED]
    else:
        groups = downloads(opened, review.first_index, review.end_index, {})
        known = [group.person for group in groups if group.key == key]
    if not known:
        raise Problem(
            ProblemCode.NOT_FOUND,
            "이 점검에는 해당 다운로드가 없습니다.",
            "This review has no such download.",
        )
    return known[0]


def _index_of(key: str) -> int | None:
    """The index of `entry:<index>` in its one spelling; None for everything else."""
    number = key.removeprefix("entry:")
    plain = number.isascii() and number.isdigit() and len(number) < 19
    return int(number) if plain and key == f"entry:{int(number)}" else None
