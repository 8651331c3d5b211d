"""The periodic review: opened by itself, marked in bulk and one by one, signed, made again."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from typing import Any

import pytest

from audit.note import Verifier, parse_note
from audit.search import Filters
from gateway.clock import FixedClock
from gateway.errors import Problem, ProblemCode
from gateway.identity.models import Person, Role
from gateway.journal import Act
from gateway.oversight import service_exceptions, service_reports, service_reviews
from gateway.oversight.directory import Directory
from gateway.oversight.models import LogReview
from gateway.oversight.reading import reading, verifier_key
from gateway.oversight.service_reports import CSV, NOTE, PDF, RECORD
from gateway.oversight.service_search import Desk
from gateway.oversight.watch import look
from gateway.runtime import Runtime
from tests import people
from tests.integration.oversight import reviewing
from tests.integration.oversight.damage import run
from tests.integration.oversight.reviewing import at
from tests.logs import numbered
from tests.world import World, build

STATEMENT = "지난달 접속기록을 모두 점검했고 이상이 없습니다."
WHY = "이 다운로드의 사유를 확인하지 못했습니다."


@pytest.fixture
def world(runtime: Runtime, clock: FixedClock) -> World:
    """October has downloads, and on 2 November its review is due."""
    at(clock, "2026-10-05T10:00")
    made = build(runtime)
    reviewing.download(runtime, made, 3)
    at(clock, "2026-11-02T10:00")
    return made


@pytest.fixture
def desk(runtime: Runtime, world: World) -> Desk:
    """The desk of an auditor."""
    return desk_of(runtime, "auditor.one")


def desk_of(runtime: Runtime, account: str) -> Desk:
    auditor = people.person(runtime, account)
    people.grant(runtime, auditor, Role.AUDITOR)
    return Desk(runtime, Directory(runtime.vault), people.acting_as(auditor))


def opened(runtime: Runtime) -> LogReview:
    look(runtime)
    (review,) = service_reviews.open_due(runtime)
    return review


def sheet(runtime: Runtime, review: LogReview) -> service_reviews.Worksheet:
    with reading(runtime) as found:
        return service_reviews.worksheet(found, review.id)


def signed(desk: Desk) -> LogReview:
    """A review with every reason confirmed, signed."""
    review = opened(desk.runtime)
    service_reviews.confirm(desk.runtime, desk.actor, review.id, None)
    revision = sheet(desk.runtime, review).review.revision
    return service_reports.sign(desk, review.id, STATEMENT, revision)


def acts(runtime: Runtime) -> list[str]:
    rows = run(runtime.db, "SELECT action FROM audit_entries WHERE action LIKE ? ORDER BY idx",
               "log.re%")  # fmt: skip
    return [str(action) for (action,) in rows]


def test_the_review_of_last_month_opens_by_itself_and_once(runtime: Runtime, desk: Desk) -> None:
    review = opened(runtime)

    assert review.start_at.astimezone(reviewing.SEOUL).isoformat() == "2026-10-01T00:00:00+09:00"
    assert review.end_at.astimezone(reviewing.SEOUL).isoformat() == "2026-11-01T00:00:00+09:00"
    assert service_reviews.open_due(runtime) == []
    assert [group.entries for group in sheet(runtime, review).groups] == [3]


def test_the_next_review_begins_where_the_last_one_ended(
    runtime: Runtime, desk: Desk, world: World, clock: FixedClock
) -> None:
    first = opened(runtime)
    reviewing.download(runtime, world, 2)
    at(clock, "2027-01-15T10:00")

    second, third = service_reviews.open_due(runtime)

    assert second.first_index == first.end_index
    assert third.first_index == second.end_index
    assert sum(group.entries for group in sheet(runtime, second).groups) == 2


def test_nothing_is_signed_before_every_reason_has_been_looked_at(
    runtime: Runtime, desk: Desk
) -> None:
    review = opened(runtime)

    with pytest.raises(Problem) as refused:
        service_reports.sign(desk, review.id, STATEMENT, 0)

    assert refused.value.code is ProblemCode.WRONG_STATE
    assert "1 groups" in refused.value.detail_en


def test_what_has_changed_since_it_was_seen_is_not_signed(runtime: Runtime, desk: Desk) -> None:
    review = opened(runtime)
    service_reviews.confirm(runtime, desk.actor, review.id, None)

    with pytest.raises(Problem) as refused:
        service_reports.sign(desk, review.id, STATEMENT, 0)

    assert refused.value.code is ProblemCode.CONFLICT
    assert refused.value.extra["field"] == "statement"


def test_a_signed_review_never_changes(runtime: Runtime, desk: Desk) -> None:
    review = signed(desk)
    key = sheet(runtime, review).groups[0].key

    for change in (
        lambda: service_reviews.confirm(runtime, desk.actor, review.id, [key]),
        lambda: service_exceptions.mark_exception(runtime, desk.actor, review.id, key, WHY),
        lambda: service_reports.sign(desk, review.id, STATEMENT, 1),
    ):
        with pytest.raises(Problem) as refused:
            change()
        assert refused.value.code is ProblemCode.WRONG_STATE


def test_the_report_is_the_same_to_the_byte_later(
    runtime: Runtime, desk: Desk, world: World, clock: FixedClock
) -> None:
    review = signed(desk)
    first = service_reports.export(desk, review.id)
    reviewing.download(runtime, world, 5)
    at(clock, "2027-03-05T10:00")

    again = service_reports.export(desk_of(runtime, "another.auditor"), review.id)

    assert again.files == first.files
    assert set(first.files) == {RECORD, CSV, PDF, NOTE}
    assert first.files[PDF].startswith(b"%PDF-")
    assert service_reports.reproduce(desk, review.id) == service_reports.Again(True, True, 0)


def test_each_step_of_a_review_is_an_entry_and_the_signature_names_the_digests(
    runtime: Runtime, desk: Desk
) -> None:
    review = signed(desk)
    made = service_reports.export(desk, review.id)

    runtime.journal.log.checkpoint()
    assert acts(runtime) == [
        Act.LOG_REVIEW_OPENED, Act.LOG_REASONS_CONFIRMED, Act.LOG_REVIEW_SIGNED, Act.LOG_REPORTED,
    ]  # fmt: skip
    with reading(runtime) as found:
        leaf = found.log.leaf(found.log.search(_action(Act.LOG_REVIEW_SIGNED))[0])
    assert leaf.detail["record_sha256"] == made.sha256(RECORD) == review.record_sha256
    assert leaf.detail["csv_sha256"] == made.sha256(CSV)
    assert STATEMENT not in json.dumps(dict(leaf.detail), ensure_ascii=False)


def _action(act: Act) -> Any:
    from audit.search import Filters

    return Filters(action=act)


def test_the_note_is_signed_by_the_log_and_names_every_file(runtime: Runtime, desk: Desk) -> None:
    made = service_reports.export(desk, signed(desk).id)
    note = parse_note(made.files[NOTE].decode())

    Verifier.parse(verifier_key(runtime)).check(note)

    for name in (RECORD, CSV, PDF):
        assert f"{name} sha256 {made.sha256(name)}\n" in note.text


def test_the_csv_file_opens_in_korean_excel_and_runs_no_formula(
    runtime: Runtime, desk: Desk
) -> None:
    review = opened(runtime)
    key = sheet(runtime, review).groups[0].key
    service_exceptions.mark_exception(runtime, desk.actor, review.id, key, "=cmd|' /C calc'!A0 ……")
    service_reports.sign(desk, review.id, STATEMENT, 1)

    made = service_reports.export(desk, review.id)

    text = made.files[CSV].decode()
    assert text.startswith("\ufeff")
    rows = list(csv.reader(io.StringIO(text)))
    download = next(row for row in rows if row and row[0] == "다운로드 (download)")
    assert download[2] == "holder"
    assert download[8:12] == ["3", download[9], "예외 (exception)", "'=cmd|' /C calc'!A0 ……"]


def test_an_exception_is_marked_on_one_download_with_a_reason(
    runtime: Runtime, desk: Desk, world: World, clock: FixedClock
) -> None:
    review = opened(runtime)
    group = sheet(runtime, review).groups[0]

    service_exceptions.mark_exception(runtime, desk.actor, review.id, f"entry:{group.last}", WHY)

    assert [mark.key for mark in sheet(runtime, review).exceptions] == [f"entry:{group.last}"]
    for key in ("entry:999999", "entry:x", "grant:nothing|-|-", "entry:00"):
        with pytest.raises(Problem) as refused:
            service_exceptions.mark_exception(runtime, desk.actor, review.id, key, WHY)
        assert refused.value.code is ProblemCode.NOT_FOUND
    with pytest.raises(Problem) as short:
        service_exceptions.mark_exception(runtime, desk.actor, review.id, group.key, "짧음")
    assert short.value.code is ProblemCode.VALIDATION_FAILED


@pytest.mark.parametrize("chosen", [False, True])
def test_an_exception_marked_in_the_meantime_is_not_confirmed_away(
    runtime: Runtime, desk: Desk, monkeypatch: pytest.MonkeyPatch, chosen: bool
) -> None:
    """Another auditor marks it after the sheet was read, before the confirmation is written."""
    review, other = opened(runtime), desk_of(runtime, "auditor.two")
    key = sheet(runtime, review).groups[0].key
    change = service_reviews.edit

    def later(*words: Any) -> None:
        monkeypatch.setattr(service_reviews, "edit", change)
        service_exceptions.mark_exception(runtime, other.actor, review.id, key, WHY)
        change(*words)

    monkeypatch.setattr(service_reviews, "edit", later)
    with pytest.raises(Problem) as refused:
        service_reviews.confirm(runtime, desk.actor, review.id, [key] if chosen else None)

    mark = sheet(runtime, review).groups[0].mark
    assert refused.value.code is ProblemCode.VALIDATION_FAILED
    assert mark is not None
    assert (mark.kind, mark.note, mark.marked_by) == ("exception", WHY, other.actor.person_id)
    assert Act.LOG_REASONS_CONFIRMED not in acts(runtime)


def test_an_exception_is_withdrawn_by_its_author_alone_and_is_recorded(
    runtime: Runtime, desk: Desk
) -> None:
    review, other = opened(runtime), desk_of(runtime, "auditor.two")
    key = sheet(runtime, review).groups[0].key
    service_exceptions.mark_exception(runtime, desk.actor, review.id, key, WHY)

    with pytest.raises(Problem) as refused:
        service_exceptions.withdraw(runtime, other.actor, review.id, key)
    service_exceptions.withdraw(runtime, desk.actor, review.id, key)

    assert refused.value.code is ProblemCode.FORBIDDEN
    assert sheet(runtime, review).groups[0].mark is None
    numbered(runtime)
    with reading(runtime) as found:
        (entry,) = found.log.search(Filters(action=Act.LOG_EXCEPTION_WITHDRAWN))
        assert found.log.leaf(entry).detail["key"] == key
    assert service_reviews.confirm(runtime, desk.actor, review.id, [key]) == 1


def test_what_is_no_exception_or_signed_is_not_withdrawn(runtime: Runtime, desk: Desk) -> None:
    review = signed(desk)
    key = sheet(runtime, review).groups[0].key

    with pytest.raises(Problem) as refused:
        service_exceptions.withdraw(runtime, desk.actor, review.id, key)

    assert refused.value.code is ProblemCode.WRONG_STATE


@pytest.mark.parametrize("key", [None, "entry:0", "grant:nothing|-|-"])
def test_a_confirmed_reason_is_no_exception_to_withdraw(
    runtime: Runtime, desk: Desk, key: str | None
) -> None:
    review = opened(runtime)
    group = sheet(runtime, review).groups[0].key
    service_reviews.confirm(runtime, desk.actor, review.id, [group])

    with pytest.raises(Problem) as refused:
        service_exceptions.withdraw(runtime, desk.actor, review.id, key or group)

    assert refused.value.code is ProblemCode.NOT_FOUND


def test_confirming_an_exception_says_that_it_is_one(runtime: Runtime, desk: Desk) -> None:
    review = opened(runtime)
    key = sheet(runtime, review).groups[0].key
    service_exceptions.mark_exception(runtime, desk.actor, review.id, key, WHY)

    with pytest.raises(Problem) as refused:
        service_reviews.confirm(runtime, desk.actor, review.id, [key])

    assert "marked as an exception" in refused.value.detail_en


def test_nobody_confirms_their_own_downloads(
    runtime: Runtime, world: World, clock: FixedClock
) -> None:
    with runtime.db.read() as session:
        holder = session.get_one(Person, world.person)
    people.grant(runtime, holder, Role.AUDITOR)
    review = opened(runtime)
    own = people.acting_as(holder)
    key = sheet(runtime, review).groups[0].key

    with pytest.raises(Problem):
        service_reviews.confirm(runtime, own, review.id, None)
    with pytest.raises(Problem) as refused:
        service_exceptions.mark_exception(runtime, own, review.id, key, WHY)

    assert refused.value.code is ProblemCode.FORBIDDEN


def test_only_an_auditor_signs(runtime: Runtime, desk: Desk) -> None:
    review = opened(runtime)
    service_reviews.confirm(runtime, desk.actor, review.id, None)
    somebody = people.acting_as(people.person(runtime, "somebody"))

    with pytest.raises(Problem) as refused:
        service_reports.sign(Desk(runtime, desk.directory, somebody), review.id, STATEMENT, 1)

    assert refused.value.code is ProblemCode.FORBIDDEN


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE review_marks SET note = 'nothing to see'",
        "UPDATE review_marks SET kind = 'exception'",
        "DELETE FROM review_marks",
        "UPDATE log_reviews SET statement = 'somebody else wrote this'",
        "UPDATE log_reviews SET first_index = first_index + 1",
    ],
)
def test_what_was_altered_after_the_signature_is_found(
    runtime: Runtime, desk: Desk, change: str
) -> None:
    review = signed(desk)

    run(runtime.db, change)

    again = service_reports.reproduce(desk, review.id)
    assert not again.record
    assert not again.csv


def test_after_an_erasure_the_record_still_holds_and_names_nobody(
    runtime: Runtime, desk: Desk, world: World
) -> None:
    from audit.dbapi import Dialect, Sql

    review = signed(desk)
    before = service_reports.export(desk, review.id)
    with runtime.db.write() as session:
        connection = session.connection().connection.dbapi_connection
        assert connection is not None
        sql = Sql(connection, Dialect(runtime.db.dialect))
        assert runtime.vault.destroy(sql, str(world.person), 1)

    after = service_reports.export(desk, review.id)

    assert after.files[RECORD] == before.files[RECORD]
    assert b"holder" in before.files[CSV]
    assert b"holder" not in after.files[CSV]
    assert service_reports.reproduce(desk, review.id) == service_reports.Again(True, False, 1)


def test_rights_that_changed_are_reported_by_whom_and_for_whom(
    runtime: Runtime, desk: Desk, clock: FixedClock
) -> None:
    numbered(runtime)
    made = service_reports.rights_report(desk, "2026-11-02", "2026-11-02")

    rows = [row for row in made.report.rows if row.task.startswith("role.")]
    assert {row.task for row in rows} == {"role.granted", "role.confirmed"}
    assert any(row.note == "auditor (*)" for row in rows)
    assert all(row.subjects and row.person not in row.subjects for row in rows)
    text = made.files[CSV].decode()
    assert "auditor.one" in text
    assert "first.operator" in text


@pytest.mark.parametrize(
    ("since", "until"),
    [("2026-11-02", "2026-11-01"), ("x", "2026-11-02"), ("", ""), ("2030-01-01", "2030-01-02"),
     ("2020-01-01", "2026-11-02")],
)  # fmt: skip
def test_a_period_that_cannot_be_is_refused_by_field(desk: Desk, since: str, until: str) -> None:
    with pytest.raises(Problem) as refused:
        service_reports.rights_report(desk, since, until)

    assert refused.value.code is ProblemCode.VALIDATION_FAILED


def test_an_overdue_review_is_counted(runtime: Runtime, desk: Desk, clock: FixedClock) -> None:
    opened(runtime)
    late: Callable[[], int] = lambda: _overdue(runtime, clock)  # noqa: E731

    assert late() == 0
    at(clock, "2026-11-15T00:00")
    assert late() == 1


def _overdue(runtime: Runtime, clock: FixedClock) -> int:
    with runtime.db.read() as session:
        return service_reviews.overdue(session, clock.now())
