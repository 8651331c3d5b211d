"""The life of a version: import, scan request, release, rejection, withdrawal."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from gateway import ids
from gateway.catalog import verdicts
from gateway.catalog.models import Dataset, DatasetVersion
from gateway.catalog.service import locked_dataset, unknown_dataset
from gateway.errors import Problem, ProblemCode
from gateway.jobs import queue
from gateway.journal import Act, Actor, Entry
from gateway.runtime import Runtime
from gateway.scanning.model import Verdict
from gateway.scanning.models import Scan
from policies.vocabulary import VersionState

SCAN_JOB = "catalog.scan_version"
MIN_REASON = 10
LABEL = re.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,39}")


@dataclass(frozen=True, slots=True)
class Imported:
    """A finished import: where manifest and index lie, how many items and bytes they name, and
    how many files of the folder were refused."""

    manifest_sha256: str
    index_sha256: str
    items: int
    bytes: int
    refused: int = 0


@dataclass(frozen=True, slots=True)
class Ending:
    """How a version ends: from which states, why in words, and the code for the log. `within` is
    done first, in the same transaction; it may raise Problem."""

    allowed: frozenset[VersionState]
    reason: str
    code: str
    within: Callable[[Session], None] | None = None


def find_version(session: Session, slug: str, label: str) -> tuple[Dataset, DatasetVersion]:
    """The dataset and version of these names. Raises Problem NOT_FOUND."""
    dataset = session.scalar(select(Dataset).where(Dataset.slug == slug))
    if dataset is None:
        raise unknown_dataset(slug)
    version = session.scalar(_version(dataset, label))
    if version is None:
        raise _unknown_version(slug, label)
    return dataset, version


def check_label(label: str) -> None:
    """Raise Problem BAD_REQUEST unless `label` may name a version."""
    if not LABEL.fullmatch(label):
        raise Problem(
            ProblemCode.BAD_REQUEST,
            "버전 이름은 영문자, 숫자, 점, 밑줄, 붙임표로 40자까지 쓸 수 있습니다.",
            "A version is named with up to 40 letters, digits, dots, underscores and hyphens.",
        )


def check_importable(runtime: Runtime, slug: str, label: str) -> None:
    """Raise Problem NOT_FOUND or WRONG_STATE unless files may be imported into this version."""
    with runtime.db.read() as session:
        dataset = session.scalar(select(Dataset).where(Dataset.slug == slug))
        if dataset is None:
            raise unknown_dataset(slug)
        _refuse_fixed(dataset, session.scalar(_version(dataset, label)), label)


def finish_import(
    runtime: Runtime, actor: Actor, slug: str, label: str, imported: Imported
) -> uuid.UUID:
    """Make the version what `imported` names, and ask for its scan; returns its id.

    Twice with the same manifest is harmless: a command killed just after this goes on to the
    same end. Raises Problem NOT_FOUND or WRONG_STATE.
    """
    with runtime.db.write() as session:
        dataset = locked_dataset(session, slug)
        version = session.scalar(_version(dataset, label).with_for_update())
        if version is not None and version.manifest_sha256 == imported.manifest_sha256:
            return version.id
        _refuse_fixed(dataset, version, label)
        version = version or _new_version(runtime, session, dataset, label)
        version.manifest_sha256 = imported.manifest_sha256
        version.index_sha256 = imported.index_sha256
        version.items, version.bytes = imported.items, imported.bytes
        _ask_for_scan(runtime, session, version)
        detail = {
            "items": imported.items,
            "bytes": imported.bytes,
            "refused": imported.refused,
        }
        event = version_entry(actor, Act.VERSION_IMPORTED, dataset, version, detail=detail)
        runtime.journal.record(session, event)
    return version.id


def request_scan(runtime: Runtime, actor: Actor, slug: str, label: str) -> None:
    """Scan a version again, for instance because the rules have changed.

    A released version stays open meanwhile; any other waits for the verdict. Raises Problem
    NOT_FOUND, or WRONG_STATE when nothing was imported yet or the version is withdrawn.
    """
    with runtime.db.write() as session:
        dataset, version = _locked(session, slug, label)
        if version.manifest_sha256 is None or version.state == VersionState.WITHDRAWN:
            raise _wrong_state("검사할 수 없는 버전입니다.", "This version cannot be scanned.")
        _ask_for_scan(runtime, session, version)
        event = version_entry(actor, Act.VERSION_SCAN_REQUESTED, dataset, version)
        runtime.journal.record(session, event)


def release(runtime: Runtime, actor: Actor, slug: str, label: str, reason: str = "") -> None:
    """Open a version to holders of grants.

    The scan must have read this manifest with the rules in force. A version that passed needs no
    reason; a held one needs a reason of at least 10 characters, and a blocked one is not
    released at all. Raises Problem NOT_FOUND, WRONG_STATE, VALIDATION_FAILED.
    """
    with runtime.db.write() as session:
        dataset, version = _locked(session, slug, label)
        scan = session.get(Scan, version.scan_id) if version.scan_id else None
        _check_releasable(dataset, version, scan, reason)
        version.state = VersionState.RELEASED
        version.released_at, version.released_by = runtime.clock.now(), actor.person_id
        version.release_reason = reason
        verdict = scan.verdict if scan else ""
        detail = {"items": version.items, "bytes": version.bytes, "verdict": verdict}
        event = version_entry(actor, Act.VERSION_RELEASED, dataset, version, detail=detail)
        runtime.journal.record(session, event)


def reject(runtime: Runtime, actor: Actor, slug: str, label: str, reason: str) -> None:
    """Refuse a held version for good; the contractor delivers a new one."""
    ending = Ending(frozenset({VersionState.HELD}), reason, "rejected_after_scan")
    _end(runtime, actor, slug, label, ending)


def withdraw_version(
    runtime: Runtime,
    actor: Actor,
    slug: str,
    label: str,
    reason: str,
    *,
    within: Callable[[Session], None] | None = None,
) -> None:
    """Stop offering a version; bites on the next request. `within` is done first, in the same
    transaction. Raises NOT_FOUND, WRONG_STATE."""
    alive = frozenset(VersionState) - {VersionState.WITHDRAWN}
    _end(runtime, actor, slug, label, Ending(alive, reason, "withdrawn", within))


def _end(runtime: Runtime, actor: Actor, slug: str, label: str, ending: Ending) -> None:
    with runtime.db.write() as session:
        if ending.within is not None:
            ending.within(session)
        dataset, version = _locked(session, slug, label)
        if version.state not in ending.allowed:
            raise _wrong_state(
                "이 버전은 이미 다른 상태입니다. 새로 고쳐 확인해 주십시오.",
                f"This version is {version.state} by now. Reload to see what is possible.",
            )
        version.state = VersionState.WITHDRAWN
        version.withdrawn_at, version.withdrawn_reason = runtime.clock.now(), ending.reason
        event = version_entry(actor, Act.VERSION_WITHDRAWN, dataset, version, reason=ending.code)
        runtime.journal.record(session, event)


def _ask_for_scan(runtime: Runtime, session: Session, version: DatasetVersion) -> None:
    if version.state != VersionState.RELEASED:
        version.state = VersionState.SCANNING
    asked = ids.new(runtime.clock)
    payload = {"version_id": str(version.id), "manifest_sha256": version.manifest_sha256}
    queue.enqueue(session, runtime.clock, SCAN_JOB, f"{SCAN_JOB}:{version.id}:{asked}", payload)


def _check_releasable(
    dataset: Dataset, version: DatasetVersion, scan: Scan | None, reason: str
) -> None:
    if dataset.withdrawn_at is not None:
        raise _wrong_state("제공이 중단된 데이터셋입니다.", "This dataset is no longer offered.")
    if version.state not in {VersionState.DRAFT, VersionState.HELD}:
        raise _wrong_state(
            "작성 중이거나 보류된 버전만 개방할 수 있습니다.",
            "Only a version in preparation or held can be released.",
        )
    if scan is None or not verdicts.is_current(version):
        raise _wrong_state(
            "현재 규칙으로 끝난 검사가 없습니다. 다시 검사해 주십시오.",
            "No finished scan with the rules in force. Please scan it again.",
        )
    _check_verdict(scan, reason)


def _check_verdict(scan: Scan, reason: str) -> None:
    if scan.verdict == Verdict.BLOCKED:
        raise _wrong_state(
            "비밀키가 검출된 버전은 개방할 수 없습니다. 새 버전을 납품받아 주십시오.",
            "Secrets were found, so this version cannot be released. Ask for a new delivery.",
        )
    if not verdicts.passes(scan) and len(reason.strip()) < MIN_REASON:
        raise Problem(
            ProblemCode.VALIDATION_FAILED,
            "보류된 버전을 개방하려면 사유를 10자 이상 적어 주십시오.",
            "Releasing a held version needs a reason of at least 10 characters.",
            errors=[{"field": "reason", "message": "at least 10 characters"}],
        )


def _locked(session: Session, slug: str, label: str) -> tuple[Dataset, DatasetVersion]:
    dataset = locked_dataset(session, slug)
    version = session.scalar(_version(dataset, label).with_for_update())
    if version is None:
        raise _unknown_version(slug, label)
    return dataset, version


def _version(dataset: Dataset, label: str) -> Select[DatasetVersion]:
    return select(DatasetVersion).where(
        DatasetVersion.dataset_id == dataset.id, DatasetVersion.label == label
    )


def _new_version(
    runtime: Runtime, session: Session, dataset: Dataset, label: str
) -> DatasetVersion:
    version = DatasetVersion(
        id=ids.new(runtime.clock),
        dataset_id=dataset.id,
        label=label,
        state=VersionState.DRAFT,
        created_at=runtime.clock.now(),
    )
    session.add(version)
    return version


def _refuse_fixed(dataset: Dataset, version: DatasetVersion | None, label: str) -> None:
    if dataset.withdrawn_at is not None:
        raise _wrong_state("제공이 중단된 데이터셋입니다.", "This dataset is no longer offered.")
    if version is not None and version.state != VersionState.DRAFT:
        raise _wrong_state(
            f"이미 납품된 버전({label})은 바꿀 수 없습니다. 새 버전으로 납품해 주십시오.",
            f"Version {label} is {version.state} and cannot be changed. Import a new version.",
        )


def version_entry(
    actor: Actor,
    act: Act,
    dataset: Dataset,
    version: DatasetVersion,
    *,
    reason: str | None = None,
    detail: Mapping[str, Any] | None = None,
) -> Entry:
    """The event of `act` on a version; it always names the manifest."""
    return Entry(
        actor,
        act,
        dataset=dataset.slug,
        version=version.label,
        ref=f"version:{version.id}",
        reason=reason,
        detail={"manifest": version.manifest_sha256 or "", **(detail or {})},
    )


def _unknown_version(slug: str, label: str) -> Problem:
    return Problem(
        ProblemCode.NOT_FOUND,
        f"데이터셋 {slug}에 해당 버전이 없습니다: {label}",
        f"The dataset {slug} has no version {label}.",
    )


def _wrong_state(ko: str, en: str) -> Problem:
    return Problem(ProblemCode.WRONG_STATE, ko, en)
