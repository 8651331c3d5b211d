"""What becomes of a signed report: new keys, erased people, pruned entries, other fonts."""

from __future__ import annotations

from pathlib import Path

import pytest

from audit.dbapi import Dialect, Sql
from audit.event import Domain
from audit.note import Verifier, parse_note
from gateway.clock import FixedClock, to_ms
from gateway.errors import Problem, ProblemCode
from gateway.evidence.archive import archive
from gateway.evidence.prune import prune
from gateway.evidence.publication import publish_now
from gateway.identity.models import Role
from gateway.journal import Actor
from gateway.oversight import report_pdf, service_reports, service_reviews
from gateway.oversight.directory import Directory
from gateway.oversight.models import LogReview
from gateway.oversight.reading import reading, verifier_key
from gateway.oversight.service_reports import CSV, NOTE, PDF, RECORD, Again, Made
from gateway.oversight.service_search import Desk
from gateway.oversight.watch import look
from gateway.runtime import Runtime
from gateway.witnessing.rotation import rotate
from tests import people
from tests.integration.oversight import reviewing
from tests.integration.oversight.reviewing import at
from tests.world import World, build

STATEMENT = "지난달 접속기록을 모두 점검했고 이상이 없습니다."
NO_FONT = Path("/no/such/font.ttf")


@pytest.fixture
def world(runtime: Runtime, clock: FixedClock) -> World:
    """October has downloads, and on 2 November its review is due."""
    at(clock, "2026-10-05T10:00")
    made = build(runtime)
    reviewing.download(runtime, made, 260)
    at(clock, "2026-11-02T10:00")
    return made


@pytest.fixture
def desk(runtime: Runtime, world: World) -> Desk:
    """The desk of an auditor."""
    auditor = people.person(runtime, "auditor.one")
    people.grant(runtime, auditor, Role.AUDITOR)
    return Desk(runtime, Directory(runtime.vault), people.acting_as(auditor))


@pytest.fixture
def review(runtime: Runtime, desk: Desk) -> LogReview:
    """The review of October, signed."""
    look(runtime)
    (opened,) = service_reviews.open_due(runtime)
    service_reviews.confirm(runtime, desk.actor, opened.id, None)
    _dismiss_all(runtime, desk, opened)
    return service_reports.sign(desk, opened.id, STATEMENT, 1)


def _dismiss_all(runtime: Runtime, desk: Desk, review: LogReview) -> None:
    from gateway.oversight import service_anomalies
    from gateway.oversight.models import AnomalyState

    with runtime.db.read() as session:
        found = service_anomalies.of_review(session, review)
    for one in found:
        service_anomalies.decide(
            runtime, desk.actor, one.id, AnomalyState.DISMISSED, "정기 내려받기로 확인했습니다."
        )


def erase(runtime: Runtime, person: str) -> None:
    with runtime.db.write() as session:
        connection = session.connection().connection.dbapi_connection
        assert connection is not None
        sql = Sql(connection, Dialect(runtime.db.dialect))
        assert runtime.vault.destroy(sql, person, 1)


def signed_digests(made: Made) -> str:
    return parse_note(made.files[NOTE].decode()).text


def test_after_the_logs_key_was_replaced_the_report_and_its_signature_are_the_same(
    runtime: Runtime, desk: Desk, review: LogReview
) -> None:
    old, before = verifier_key(runtime), service_reports.export(desk, review.id)

    rotate(runtime, Actor.operator())
    after = service_reports.export(desk, review.id)

    assert after.files == before.files
    Verifier.parse(old).check(parse_note(after.files[NOTE].decode()))
    assert verifier_key(runtime) != old
    assert service_reports.reproduce(desk, review.id) == Again(True, True, 0)


def test_after_the_auditor_who_signed_was_erased_the_record_holds_and_says_what_was_signed(
    runtime: Runtime, desk: Desk, review: LogReview
) -> None:
    before = service_reports.export(desk, review.id)

    erase(runtime, str(desk.actor.person_id))
    after = service_reports.export(desk, review.id)

    assert after.files[RECORD] == before.files[RECORD]
    assert "auditor.one" not in after.files[CSV].decode()
    assert STATEMENT in after.files[CSV].decode()
    again = service_reports.reproduce(desk, review.id)
    assert (again.record, again.csv, again.erased > 0) == (True, False, True)


def test_after_an_erasure_the_file_says_in_words_that_a_name_is_gone(
    runtime: Runtime, desk: Desk, world: World, review: LogReview
) -> None:
    erase(runtime, str(world.person))

    text = service_reports.export(desk, review.id).files[CSV].decode()

    token = runtime.vault.token(Domain.PERSON, str(world.person))
    assert f"#{token[:8]} 파기 (erased)" in text


def test_after_an_account_was_closed_the_report_is_still_the_same(
    runtime: Runtime, desk: Desk, world: World, review: LogReview
) -> None:
    from gateway.identity.service_people import close

    before = service_reports.export(desk, review.id)

    close(runtime, Actor.operator(), world.person, "퇴직했습니다.")

    assert service_reports.export(desk, review.id).files == before.files


def test_after_its_entries_were_pruned_a_report_is_not_called_altered(
    runtime: Runtime, desk: Desk, review: LogReview, clock: FixedClock, tmp_path: Path
) -> None:
    kept = service_reports.export(desk, review.id)
    after = to_ms(clock.now())
    at(clock, "2030-11-02T10:00")
    publish_now(runtime)
    prune(runtime, Actor.operator(), archive(runtime, Actor.operator(), after, tmp_path / "old"))

    assert service_reports.reproduce(desk, review.id).pruned
    with pytest.raises(Problem) as refused:
        service_reports.export(desk, review.id)

    assert refused.value.code is ProblemCode.WRONG_STATE
    assert "archived and deleted" in refused.value.detail_en
    with reading(runtime) as opened:
        digests = service_reviews.get(opened.session, review.id).record_sha256
    assert digests == kept.sha256(RECORD)


def test_a_pdf_signed_without_the_font_is_made_again_without_it(
    desk: Desk, runtime: Runtime, world: World, request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    with monkeypatch.context() as without:
        without.setattr(report_pdf, "FONT_FILE", NO_FONT)
        review = request.getfixturevalue("review")
    assert report_pdf.fonts()[0] == report_pdf.EMBEDDED

    made = service_reports.export(desk, review.id)

    assert f"{PDF} sha256 {made.sha256(PDF)}\n" in signed_digests(made)
    assert b"NanumGothic" not in made.files[PDF]


def test_the_font_is_in_the_file_with_what_its_glyphs_mean_and_always_the_same(
    desk: Desk, review: LogReview
) -> None:
    first, again = (service_reports.export(desk, review.id).files[PDF] for _ in range(2))

    assert first == again
    assert b"NanumGothic" in first
    assert b"/FontFile2" in first
    assert b"/ToUnicode" in first


def test_what_needs_no_pdf_does_not_wait_for_one(
    desk: Desk, review: LogReview, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(*_: object) -> bytes:
        raise AssertionError

    monkeypatch.setattr(report_pdf, "pdf", slow)

    assert service_reports.reproduce(desk, review.id).csv
    assert set(service_reports.export(desk, review.id, printed=False).files) == {RECORD, CSV, NOTE}
