from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from gateway.catalog import scan_job, service_reading, service_versions
from gateway.catalog.models import DatasetVersion
from gateway.catalog.service_versions import find_version
from gateway.errors import Problem, ProblemCode
from gateway.jobs import queue
from gateway.jobs.models import Job, JobState
from gateway.runtime import Runtime
from gateway.scanning.models import FindingRow, Scan
from gateway.scanning.tally import KEPT_FINDINGS
from gateway.web.paging import Window
from policies.vocabulary import VersionState
from tests import deliveries
from tests.deliveries import OPERATOR, FakeScanner

SLUG = "korean-letters"
REASON = "검출 항목은 모두 지어낸 값입니다."


def version(runtime: Runtime, label: str = "v1") -> DatasetVersion:
    with runtime.db.read() as session:
        return find_version(session, SLUG, label)[1]


def last_scan(runtime: Runtime) -> Scan:
    with runtime.db.read() as session:
        scan = service_reading.last_scan(session, version(runtime))
    assert scan is not None
    return scan


@pytest.fixture
def root(runtime: Runtime, tmp_path: Path) -> Path:
    """A delivered, not yet scanned version of a dataset that declares e-mail addresses."""
    deliveries.dataset(runtime, declared=["EMAIL_ADDRESS"])
    root = deliveries.folder(tmp_path, {"a.txt": "가", "b.txt": "나"})
    deliveries.delivered(runtime, root)
    return root


@pytest.mark.usefixtures("root")
def test_a_version_is_not_released_before_its_scan(runtime: Runtime) -> None:
    with pytest.raises(Problem) as refusal:
        service_versions.release(runtime, OPERATOR, SLUG, "v1", REASON)
    assert refusal.value.code is ProblemCode.WRONG_STATE


@pytest.mark.usefixtures("root")
def test_a_clean_version_waits_for_the_stewards_act_and_needs_no_reason(runtime: Runtime) -> None:
    deliveries.scanned(runtime)
    assert version(runtime).state == VersionState.DRAFT
    service_versions.release(runtime, OPERATOR, SLUG, "v1")
    assert version(runtime).state == VersionState.RELEASED


@pytest.mark.usefixtures("root")
def test_declared_personal_data_does_not_hold_a_version(runtime: Runtime) -> None:
    deliveries.scanned(runtime, {"a.txt": ("EMAIL_ADDRESS",)})
    assert version(runtime).state == VersionState.DRAFT
    assert last_scan(runtime).verdict == "expected"


@pytest.mark.usefixtures("root")
@pytest.mark.parametrize("kind", ["KR_RRN", "UNSCANNABLE"])
def test_anything_else_holds_it_until_a_steward_gives_a_reason(runtime: Runtime, kind: str) -> None:
    deliveries.scanned(runtime, {"a.txt": ("EMAIL_ADDRESS", kind)})
    assert version(runtime).state == VersionState.HELD
    with pytest.raises(Problem) as refusal:
        service_versions.release(runtime, OPERATOR, SLUG, "v1", "짧음")
    assert refusal.value.code is ProblemCode.VALIDATION_FAILED
    service_versions.release(runtime, OPERATOR, SLUG, "v1", REASON)
    assert version(runtime).release_reason == REASON


@pytest.mark.usefixtures("root")
def test_a_version_with_secrets_is_not_released_at_all(runtime: Runtime) -> None:
    deliveries.scanned(runtime, {"a.txt": ("SECRET",)})
    with pytest.raises(Problem) as refusal:
        service_versions.release(runtime, OPERATOR, SLUG, "v1", REASON)
    assert refusal.value.code is ProblemCode.WRONG_STATE
    service_versions.reject(runtime, OPERATOR, SLUG, "v1", REASON)
    assert version(runtime).state == VersionState.WITHDRAWN


@pytest.mark.usefixtures("root")
def test_a_verdict_of_older_rules_does_not_release(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliveries.scanned(runtime)
    monkeypatch.setattr("gateway.catalog.verdicts.RULESET", "newer rules")
    with pytest.raises(Problem, match="rules in force"):
        service_versions.release(runtime, OPERATOR, SLUG, "v1", REASON)


def test_a_verdict_on_another_manifest_is_not_used(runtime: Runtime, root: Path) -> None:
    deliveries.scanned(runtime)
    (root / "a.txt").write_text("다시")
    deliveries.delivered(runtime, root)
    with runtime.db.write() as session:
        changed = session.scalars(select(DatasetVersion)).one()
        changed.state = VersionState.DRAFT
    with pytest.raises(Problem, match="rules in force"):
        service_versions.release(runtime, OPERATOR, SLUG, "v1", REASON)


@pytest.mark.usefixtures("root")
def test_a_held_version_is_rejected_for_good_and_strangers_never_see_it(runtime: Runtime) -> None:
    deliveries.scanned(runtime, {"a.txt": ("KR_RRN",)})
    service_versions.reject(runtime, OPERATOR, SLUG, "v1", REASON)
    with pytest.raises(Problem):
        service_versions.release(runtime, OPERATOR, SLUG, "v1", REASON)
    with runtime.db.read() as session:
        assert service_reading.show(session, SLUG, everything=False).versions == []


@pytest.mark.usefixtures("root")
def test_a_released_version_is_withdrawn_once(runtime: Runtime) -> None:
    deliveries.scanned(runtime)
    service_versions.release(runtime, OPERATOR, SLUG, "v1")
    service_versions.withdraw_version(runtime, OPERATOR, SLUG, "v1", REASON)
    assert version(runtime).state == VersionState.WITHDRAWN
    with pytest.raises(Problem):
        service_versions.withdraw_version(runtime, OPERATOR, SLUG, "v1", REASON)


@pytest.mark.usefixtures("root")
def test_a_new_scan_that_finds_more_holds_a_version_that_was_open(runtime: Runtime) -> None:
    deliveries.scanned(runtime)
    service_versions.release(runtime, OPERATOR, SLUG, "v1")
    service_versions.request_scan(runtime, OPERATOR, SLUG, "v1")
    assert version(runtime).state == VersionState.RELEASED
    deliveries.scanned(runtime, {"b.txt": ("KR_RRN",)})
    assert version(runtime).state == VersionState.HELD


@pytest.mark.usefixtures("root")
def test_a_scan_run_twice_leaves_one_verdict(runtime: Runtime) -> None:
    leased = queue.lease(runtime.db, runtime.clock)
    assert leased is not None
    scan_job.scan_version(runtime, leased, lambda: FakeScanner({}))
    scan_job.scan_version(runtime, leased, lambda: FakeScanner({"a.txt": ("KR_RRN",)}))
    with runtime.db.read() as session:
        assert len(session.scalars(select(Scan)).all()) == 1
        assert session.scalars(select(Job.state)).all() == [JobState.DONE]
    assert version(runtime).state == VersionState.DRAFT


@pytest.mark.usefixtures("root")
def test_a_verdict_is_not_written_by_a_worker_that_lost_its_lease(runtime: Runtime) -> None:
    leased = queue.lease(runtime.db, runtime.clock)
    assert leased is not None
    runtime.clock.advance(queue.LEASE * 2)  # type: ignore[attr-defined]
    taken_over = queue.lease(runtime.db, runtime.clock)
    assert taken_over is not None
    with pytest.raises(queue.LeaseLost):
        scan_job.scan_version(runtime, leased, lambda: FakeScanner({}))
    assert version(runtime).state == VersionState.SCANNING
    scan_job.scan_version(runtime, taken_over, lambda: FakeScanner({}))
    assert version(runtime).state == VersionState.DRAFT


def test_the_same_content_is_inspected_once_for_each_kind_of_name(
    runtime: Runtime, tmp_path: Path
) -> None:
    deliveries.dataset(runtime)
    root = deliveries.folder(tmp_path, {"a.txt": "x", "b.txt": "x", "c.csv": "x", "d.txt": "y"})
    deliveries.delivered(runtime, root)
    leased = queue.lease(runtime.db, runtime.clock)
    assert leased is not None
    scanner = FakeScanner({})
    scan_job.scan_version(runtime, leased, lambda: scanner)
    assert scanner.seen == ["a.txt", "c.csv", "d.txt"]
    assert last_scan(runtime).files == 4


def test_a_sensitive_version_read_without_a_whole_sandbox_is_held(
    runtime: Runtime, tmp_path: Path
) -> None:
    deliveries.dataset(runtime, sensitivity="sensitive")
    deliveries.delivered(runtime, deliveries.folder(tmp_path, {"a.txt": "x"}))
    leased = queue.lease(runtime.db, runtime.clock)
    assert leased is not None
    scan_job.scan_version(runtime, leased, lambda: FakeScanner({}, confined=False))
    assert version(runtime).state == VersionState.HELD


@pytest.mark.usefixtures("root")
def test_an_object_that_is_lost_is_unscannable_and_never_clean(runtime: Runtime) -> None:
    for path in (runtime.settings.home / "objects").rglob("*"):
        if path.is_file() and path.read_bytes() == "가".encode():
            path.unlink()
    deliveries.scanned(runtime)
    assert last_scan(runtime).counts == {"UNSCANNABLE": 1}
    assert version(runtime).state == VersionState.HELD


@pytest.mark.usefixtures("root")
def test_only_the_first_findings_are_kept_and_all_are_counted(runtime: Runtime) -> None:
    deliveries.scanned(runtime, {"a.txt": ("KR_RRN",) * (KEPT_FINDINGS + 7)})
    scan = last_scan(runtime)
    with runtime.db.read() as session:
        kept = session.query(FindingRow).count()
        first = service_reading.findings(session, scan, Window(1, ""))[0]
    assert (kept, scan.counts) == (KEPT_FINDINGS, {"KR_RRN": KEPT_FINDINGS + 7})
    assert (first.path, first.context, first.declared) == ("a.txt", "이름 ●●● 님", False)
