"""A report of the log, made from values alone: the same values always give the same bytes.

Three forms: the record (JSON lines that name people by their keyed tokens, and so stay the same
after an erasure), a CSV file for Excel, and a PDF file (`report_pdf`), both with accounts.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from gateway.clock import from_ms, to_ms
from gateway.oversight.coverage import NOT_COVERED
from gateway.web import csv

Names = Callable[[str | None], str]


class Kind(StrEnum):
    """What a report is about."""

    REVIEW = "review"
    ROLES = "roles"


class Section(StrEnum):
    """The parts of a report, in their order."""

    DOWNLOAD = "download"
    EXCEPTION = "exception"
    ANOMALY = "anomaly"
    RIGHTS = "rights"
    TOTAL = "total"


TITLES = {
    Kind.REVIEW: "접속기록 점검 보고서 (Review of the access log)",
    Kind.ROLES: "접근권한 변경 보고서 (Roles and grants that changed)",
}
SECTIONS = {
    Section.DOWNLOAD: "다운로드 (download)",
    Section.EXCEPTION: "예외 (exception)",
    Section.ANOMALY: "이상 징후 (anomaly)",
    Section.RIGHTS: "접근권한 변경 (right changed)",
    Section.TOTAL: "합계 (total)",
}
HEAD = (
    "구분 section", "일시 time", "계정 account", "처리한 정보주체 data subject", "수행업무 task",
    "데이터셋 dataset", "이용 목적 purpose", "근거 reference", "건수 entries",
    "기록 번호 indexes", "점검 결과 result", "사유 note",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a report. People are keyed tokens; indexes are of the log."""

    section: Section
    task: str
    entries: int
    time_ms: int | None = None
    person: str | None = None
    subjects: tuple[str, ...] = ()
    dataset: str | None = None
    purpose: str | None = None
    ref: str | None = None
    first: int | None = None
    last: int | None = None
    events: tuple[int, ...] = ()
    result: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """A report over the entries `first` ≤ index < `end` of the log named `origin`."""

    kind: Kind
    subject: str
    origin: str
    zone: str
    start: datetime
    until: datetime
    first: int
    end: int
    rows: Sequence[Row]
    signed_by: str | None = None
    signed_at: datetime | None = None
    statement: str = ""


def record(report: Report) -> bytes:
    """The report as JSON lines without a name in them."""
    head = {
        "report": f"sumun-{report.kind}/v1",
        "subject": report.subject,
        "log": report.origin,
        "zone": report.zone,
        "since_ms": to_ms(report.start),
        "until_ms": to_ms(report.until),
        "first": report.first,
        "end": report.end,
        "signed_by": report.signed_by,
        "signed_ms": None if report.signed_at is None else to_ms(report.signed_at),
        "statement": report.statement,
    }
    return b"".join(_json(line) for line in (head, *map(_plain, report.rows)))


def spreadsheet(report: Report, names: Names) -> bytes:
    """The report as CSV (RFC 4180, UTF-8 with BOM) that runs no formula."""
    lines = csv.lines((TITLES[report.kind], *[""] * (len(HEAD) - 1)), _cells(report, names))
    return "".join(lines).encode()


def facts(report: Report, names: Names) -> list[tuple[str, str]]:
    """What stands at the top of CSV and PDF."""
    zone = ZoneInfo(report.zone)
    found = [
        ("기간 period", f"{moment(report.start, zone)} – {moment(report.until, zone)}"),
        ("시간대 time zone", report.zone),
        ("감사 기록 log", report.origin),
        ("기록 번호 indexes", f"{report.first} ≤ n < {report.end}"),
    ]
    if report.signed_at is not None:
        found += [
            ("서명한 감사 담당자 signed by", names(report.signed_by)),
            ("서명 일시 signed at", moment(report.signed_at, zone)),
            ("점검 의견 statement", report.statement),
        ]
    return [*found, ("기록 요약값 record SHA-256", digest(record(report)))]


def cells(row: Row, names: Names, zone: ZoneInfo) -> tuple[object, ...]:
    """A row under `HEAD`."""
    at = "" if row.time_ms is None else moment(from_ms(row.time_ms), zone)
    return (
        SECTIONS[row.section], at, names(row.person) if row.person else "",
        "; ".join(names(one) for one in row.subjects), row.task, row.dataset, row.purpose, row.ref,
        row.entries, _span(row), row.result, row.note,
    )  # fmt: skip


def moment(at: datetime, zone: ZoneInfo) -> str:
    """A moment in local time, to the second."""
    return at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")


def digest(data: bytes) -> str:
    """SHA-256 in hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def note_text(report: Report, files: dict[str, bytes]) -> str:
    """What the log's key signs: the digests of the files by name, and what they are about.

    The first line is no origin of a log, so a signed report is never taken for a checkpoint.
    """
    lines = [
        f"sumun-report/v1 {report.kind}", f"subject {report.subject}",
        f"log {report.origin} {report.first} {report.end}",
        *(f"{name} sha256 {digest(data)}" for name, data in sorted(files.items())),
    ]  # fmt: skip
    return "".join(f"{line}\n" for line in lines)


def _cells(report: Report, names: Names) -> Iterator[Sequence[object]]:
    yield from facts(report, names)
    yield ()
    yield HEAD
    zone = ZoneInfo(report.zone)
    for row in report.rows:
        yield cells(row, names, zone)
    yield ()
    yield ("이 기록이 다루지 않는 것 What this log does not cover",)
    for text in NOT_COVERED:
        yield (text.ko, text.en)


def _span(row: Row) -> str:
    if row.events:
        return " ".join(map(str, row.events))
    if row.first is None:
        return ""
    return str(row.first) if row.last in (None, row.first) else f"{row.first}–{row.last}"


def _plain(row: Row) -> dict[str, object]:
    given = {name: getattr(row, name) for name in Row.__slots__}
    return {name: value for name, value in given.items() if value not in (None, "", ())}


def _json(value: object) -> bytes:
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return text.encode() + b"\n"
