"""Packages on both databases: put together, scanned on their way out, released or held."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from gateway.access import grants
from gateway.access.models import Grant
from gateway.catalog.models import Dataset, DatasetVersion
from gateway.clock import FixedClock
from gateway.errors import Problem, ProblemCode
from gateway.exports import service
from gateway.exports.failure import Failure
from gateway.exports.models import Export, ExportState
from gateway.exports.service import PackageWanted, request_package
from gateway.jobs.models import Job, JobState
from gateway.scanning.model import ScanError
from gateway.scanning.models import FindingRow
from gateway.storage.store import object_key
from gateway.web.idempotency import Attempt
from tests import people
from tests import world as worlds
from tests.integration.exports.conftest import FILES, NUMBER, Stage
from tests.integration.exports.making import events, package


def content(stage: Stage, export_id: Any) -> bytes:
    export = stage.export(export_id)
    assert export.content_sha256 is not None
    return b"".join(stage.runtime.store.blocks(export.content_sha256, 0, export.bytes))


def codes(problem: Problem) -> set[str]:
    return {blocker["code"] for blocker in problem.extra["blockers"]}


def test_a_clean_package_is_released_at_once_with_exactly_the_chosen_files(stage: Stage) -> None:
    made = package(stage, "clean/*", "마음/**")
    assert stage.export(made).state == ExportState.SUBMITTED
    stage.work()
    export = stage.export(made)
    assert (export.state, export.items) == (ExportState.RELEASED, 3)
    with zipfile.ZipFile(io.BytesIO(content(stage, made))) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["clean/ko.txt", "clean/table.csv", "마음/글.txt"]


def test_the_manifest_names_every_member_with_its_digest(stage: Stage) -> None:
    made = package(stage, "clean/ko.txt")
    stage.work()
    digest = stage.export(made).manifest_sha256
    assert digest is not None
    raw = stage.runtime.store.read(digest, 0, stage.runtime.store.size(digest))
    (row,) = [json.loads(line) for line in raw.splitlines()]
    assert row["path"] == "clean/ko.txt"
    assert stage.runtime.store.exists(row["sha256"])


def test_the_same_files_give_the_same_bytes_another_day(stage: Stage, clock: FixedClock) -> None:
    first = package(stage, "clean/*")
    stage.work()
    clock.advance(timedelta(days=1))
    second = package(stage, "clean/table.csv", "clean/ko.txt")
    stage.work()
    assert stage.export(first).content_sha256 == stage.export(second).content_sha256


def test_personal_data_that_is_not_declared_holds_the_package(stage: Stage) -> None:
    made = package(stage, "**")
    stage.work()
    seen = stage.seen(made)
    assert seen.state is ExportState.HELD
    assert seen.scan is not None
    assert {"KR_RRN", "UNSCANNABLE"} <= set(seen.scan.counts)


def test_declared_personal_data_passes(stage: Stage) -> None:
    worlds.change(stage.runtime, Dataset, stage.world.dataset, declared=["KR_RRN"])
    made = package(stage, "private/")
    stage.work()
    seen = stage.seen(made)
    assert (seen.state, seen.scan and seen.scan.verdict) == (ExportState.RELEASED, "expected")


def test_a_file_that_cannot_be_scanned_is_never_clean(stage: Stage) -> None:
    worlds.change(stage.runtime, Dataset, stage.world.dataset, declared=["KR_RRN"])
    made = package(stage, "opaque/*")
    stage.work()
    seen = stage.seen(made)
    assert seen.state is ExportState.HELD
    assert seen.scan is not None
    assert "UNSCANNABLE" in seen.scan.counts


def test_no_value_is_kept_in_the_database_or_the_log(stage: Stage) -> None:
    package(stage, "private/*")
    stage.work()
    with stage.runtime.db.read() as session:
        rows = session.scalars(select(FindingRow)).all()
        assert rows
        assert not [row for row in rows if NUMBER in row.context or NUMBER[:8] in row.context]
    connection = stage.runtime.db.connect_raw(writable=False)
    leaves = connection.execute("SELECT leaf FROM audit_entries").fetchall()
    connection.close()
    assert not [leaf for (leaf,) in leaves if NUMBER.encode() in bytes(leaf)]


def test_somebody_elses_grant_is_not_found(stage: Stage) -> None:
    stranger = people.acting_as(people.person(stage.runtime, "stranger"))
    with pytest.raises(Problem) as caught:
        request_package(stage.runtime, stranger, PackageWanted(stage.world.grant, ("**",)))
    assert caught.value.code is ProblemCode.NOT_FOUND


def test_an_expired_grant_gets_nothing_and_the_refusal_is_an_event(
    stage: Stage, clock: FixedClock
) -> None:
    clock.advance(timedelta(days=181))
    before = events(stage)
    with pytest.raises(Problem) as caught:
        package(stage, "clean/*")
    assert "GRANT_EXPIRED" in codes(caught.value)
    assert events(stage) == before + 1


def test_a_safe_zone_dataset_is_not_packaged(stage: Stage) -> None:
    worlds.change(stage.runtime, Dataset, stage.world.dataset, delivery="safe_zone")
    with pytest.raises(Problem) as caught:
        package(stage, "clean/*")
    assert codes(caught.value) == {"SAFE_ZONE_ONLY", "SAFE_ZONE_NO_DOWNLOAD"}


@pytest.mark.parametrize(
    "pattern",
    ["../**", "/etc/passwd", "a//b", "a\\b", "", "clean/./x", "x\x00y", "nothing/here.txt"],
)
def test_patterns_that_mean_no_file_are_refused_by_name(stage: Stage, pattern: str) -> None:
    with pytest.raises(Problem) as caught:
        package(stage, pattern)
    assert caught.value.code is ProblemCode.VALIDATION_FAILED
    assert caught.value.extra["field"] == "patterns"


def test_an_unknown_version_is_not_found_and_an_unreleased_one_refused(stage: Stage) -> None:
    with pytest.raises(Problem) as caught:
        package(stage, "**", version="9.9")
    assert caught.value.code is ProblemCode.NOT_FOUND
    worlds.change(stage.runtime, DatasetVersion, stage.world.version, state="held")
    with pytest.raises(Problem) as caught:
        package(stage, "**", version="1.0")
    assert "VERSION_NOT_RELEASED" in codes(caught.value)


def test_a_package_counts_once_against_the_quota(stage: Stage) -> None:
    worlds.change(stage.runtime, Grant, stage.world.grant, quota_bytes=100_000)
    made = package(stage, "clean/*")
    counted = worlds.used_bytes(stage.runtime, stage.world.grant)
    stage.work()
    assert counted == sum(len(FILES[path]) for path in FILES if path.startswith("clean/"))
    assert stage.seen(made).state is ExportState.RELEASED
    assert worlds.used_bytes(stage.runtime, stage.world.grant) == counted
    worlds.change(stage.runtime, Grant, stage.world.grant, quota_bytes=counted + 1)
    with pytest.raises(Problem) as caught:
        package(stage, "clean/*")
    assert "QUOTA_EXCEEDED" in codes(caught.value)


def test_the_same_request_sent_twice_makes_one_package_and_counts_once(stage: Stage) -> None:
    wanted = PackageWanted(stage.world.grant, ("clean/*",))
    same = Attempt(str(stage.holder.id), "/api/v1/exports", "key-1", b"body")
    first = request_package(stage.runtime, stage.me, wanted, same)
    counted = worlds.used_bytes(stage.runtime, stage.world.grant)
    second = request_package(stage.runtime, stage.me, wanted, same)
    assert (first, counted) == (second, worlds.used_bytes(stage.runtime, stage.world.grant))
    assert stage.work() == 1


def test_a_grant_that_ended_before_the_work_began_ends_the_package_and_gives_the_quota_back(
    stage: Stage,
) -> None:
    made = package(stage, "clean/*")
    grants.revoke(stage.runtime, stage.reviewer, stage.world.grant, "약정 위반이 확인되었습니다")
    stage.work()
    seen = stage.seen(made)
    assert (seen.state, seen.failure) == (ExportState.FAILED, Failure.NOT_ALLOWED)
    assert seen.export.content_sha256 is None
    assert worlds.used_bytes(stage.runtime, stage.world.grant) == 0


def test_a_stored_file_that_was_changed_ends_the_package(stage: Stage) -> None:
    made = package(stage, "clean/ko.txt")
    damage(stage, "clean/ko.txt")
    stage.work()
    seen = stage.seen(made)
    assert (seen.state, seen.failure) == (ExportState.FAILED, Failure.CONTENT_LOST)
    assert staged_files(stage) == []


def damage(stage: Stage, path: str) -> None:
    from gateway.catalog import manifest_index

    with stage.runtime.db.read() as session:
        version = session.get_one(DatasetVersion, stage.world.version)
    item = manifest_index.lookup(stage.runtime, version, path)
    assert item is not None
    assert stage.runtime.store.root is not None
    stored = stage.runtime.store.root / object_key(item.sha256)
    stored.chmod(0o600)
    stored.write_bytes(b"X" * item.size)


def staged_files(stage: Stage) -> list[str]:
    assert stage.runtime.store.root is not None
    return [path.name for path in (stage.runtime.store.root / ".staging").glob("*")]


def test_a_scanner_that_cannot_run_is_tried_again_then_told_to_the_owner(
    stage: Stage, clock: FixedClock
) -> None:
    made = package(stage, "clean/*")
    broken = Stage(stage.runtime, stage.world, stage.holder, stage.steward, refuse_to_scan)
    for _attempt in range(6):
        assert stage.seen(made).state is not ExportState.FAILED
        broken.work()
        clock.advance(timedelta(minutes=10))
    seen = stage.seen(made)
    assert (seen.state, seen.failure) == (ExportState.FAILED, Failure.UNAVAILABLE)
    assert worlds.used_bytes(stage.runtime, stage.world.grant) == 0


def refuse_to_scan() -> Any:
    raise ScanError("no engines here")


def test_a_job_whose_workers_all_died_is_shown_as_failed(stage: Stage) -> None:
    made = package(stage, "clean/*")
    with stage.runtime.db.write() as session:
        job = session.scalars(select(Job).where(Job.key == service.job_key(made))).one()
        job.state, job.error = JobState.FAILED, "died"
    seen = stage.seen(made)
    assert (seen.state, seen.failure) == (ExportState.FAILED, Failure.DIED)


def test_a_second_run_of_a_finished_job_changes_nothing(stage: Stage) -> None:
    made = package(stage, "private/*")
    stage.work()
    before, size = stage.export(made), events(stage)
    with stage.runtime.db.write() as session:
        job = session.scalars(select(Job).where(Job.key == service.job_key(made))).one()
        job.state, job.finished_at = JobState.QUEUED, None
    assert stage.work() == 1
    after = stage.export(made)
    assert (after.scan_id, after.turn_since) == (before.scan_id, before.turn_since)
    assert events(stage) == size


def test_a_rolled_back_request_leaves_nothing(stage: Stage, monkeypatch: Any) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise RuntimeError("the power went")

    monkeypatch.setattr(service.queue, "enqueue", refuse)
    with pytest.raises(RuntimeError):
        package(stage, "clean/*")
    with stage.runtime.db.read() as session:
        assert session.scalars(select(Export)).all() == []
    assert worlds.used_bytes(stage.runtime, stage.world.grant) == 0
