"""Reports: a review is signed once, and every report can be made again to the byte."""

from __future__ import annotations

import dataclasses
import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from audit.event import Domain
from gateway.errors import Problem, ProblemCode
from gateway.evidence.reading import signer
from gateway.journal import Act, Entry
from gateway.oversight import report as reports
from gateway.oversight import service_anomalies as anomalies
from gateway.oversight import service_reviews as reviews
from gateway.oversight.gaps import expect_held, is_pruned
from gateway.oversight.models import Anomaly, AnomalyState, LogReview, ReviewState
from gateway.oversight.reading import Reading, reading
from gateway.oversight.report import Kind, Report
from gateway.oversight.report_period import rights_span
from gateway.oversight.report_rows import (
    Accounts,
    anomaly_rows,
    download_rows,
    exception_rows,
    rights,
    rights_in,
    rights_rows,
    total_rows,
)
from gateway.oversight.service_reviews import Worksheet
from gateway.oversight.service_search import Desk

RECORD, CSV, PDF, NOTE = "report.jsonl", "report.csv", "report.pdf", "report.note"
TYPES = {
    RECORD: "application/jsonl; charset=utf-8",
    CSV: "text/csv; charset=utf-8",
    PDF: "application/pdf",
    NOTE: "text/plain; charset=utf-8",
}


@dataclass(frozen=True, slots=True)
class Made:
    """A report as files by name, and how many people in it have been erased since."""

    report: Report
    files: dict[str, bytes]
    erased: int

    def sha256(self, name: str) -> str:
        """The digest of one file."""
        return reports.digest(self.files[name])


@dataclass(frozen=True, slots=True)
class Again:
    """A signed report made again: whether record and CSV are what was signed.

    With `pruned` it cannot be made again, because entries it covers were archived and deleted.
    """

    record: bool
    csv: bool
    erased: int
    pruned: bool = False


def sign(desk: Desk, review_id: uuid.UUID, statement: str, revision: int) -> LogReview:
    """Sign a review: its report is made, and its digests become part of the log.

    Raises Problem 403, 404, 409 (signed already, changed since it was seen, or something in it
    still waits), 422 for a statement of fewer than 10 characters.
    """
    runtime, auditor = desk.runtime, reviews.reviewer(desk.actor)
    reviews.named_auditor(runtime, auditor)
    text = anomalies.checked_note("statement", statement)
    now = runtime.clock.now().replace(microsecond=0)
    with reading(runtime, runtime.db) as opened:
        sheet, found = _complete(opened, review_id, revision)
        report = _review(desk, opened, sheet, found, (auditor, now, text))
        made = _made(desk, opened, report)
    note = _note(desk, made, now)
    with runtime.db.write() as session:
        review = reviews.get(session, review_id, lock=True)
        reviews.expect_open(review)
        _expect_unchanged(session, review, revision, found)
        review.state, review.signed_by, review.signed_at = ReviewState.SIGNED, auditor, now
        review.statement, review.note = text, note
        review.record_sha256, review.csv_sha256 = made.sha256(RECORD), made.sha256(CSV)
        for one in anomalies.of_review(session, _still_open(review)):
            one.review_id = review.id
        runtime.journal.record(session, _signed(desk, review, sheet, made, len(found)))
    return review


def export(desk: Desk, review_id: uuid.UUID, *, printed: bool = True) -> Made:
    """The files of a signed review, recorded before they are given out; `printed` with the PDF.

    Raises Problem 404, 409 for a review that nobody has signed yet, LogUnavailable.
    """
    made, review = _again(desk, review_id, printed=printed)
    if review.note:
        made.files[NOTE] = review.note.encode()
    _record(desk, f"log_review:{review_id}", made)
    return made


def reproduce(desk: Desk, review_id: uuid.UUID) -> Again:
    """Make a signed report again and compare it with the digests that were signed."""
    with reading(desk.runtime) as opened:
        if is_pruned(opened, reviews.get(opened.session, review_id)):
            return Again(record=False, csv=False, erased=0, pruned=True)
    made, review = _again(desk, review_id, printed=False)
    return Again(
        made.sha256(RECORD) == review.record_sha256,
        made.sha256(CSV) == review.csv_sha256,
        made.erased,
    )


def rights_report(desk: Desk, since: str, until: str) -> Made:
    """The roles, memberships and grants that changed in a period (days, both included).

    Raises Problem 422 naming the day that is wrong, 409 for a pruned period, LogUnavailable.
    """
    with reading(desk.runtime) as opened:
        report = rights_span(desk, opened, since, until)
        made = _made(desk, opened, report)
    made.files[NOTE] = _note(desk, made, report.until).encode()
    _record(desk, "log_report:rights", made)
    return made


def _complete(
    opened: Reading, review_id: uuid.UUID, revision: int
) -> tuple[Worksheet, list[Anomaly]]:
    sheet = reviews.worksheet(opened, review_id)
    reviews.expect_open(sheet.review)
    expect_held(opened, sheet.review)
    found = list(anomalies.of_review(opened.session, sheet.review))
    undecided = sum(one.state == AnomalyState.OPEN for one in found)
    if sheet.review.revision != revision:
        raise _changed()
    if sheet.waiting or undecided:
        raise Problem(
            ProblemCode.WRONG_STATE,
            f"아직 서명할 수 없습니다. 사유를 확인하거나 예외로 표시하지 않은 다운로드 "
            f"{sheet.waiting}묶음, 판단하지 않은 이상 징후 {undecided}건이 남아 있습니다.",
            f"Not signed yet: the reasons of {sheet.waiting} groups of downloads are neither "
            f"confirmed nor marked as exceptions, and {undecided} anomalies are not judged.",
        )
    return sheet, found


def _expect_unchanged(
    session: Session, review: LogReview, revision: int, found: list[Anomaly]
) -> None:
    """What is signed is what was seen: nothing came to it while the report was made."""
    now = {(one.id, one.state, one.entries) for one in anomalies.of_review(session, review)}
    if review.revision != revision or now != {(one.id, one.state, one.entries) for one in found}:
        raise _changed()


def _changed() -> Problem:
    return Problem(
        ProblemCode.CONFLICT,
        "그사이 점검 내용이 바뀌었습니다. 다시 확인한 뒤 서명해 주십시오.",
        "The review has changed meanwhile; look at it again, then sign.",
        field="statement",
    )


def _still_open(review: LogReview) -> LogReview:
    """The review as it was before the signature, for the anomalies that wait for it."""
    return LogReview(id=review.id, end_index=review.end_index, state=ReviewState.OPEN)


def _review(
    desk: Desk,
    opened: Reading,
    sheet: Worksheet,
    found: list[Anomaly],
    signed: tuple[uuid.UUID, datetime, str],
) -> Report:
    review, (auditor, at, text) = sheet.review, signed
    return Report(
        Kind.REVIEW, str(review.id), desk.runtime.journal.log.origin, review.zone,
        review.start_at, review.end_at, review.first_index, review.end_index,
        [
            *download_rows(sheet.groups),
            *exception_rows(opened, sheet.exceptions),
            *anomaly_rows(found),
        ],
        desk.runtime.vault.token(Domain.PERSON, str(auditor)), at, text,
    )  # fmt: skip


def _made(
    desk: Desk, opened: Reading, report: Report, note: str = "", *, printed: bool = True
) -> Made:
    """The report with the rights that changed and the totals, as files; `printed` with the PDF.

    `note` is the one it was signed with: the PDF is set in the font it was set in then.
    """
    names = Accounts(desk.runtime, opened, desk.directory)
    if report.kind is Kind.ROLES:
        changed = rights_in(desk.runtime, opened, desk.directory, report)
    else:
        changed = rights(desk.runtime, opened, desk.directory, report.first, report.end)
    rows = [*report.rows, *rights_rows(changed, names.learn)]
    if report.kind is Kind.REVIEW:
        rows += total_rows(opened, report.first, report.end)
    whole = dataclasses.replace(report, rows=rows)
    files = {RECORD: reports.record(whole), CSV: reports.spreadsheet(whole, names)}
    if printed:
        files[PDF] = _pdf(whole, names, note)
    return Made(whole, files, names.erased)


def _pdf(report: Report, names: Accounts, note: str) -> bytes:
    """As signed if a font of this host gives it, else in the preferred font."""
    from gateway.oversight.report_pdf import fonts, pdf

    first, *others = fonts()
    preferred = pdf(report, names, first)
    for font in others if note else []:
        if reports.digest(preferred) in note:
            break
        other = pdf(report, names, font)
        if reports.digest(other) in note:
            return other
    return preferred


def _again(desk: Desk, review_id: uuid.UUID, *, printed: bool = True) -> tuple[Made, LogReview]:
    with reading(desk.runtime) as opened:
        sheet = reviews.worksheet(opened, review_id)
        review = sheet.review
        if review.signed_by is None or review.signed_at is None:
            raise Problem(
                ProblemCode.WRONG_STATE,
                "서명하지 않은 점검에는 보고서가 없습니다.",
                "A review has a report once it is signed.",
            )
        expect_held(opened, review)
        found = list(anomalies.of_review(opened.session, review))
        signed = (review.signed_by, review.signed_at, review.statement)
        report = _review(desk, opened, sheet, found, signed)
        return _made(desk, opened, report, review.note, printed=printed), review


def _note(desk: Desk, made: Made, at: datetime) -> str:
    text = reports.note_text(made.report, made.files)
    return str(signer(desk.runtime).sign(text, int(at.timestamp())))


def _record(desk: Desk, ref: str, made: Made) -> None:
    report = made.report
    detail = {"first": report.first, "end": report.end, "record_sha256": made.sha256(RECORD)}
    desk.runtime.journal.append(Entry(desk.actor, Act.LOG_REPORTED, ref=ref, detail=detail))


def _signed(desk: Desk, review: LogReview, sheet: Worksheet, made: Made, found: int) -> Entry:
    detail = {
        "first": review.first_index,
        "end": review.end_index,
        "downloads": len(sheet.groups),
        "exceptions": sheet.excepted,
        "anomalies": found,
        "record_sha256": made.sha256(RECORD),
        "csv_sha256": made.sha256(CSV),
        "pdf_sha256": made.sha256(PDF),
    }
    actor = anomalies.noted(desk.actor, review.statement)
    by = anomalies.answering(desk.actor)
    ref = f"log_review:{review.id}"
    return Entry(actor, Act.LOG_REVIEW_SIGNED, subjects=by, ref=ref, detail=detail)
