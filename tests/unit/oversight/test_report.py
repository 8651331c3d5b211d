"""Reports as files: what Korean Excel needs, what it must not run, and what is signed."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from random import Random

import pytest

from gateway.oversight import report as reports
from gateway.oversight.report import HEAD, Kind, Report, Row, Section

FORMULAS = (
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    " =1",
    "＝1",
    "＋1",
    "－1",
    "＠x",
)
EXCEL_RUNS = tuple("=+-@\t\r\n＝＋－＠")
PERSON = "ab" * 16


def made(*rows: Row, statement: str = "") -> Report:
    start, end = datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)
    return Report(
        Kind.REVIEW, "subject", "log.example", "Asia/Seoul", start, end, 0, 9, rows, PERSON, end,
        statement,
    )  # fmt: skip


def named(token: str | None) -> str:
    return "" if token is None else "kim"


def cells(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def test_the_file_begins_with_a_byte_order_mark_and_ends_lines_as_excel_does() -> None:
    data = reports.spreadsheet(made(Row(Section.DOWNLOAD, "download.authorized", 1)), named)

    assert data.startswith(b"\xef\xbb\xbf")
    assert data.endswith(b"\r\n")
    assert data.count(b"\n") == data.count(b"\r\n")


@pytest.mark.parametrize("text", FORMULAS)
def test_nothing_a_person_wrote_is_run_by_a_spreadsheet(text: str) -> None:
    row = Row(
        Section.DOWNLOAD, text, 1, person=PERSON, subjects=(PERSON,), dataset=text, purpose=text,
        ref=text, result=text, note=text,
    )  # fmt: skip

    data = reports.spreadsheet(made(row, statement=text), lambda _token: text)

    found = [cell for line in cells(data) for cell in line]
    assert [cell for cell in found if cell.lstrip(" ").startswith(EXCEL_RUNS)] == []
    assert f"'{text}" in found


@pytest.mark.parametrize("seed", range(50))
def test_whatever_is_written_comes_back_from_the_file_in_its_own_cell(seed: int) -> None:
    random = Random(seed)
    note = "".join(random.choices("가나다 ,;\"'\r\n=+-@\t|%a1", k=30)).strip() or "가"
    row = Row(Section.DOWNLOAD, "download.authorized", 3, dataset="voices", note=note)

    lines = cells(reports.spreadsheet(made(row), named))

    place = next(n for n, line in enumerate(lines) if line and line[0] == HEAD[0])
    assert len(lines[place + 1]) == len(HEAD)
    assert lines[place + 1][-1].removeprefix("'") == note.removeprefix("'")
    assert lines[place + 1][8] == "3"


def test_the_note_names_the_digest_of_every_file_and_the_range() -> None:
    text = reports.note_text(made(), {"report.csv": b"a", "report.jsonl": b"b"})

    assert text == (
        "sumun-report/v1 review\nsubject subject\nlog log.example 0 9\n"
        f"report.csv sha256 {reports.digest(b'a')}\nreport.jsonl sha256 {reports.digest(b'b')}\n"
    )


def test_the_record_names_people_by_tokens_alone() -> None:
    row = Row(Section.DOWNLOAD, "download.authorized", 1, person=PERSON)

    record = reports.record(made(row))

    assert PERSON.encode() in record
    assert b"kim" not in record
    assert record == reports.record(made(row))
