"""Results on both databases: taken in, refused when they cannot be reviewed, scanned, decided."""

from __future__ import annotations

import io
import threading
import unicodedata
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from gateway import ids
from gateway.access.models import Grant
from gateway.applications.models import ProjectMember, ResearchProject
from gateway.catalog.models import Dataset
from gateway.errors import Problem, ProblemCode
from gateway.exports import archive, service, service_reading
from gateway.exports.archive import ArchiveFault
from gateway.exports.models import Export, ExportDecision, ExportState
from gateway.exports.service_decision import Verdicts, decide
from gateway.identity.models import Membership, Organisation, Person, Role
from tests import people
from tests import world as worlds
from tests.integration.exports.conftest import NUMBER, Stage
from tests.integration.exports.making import REASON, events, result, zipped
from tests.integration.exports.test_packages import codes, staged_files

CLEAN: dict[str, bytes | str] = {"report.txt": "정확도는 0.93입니다.\n"}
PRIVATE: dict[str, bytes | str] = {"report.txt": f"대상자 주민등록번호 {NUMBER} 포함\n"}


def held(stage: Stage) -> Any:
    made = result(stage, PRIVATE)
    stage.work()
    assert stage.export(made).state == ExportState.HELD
    return made


def judged(stage: Stage, made: Any, approve: bool = True, **changes: Any) -> None:
    content = stage.export(made).content_sha256 or ""
    given = {"approve": approve, "reason": REASON, "content_sha256": content} | changes
    decide(stage.runtime, changes.pop("actor", stage.reviewer), made, Verdicts(**given))


def refusal(act: Callable[[], Any]) -> Problem:
    with pytest.raises(Problem) as caught:
        act()
    return caught.value


def test_a_clean_result_is_released(stage: Stage) -> None:
    made = result(stage, CLEAN)
    stage.work()
    assert stage.export(made).state == ExportState.RELEASED


def test_a_result_of_a_safe_zone_is_reviewed_though_nothing_is_found(stage: Stage) -> None:
    worlds.change(stage.runtime, Dataset, stage.world.dataset, delivery="safe_zone")
    made = result(stage, CLEAN)
    stage.work()
    seen = stage.seen(made)
    assert (seen.state, seen.scan and seen.scan.verdict) == (ExportState.HELD, "clean")
    judged(stage, made)
    assert stage.export(made).state == ExportState.RELEASED


def corrupt(data: bytes) -> bytes:
    """A ZIP whose directory is whole and whose member is not."""
    position = data.index(b"report.txt") + len("report.txt")
    return data[:position] + bytes([data[position] ^ 0xFF]) + data[position + 1 :]


def test_a_result_with_a_damaged_member_is_held_as_unscannable(stage: Stage) -> None:
    made = result(stage, corrupt(zipped(CLEAN)))
    stage.work()
    seen = stage.seen(made)
    assert seen.state is ExportState.HELD
    assert seen.scan is not None
    assert "UNSCANNABLE" in seen.scan.counts


def link() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        info = zipfile.ZipInfo("to")
        info.create_system, info.external_attr = 3, 0o120777 << 16
        file.writestr(info, "/etc/passwd")
    return buffer.getvalue()


def twice() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("a.txt", "1")
        file.writestr("b.txt", "2")
    return buffer.getvalue().replace(b"b.txt", b"a.txt")


def encrypted() -> bytes:
    data = bytearray(zipped(CLEAN))
    directory = data.index(b"PK\x01\x02")
    data[directory + 8] |= 0x1
    return bytes(data)


BAD: dict[str, tuple[bytes, ArchiveFault]] = {
    "no zip": (b"plain text", ArchiveFault.NOT_A_ZIP),
    "empty file": (b"", ArchiveFault.NOT_A_ZIP),
    "cut": (zipped(CLEAN)[:-30], ArchiveFault.NOT_A_ZIP),
    "cut in front": (zipped(CLEAN)[5:], ArchiveFault.CORRUPT),
    "something before": (b"#!/bin/sh\n" + zipped(CLEAN), ArchiveFault.CORRUPT),
    "nothing inside": (zipped({}), ArchiveFault.EMPTY),
    "parent folder": (zipped({"../evil.txt": "x"}), ArchiveFault.NAME),
    "absolute": (zipped({"/etc/cron.d/x": "x"}), ArchiveFault.NAME),
    "backslash": (zipped({"a\\..\\b": "x"}), ArchiveFault.NAME),
    "decomposed": (zipped({unicodedata.normalize("NFD", "한글.txt"): "x"}), ArchiveFault.NAME),
    "same name": (twice(), ArchiveFault.REPEATED_NAME),
    "encrypted": (encrypted(), ArchiveFault.ENCRYPTED),
    "link": (link(), ArchiveFault.LINK),
    "bomb": (zipped({"zeros.txt": bytes(64 << 20)}), ArchiveFault.TOO_LARGE_INSIDE),
}


@pytest.mark.parametrize("name", BAD)
def test_a_file_that_cannot_be_reviewed_is_refused_and_leaves_nothing(
    stage: Stage, name: str
) -> None:
    data, fault = BAD[name]
    problem = refusal(lambda: result(stage, data))
    assert problem.code is ProblemCode.VALIDATION_FAILED
    assert problem.extra["fault"] == fault
    assert staged_files(stage) == []
    assert stage.work() == 0


def test_a_result_beyond_the_limit_is_refused_before_it_is_whole(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "MAX_RESULT_BYTES", 100)
    assert refusal(lambda: result(stage, CLEAN)).code is ProblemCode.TOO_LARGE
    assert staged_files(stage) == []


def test_more_members_than_a_person_can_review_are_refused(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "MAX_MEMBERS", 2)
    problem = refusal(lambda: result(stage, {"a": "1", "b": "2", "c": "3"}))
    assert problem.extra["fault"] == ArchiveFault.TOO_MANY_MEMBERS


def test_a_steward_releases_with_a_reason_and_the_earlier_exports_are_remembered(
    stage: Stage,
) -> None:
    first, second = held(stage), held(stage)
    judged(stage, first)
    assert stage.export(first).state == ExportState.RELEASED
    with stage.runtime.db.read() as session:
        export = session.get_one(Export, second)
        (before,) = service_reading.earlier(session, export)
    assert before.decision is not None
    assert (before.export.id, before.decision.reason) == (first, REASON)


def test_a_steward_rejects_and_it_stays_closed(stage: Stage) -> None:
    made = held(stage)
    judged(stage, made, approve=False)
    assert stage.export(made).state == ExportState.REJECTED
    assert refusal(lambda: judged(stage, made)).code is ProblemCode.WRONG_STATE


def test_a_reason_of_a_word_is_not_enough(stage: Stage) -> None:
    made = held(stage)
    problem = refusal(lambda: judged(stage, made, reason="좋음"))
    assert (problem.code, problem.extra["field"]) == (ProblemCode.VALIDATION_FAILED, "reason")


def test_a_decision_on_other_content_is_refused(stage: Stage) -> None:
    made = held(stage)
    problem = refusal(lambda: judged(stage, made, content_sha256="0" * 64))
    assert problem.code is ProblemCode.CONFLICT
    assert stage.export(made).state == ExportState.HELD


def test_content_that_changed_after_the_scan_is_not_released(stage: Stage) -> None:
    made = held(stage)
    worlds.change(stage.runtime, Export, made, content_sha256="1" * 64)
    assert refusal(lambda: judged(stage, made)).code is ProblemCode.CONFLICT


def test_content_cannot_change_after_a_decision(stage: Stage) -> None:
    made = held(stage)
    judged(stage, made)
    with pytest.raises(IntegrityError), stage.runtime.db.write() as session:
        session.execute(update(Export).where(Export.id == made).values(content_sha256="1" * 64))


def test_the_one_who_asked_does_not_decide_though_a_steward(stage: Stage) -> None:
    made = held(stage)
    people.grant(stage.runtime, stage.holder, Role.STEWARD, scope="voices")
    before = events(stage)
    verdict = Verdicts(True, REASON, stage.export(made).content_sha256 or "")
    problem = refusal(lambda: decide(stage.runtime, stage.me, made, verdict))
    assert "DECIDER_IS_APPLICANT" in codes(problem)
    assert events(stage) == before + 1


def test_the_database_itself_refuses_the_requester_as_decider(stage: Stage) -> None:
    made = held(stage)
    export = stage.export(made)
    for requester in (export.person_id, stage.world.other):
        row = ExportDecision(
            id=ids.new(stage.runtime.clock), export_id=made, decider_id=export.person_id,
            requester_id=requester, approve=True, reason=REASON,
            content_sha256=export.content_sha256, decided_at=stage.runtime.clock.now(),
        )  # fmt: skip
        with pytest.raises(IntegrityError), stage.runtime.db.write() as session:
            session.add(row)


def test_team_and_supervisor_do_not_decide(stage: Stage) -> None:
    made = held(stage)
    member = ProjectMember(
        id=ids.new(stage.runtime.clock), project_id=stage.world.project,
        person_id=stage.steward.id, added_at=stage.runtime.clock.now(),
    )  # fmt: skip
    with stage.runtime.db.write() as session:
        session.add(member)
    worlds.change(
        stage.runtime, ResearchProject, stage.world.project, supervisor_id=stage.steward.id
    )
    found = codes(refusal(lambda: judged(stage, made)))
    assert {"DECIDER_ON_TEAM", "DECIDER_IS_SUPERVISOR"} <= found


def test_a_colleague_does_not_decide_though_the_grant_names_no_organisation(stage: Stage) -> None:
    made = held(stage)
    hospital = Organisation(
        id=ids.new(stage.runtime.clock), name="수문대학교병원", kind="hospital", country="KR",
        status="verified", created_by=stage.holder.id, created_at=stage.runtime.clock.now(),
    )  # fmt: skip
    with stage.runtime.db.write() as session:
        session.add(hospital)
        session.flush()
        session.add_all(member(stage, one, hospital) for one in (stage.holder, stage.steward))
    worlds.change(stage.runtime, Grant, stage.world.grant, organisation_id=None)
    worlds.change(stage.runtime, Dataset, stage.world.dataset, organisation_excluded=True)
    found = codes(refusal(lambda: judged(stage, made)))
    assert "DECIDER_ORGANISATION_EXCLUDED" in found


def member(stage: Stage, one: Person, place: Organisation) -> Membership:
    return Membership(
        id=ids.new(stage.runtime.clock), person_id=one.id, organisation_id=place.id,
        confirmed_by=stage.holder.id, started_at=stage.runtime.clock.now(),
    )  # fmt: skip


def test_for_everybody_else_there_is_no_such_export(stage: Stage) -> None:
    made = held(stage)
    stranger = people.person(stage.runtime, "stranger")
    other = people.person(stage.runtime, "other.steward")
    people.grant(stage.runtime, other, Role.STEWARD, scope="another-set")
    verdict = Verdicts(True, REASON, stage.export(made).content_sha256 or "")
    for one in (stranger, other):
        actor = people.acting_as(one)
        problem = refusal(lambda actor=actor: decide(stage.runtime, actor, made, verdict))  # type: ignore[misc]
        assert problem.code is ProblemCode.NOT_FOUND


def test_a_secret_is_never_released(stage: Stage) -> None:
    made = result(stage, {"config.txt": "aws_secret_access_key = " + SECRET + "\n"})
    stage.work()
    seen = stage.seen(made)
    assert seen.scan is not None
    assert seen.scan.verdict == "blocked"
    assert refusal(lambda: judged(stage, made)).code is ProblemCode.WRONG_STATE
    judged(stage, made, approve=False)


SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"


def test_of_two_stewards_at_once_one_decides(stage: Stage) -> None:
    made = held(stage)
    second = people.person(stage.runtime, "second.steward")
    people.grant(stage.runtime, second, Role.STEWARD, scope="voices")
    verdict = Verdicts(True, REASON, stage.export(made).content_sha256 or "")
    outcomes: list[str] = []

    def race(actor: Any) -> None:
        try:
            decide(stage.runtime, actor, made, verdict)
            outcomes.append("decided")
        except Problem as problem:
            outcomes.append(str(problem.code))

    actors = (stage.reviewer, people.acting_as(second))
    threads = [threading.Thread(target=race, args=(actor,)) for actor in actors]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count("decided") == 1
    assert set(outcomes) - {"decided"} <= {ProblemCode.WRONG_STATE, ProblemCode.CONFLICT}
