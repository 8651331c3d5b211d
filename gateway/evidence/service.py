"""Evidence bundles: what answers a question, with proofs a stranger can check."""

from __future__ import annotations

import hashlib
import os
import secrets
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from audit import canonical, cosigned, minimum, times
from audit.bundle import Contents, Pruned, Sources, write_bundle
from audit.dbapi import Sql
from audit.errors import AuditError, LeafMalformed, NoteMalformed
from audit.event import Domain
from audit.leaf import decode
from audit.publish import open_signed
from audit.reader import LogReader
from audit.search import MAX_LIMIT, Filters
from gateway.errors import Problem, ProblemCode
from gateway.evidence.reading import bundle_keys, history, signer, snapshot
from gateway.journal import Act, Actor, Entry
from gateway.policy.loading import in_force, texts_in_force
from gateway.runtime import Runtime

MAX_SELECTED = 20_000


@dataclass(frozen=True, slots=True)
class Order:
    """What a bundle shall answer.

    `filters` select the entries. `plain` says of it what names nobody, for log and manifest;
    `free` are the conditions that may name somebody, as they were typed, and `subjects` the
    people asked about. `trusted` is the text of a checkpoint that the auditor kept. `opened` adds
    the personal fields of selected entries in the clear: what was handed out so cannot be erased.
    """

    filters: Filters
    plain: Mapping[str, object] = field(default_factory=dict)
    free: Mapping[str, str] = field(default_factory=dict)
    subjects: Sequence[uuid.UUID] = ()
    trusted: str | None = None
    opened: bool = False


@dataclass(frozen=True, slots=True)
class Exported:
    """A bundle that was written, and recorded in the log as entry `index`.

    Entries of the range from `first` to `end` (half-open) may be missing below `pruned_below`.
    """

    path: Path
    bundle: str
    entries: int
    first: int
    end: int
    pruned_below: int
    sha256: str
    index: int


def export(runtime: Runtime, actor: Actor, order: Order, target: Path) -> Exported:
    """Write an evidence bundle to `target`; it is in place only once the log tells of it.

    Raises Problem 422 for a checkpoint that is not this log's or for too many entries, 409 when
    the log is damaged, LogUnavailable when the export cannot be recorded, OSError.
    """
    partial = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        manifest = _write(runtime, order, partial)
        digest = _digest(partial)
        index = runtime.journal.append(_event(actor, order, manifest, digest))
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    said = manifest["range"]
    return Exported(
        path=target,
        bundle=manifest["bundle"],
        entries=len(manifest["selected"]),
        first=said["first"],
        end=said["end"],
        pruned_below=max(said["pruned"], default=0),
        sha256=digest,
        index=index,
    )


def redaction_keys(
    runtime: Runtime, actor: Actor, bundle: str, indexes: Sequence[int]
) -> dict[str, str]:
    """The keys (hexadecimal, by index) of redacted entries of a bundle; recorded first.

    Raises LogUnavailable.
    """
    detail = {"bundle": bundle, "entries": list(indexes)}
    ref = f"bundle:{bundle}"
    runtime.journal.append(Entry(actor, Act.LOG_REDACTION_OPENED, ref=ref, detail=detail))
    vault = runtime.vault
    return {str(index): vault.redaction_key(bundle, index).hex() for index in indexes}


def _write(runtime: Runtime, order: Order, path: Path) -> dict[str, Any]:
    newest = runtime.journal.log.checkpoint(covering=runtime.journal.log.size())
    size = newest.size
    with snapshot(runtime) as (sql, reader):
        _check_trusted(sql, runtime, order.trusted, size)
        first, end = _range(sql, order.filters, size)
        selected = _selected(reader, order.filters, end)
        first = min([first, *selected[:1]])
        contents = Contents(
            bundle=secrets.token_hex(16),
            made=runtime.clock.now().isoformat(),
            query=_query(reader, order),
            selected=selected,
            first=first,
            end=end,
            pruned=_pruned(sql, first),
            checkpoint=cosigned.note_of(sql, newest),
            trusted=order.trusted,
            keys=bundle_keys(runtime, sql),
            policies=_policies(runtime, reader, selected),
            opened=order.opened,
        )
        return _pack(contents, Sources(sql, reader, runtime.vault, signer(runtime)), path)


def _pack(contents: Contents, sources: Sources, path: Path) -> dict[str, Any]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w+b") as file:
        try:
            manifest = write_bundle(file, contents, sources)
        except (AuditError, ValueError) as error:
            raise Problem(ProblemCode.CONFLICT, *_damaged(str(error))) from error
        file.flush()
        os.fsync(file.fileno())
    return manifest


def _check_trusted(sql: Sql, runtime: Runtime, note: str | None, size: int) -> None:
    if note is None:
        return
    try:
        trusted = open_signed(note, history(runtime, sql).keys)
    except AuditError as error:
        raise _not_ours(str(error)) from error
    if not 0 < trusted.size <= size:
        raise _not_ours(f"it covers {trusted.size} entries, the log has {size}")


def _not_ours(why: str) -> Problem:
    return Problem(
        ProblemCode.VALIDATION_FAILED,
        "이 체크포인트는 이 감사 기록의 것이 아닙니다.",
        f"This checkpoint cannot be started from: {why}.",
        field="trusted",
    )


def _query(reader: LogReader, order: Order) -> dict[str, object]:
    """The question for the manifest: as typed only if the bundle is open, else by token."""
    if order.opened:
        return {**order.plain, **order.free}
    named = (
        (Domain.PERSON, order.filters.person),
        (Domain.ORGANISATION, order.filters.organisation),
        (Domain.ITEM, order.filters.item),
    )
    tokens = {str(domain): reader.token(domain, value) for domain, value in named if value}
    return {**order.plain, **tokens}


def _range(sql: Sql, filters: Filters, size: int) -> tuple[int, int]:
    """The indexes outside which no entry can match, by the period asked for."""
    first = 0 if filters.since_ms is None else times.first_since(sql, filters.since_ms)
    end = size if filters.until_ms is None else times.end_until(sql, filters.until_ms)
    end = min(end, size)
    return min(first, end), end


def _pruned(sql: Sql, first: int) -> list[Pruned]:
    """The steps of the signed minimum; none when the range begins above it."""
    found: list[Pruned] = []
    if first >= minimum.current(sql):
        return found
    for lowest, _time_ms, note in minimum.rows(sql):
        told = None
        with suppress(NoteMalformed):
            told = minimum.archived(sql, lowest, minimum.parse_minimum(note).archive)
        if told is None:
            raise Problem(ProblemCode.CONFLICT, *_damaged(f"nothing tells of the minimum {lowest}"))
        found.append(Pruned(lowest, note, told[0]))
    return found


def _damaged(why: str) -> tuple[str, str]:
    """What is said in both languages when the log does not hold together."""
    return (
        "감사 기록이 손상되어 증빙 자료 묶음을 만들지 못했습니다. 운영자에게 알려 주십시오.",
        f"The log is damaged, so no bundle was made: {why}. Run: sumun audit verify",
    )


def _selected(reader: LogReader, filters: Filters, end: int) -> list[int]:
    found: list[int] = []
    before = end
    while page := reader.search(filters, before=before, limit=MAX_LIMIT):
        found += [row.index for row in page]
        before = page[-1].index
        if len(found) > MAX_SELECTED:
            raise Problem(
                ProblemCode.VALIDATION_FAILED,
                f"해당하는 기록이 {MAX_SELECTED:,}건을 넘습니다. 기간이나 조건을 좁혀 주십시오.",
                f"More than {MAX_SELECTED:,} entries match. Narrow the period or the conditions.",
                field="since",
            )
    return found[::-1]


def _policies(runtime: Runtime, reader: LogReader, selected: Sequence[int]) -> dict[str, bytes]:
    """The rules in force, and the releases that decided the selected entries, oldest first."""
    releases = dict.fromkeys(_releases(reader, selected))
    history = {"present": in_force(runtime.db).release, "decided": list(releases)}
    texts = {name: text.encode() for name, text in sorted(texts_in_force(runtime.db).items())}
    return {"releases.json": canonical.write(history), **texts}


def _releases(reader: LogReader, selected: Sequence[int]) -> Iterator[str]:
    for index in selected:
        row = reader.get(index)
        try:
            detail = {} if row is None else decode(row.leaf).detail
        except LeafMalformed:
            continue
        if "policy_release" in detail:
            yield str(detail["policy_release"])


def _event(actor: Actor, order: Order, manifest: Mapping[str, Any], digest: str) -> Entry:
    said = manifest["range"]
    detail = {
        **order.plain,
        "form": "bundle",
        "bundle": manifest["bundle"],
        "sha256": digest,
        "entries": len(manifest["selected"]),
        "first": said["first"],
        "end": said["end"],
        "opened": order.opened,
    }
    sought = {f"sought_{name}": value for name, value in order.free.items()}
    about: dict[uuid.UUID, dict[str, str]] = {}
    if order.subjects and "sought_person" in sought:
        # Sealed under the key of the one it names, so that it is erased with them.
        about = {order.subjects[0]: {"account": sought.pop("sought_person")}}
    return Entry(
        replace(actor, personal={**actor.personal, **sought}),
        Act.LOG_EXPORTED,
        subjects=order.subjects,
        ref=f"bundle:{manifest['bundle']}",
        detail=detail,
        about=about,
    )


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
