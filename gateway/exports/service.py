"""Asking for an export: a package that the gate puts together, or a result that is handed in."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway import ids
from gateway.access import service as access
from gateway.access.ask import Ask, Intent, Permit
from gateway.access.models import Grant
from gateway.catalog.models import DatasetVersion
from gateway.errors import Problem, ProblemCode
from gateway.exports import archive, selection
from gateway.exports.archive import SENTENCES, ArchiveRefused, Contents
from gateway.exports.events import entry, named
from gateway.exports.models import Export, ExportKind, ExportOrigin, ExportState
from gateway.jobs import queue
from gateway.journal import Act, Actor
from gateway.runtime import Runtime
from gateway.storage import Staged, StoreUnavailable
from gateway.storage.store import Staging
from gateway.web.idempotency import Answer, Attempt, replay_or_run
from gateway.zones.service_origins import data_in_reach
from policies.vocabulary import Action, VersionState

PACKAGE_JOB = "exports.assemble"
RESULT_JOB = "exports.scan"
MAX_RESULT_BYTES = 2 << 30
CREATED = 201


@dataclass(frozen=True, slots=True)
class PackageWanted:
    """A subset of a version: `version` None is the newest released one of the grant's dataset."""

    grant_id: uuid.UUID
    patterns: tuple[str, ...]
    version: str | None = None
    title: str = ""


@dataclass(frozen=True, slots=True)
class ResultWanted:
    """A result of the work under a grant."""

    grant_id: uuid.UUID
    title: str = ""


class Sink(Protocol):
    """Where the bytes of a submitted file go."""

    def write(self, block: bytes, /) -> int: ...
    def flush(self) -> None: ...


def request_package(
    runtime: Runtime, actor: Actor, wanted: PackageWanted, attempt: Attempt | None = None
) -> uuid.UUID:
    """Ask the gate to put a package together; returns the export's id.

    The files count against the quota now, once. Raises Problem NOT_FOUND for someone else's grant
    or an unknown version, VALIDATION_FAILED (patterns), ACCESS_DENIED with every blocker.
    """
    patterns = selection.parse_all(wanted.patterns)
    with runtime.db.read() as session:
        grant = own_grant(session, actor, wanted.grant_id)
        version = _version(session, grant, wanted.version)
    export = _export(runtime, ExportKind.PACKAGE, grant, wanted.title)
    export.version_id, export.patterns = version.id, [each.text for each in patterns]
    ask = Ask(Action.PACKAGE, actor.person_id, grant.id, version_id=version.id)
    _refuse_unless_allowed(runtime, actor, ask, export)
    chosen = selection.measure(runtime, version, patterns)
    export.items, export.bytes = chosen.items, chosen.bytes
    permit = access.authorize(
        runtime, actor, replace(ask, request_bytes=chosen.bytes), _intent(export)
    )
    return _counted(runtime, permit, lambda: _add(runtime, actor, export, attempt))


def submit_result(
    runtime: Runtime,
    actor: Actor,
    wanted: ResultWanted,
    fill: Callable[[Sink], None],
    attempt: Attempt | None = None,
) -> uuid.UUID:
    """Hand in a result; returns the export's id.

    `fill` writes the ZIP file; it is called only once the person is known to be allowed to
    submit. The body of `attempt` is replaced by the file's digest. What comes from a seat of a
    safe zone, or during a session there, is held for stewards of its data. Raises Problem
    NOT_FOUND, ACCESS_DENIED, VALIDATION_FAILED (file), TOO_LARGE, STORAGE_UNAVAILABLE.
    """
    with runtime.db.read() as session:
        grant = own_grant(session, actor, wanted.grant_id)
    export = _export(runtime, ExportKind.RESULT, grant, wanted.title)
    ask = Ask(Action.SUBMIT_RESULT, actor.person_id, grant.id)
    access.authorize(runtime, actor, ask, _intent(export))
    with runtime.store.stage(str(export.id)) as staging:
        fill(_Limited(staging))
        staged = staging.finish()
        contents = _inspected(staged)
        _commit(runtime, staged)
    export.content_sha256 = staged.sha256
    export.items, export.bytes = contents.members, staged.size
    same = replace(attempt, body=staged.sha256.encode()) if attempt else None
    return _add(runtime, actor, export, same).id


def own_grant(session: Session, actor: Actor, grant_id: uuid.UUID) -> Grant:
    """The actor's own grant. Raises Problem NOT_FOUND for any other."""
    grant = session.get(Grant, grant_id)
    if grant is None or actor.person_id is None or grant.person_id != actor.person_id:
        raise Problem(
            ProblemCode.NOT_FOUND, "해당 이용 권한이 없습니다.", "There is no such grant."
        )
    return grant


@dataclass(frozen=True, slots=True)
class _Added:
    """The export that stands for a request; `before` when an earlier attempt made it."""

    id: uuid.UUID
    before: bool


class _Limited:
    """A staging file that takes no more than `MAX_RESULT_BYTES`."""

    def __init__(self, staging: Staging) -> None:
        self._staging = staging

    def write(self, block: bytes, /) -> int:
        """Append `block`. Raises Problem TOO_LARGE."""
        if self._staging.size + len(block) > MAX_RESULT_BYTES:
            raise too_large()
        return self._staging.write(block)

    def flush(self) -> None:
        self._staging.flush()


def too_large() -> Problem:
    """The refusal of a result beyond `MAX_RESULT_BYTES`."""
    limit = f"{MAX_RESULT_BYTES >> 30} GiB"
    return Problem(
        ProblemCode.TOO_LARGE,
        f"분석 결과물은 한 번에 {limit}까지 제출할 수 있습니다.",
        f"A result may have at most {limit}.",
        field="files",
    )


def _version(session: Session, grant: Grant, label: str | None) -> DatasetVersion:
    query = (
        select(DatasetVersion)
        .where(DatasetVersion.dataset_id == grant.dataset_id)
        .order_by(DatasetVersion.released_at.desc(), DatasetVersion.id.desc())
    )
    if label is None:
        query = query.where(DatasetVersion.state == VersionState.RELEASED)
    else:
        query = query.where(DatasetVersion.label == label)
    found = session.scalar(query.limit(1))
    if found is None:
        raise Problem(
            ProblemCode.NOT_FOUND,
            "이 데이터셋에 해당 버전이 없습니다.",
            "The dataset has no such version.",
            field="version",
        )
    return found


def _export(runtime: Runtime, kind: ExportKind, grant: Grant, title: str) -> Export:
    now = runtime.clock.now()
    return Export(
        id=ids.new(runtime.clock),
        kind=kind,
        grant_id=grant.id,
        person_id=grant.person_id,
        dataset_id=grant.dataset_id,
        title=title,
        patterns=[],
        state=ExportState.SUBMITTED,
        created_at=now,
        turn_since=now,
    )


def _intent(export: Export) -> Intent:
    detail = {"items": export.items or 0, "patterns": list(export.patterns)}
    return Intent(ref=f"export:{export.id}", detail=detail)


def _refuse_unless_allowed(runtime: Runtime, actor: Actor, ask: Ask, export: Export) -> None:
    """Nobody learns how many files match before they may have them."""
    gathered, decision = access.consider(runtime, ask)
    if not decision.allowed:
        access.refuse(runtime, actor, gathered, decision, _intent(export))


def _counted(runtime: Runtime, permit: Permit, add: Callable[[], _Added]) -> uuid.UUID:
    """Make the export, and let its files count once; an earlier attempt's have counted."""
    try:
        added = add()
    except BaseException:
        access.settle(runtime, permit, 0)
        raise
    access.settle(runtime, permit, 0 if added.before else permit.ask.request_bytes)
    return added.id


def _add(runtime: Runtime, actor: Actor, export: Export, attempt: Attempt | None) -> _Added:
    """Store the export with its job and event, or find the one of an earlier attempt."""

    def run() -> Answer:
        session.add(export)
        session.flush()
        kind = PACKAGE_JOB if export.kind == ExportKind.PACKAGE else RESULT_JOB
        payload = {"export_id": str(export.id)}
        queue.enqueue(session, runtime.clock, kind, job_key(export.id), payload)
        detail = {"items": export.items, "bytes": export.bytes, "patterns": export.patterns}
        if export.kind == ExportKind.RESULT:
            _note_origins(session, actor, export)
        event = entry(actor, Act.EXPORT_SUBMITTED, named(session, export), detail=detail)
        runtime.journal.record(session, event)
        return Answer(CREATED, {"id": str(export.id)})

    with runtime.db.write() as session:
        answer = replay_or_run(session, runtime.clock, attempt, run) if attempt else run()
    return _Added(uuid.UUID(answer.body["id"]), answer.replayed)


def _note_origins(session: Session, actor: Actor, export: Export) -> None:
    """Bytes from a seat carry no mark: keep whose data was in reach while they came in."""
    since, address = export.created_at, actor.place.address
    for dataset_id in sorted(data_in_reach(session, export.person_id, address, since)):
        session.add(ExportOrigin(export_id=export.id, dataset_id=dataset_id))
    session.flush()


def job_key(export_id: uuid.UUID) -> str:
    """The key of the one job that an export has."""
    return f"export:{export_id}"


def _inspected(staged: Staged) -> Contents:
    try:
        return archive.inspect(staged.path)
    except ArchiveRefused as refused:
        ko, en = SENTENCES[refused.fault]
        raise Problem(
            ProblemCode.VALIDATION_FAILED, ko, en, field="files", fault=str(refused.fault)
        ) from None


def _commit(runtime: Runtime, staged: Staged) -> None:
    try:
        runtime.store.commit(staged)
    except StoreUnavailable as error:
        raise Problem(ProblemCode.STORAGE_UNAVAILABLE) from error
