"""The jobs of the worker: put a package together, scan what leaves, release it or hold it.

At least once: an attempt that dies leaves nothing but a staging file, which the next one deletes,
and the next one comes to the same bytes.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
import structlog

from gateway.access import service as access
from gateway.access.ask import Ask, Intent
from gateway.catalog.items import Item
from gateway.catalog.models import DatasetVersion
from gateway.catalog.scan_job import CONFINED_ONLY
from gateway.errors import Problem, ProblemCode
from gateway.exports import selection, zipwriter
from gateway.exports.failure import Failure
from gateway.exports.models import Export
from gateway.exports.scan_record import Content, Work, begin, conclude, fail
from gateway.exports.zipwriter import Member, Source
from gateway.jobs.queue import MAX_ATTEMPTS, Leased, LeaseLost
from gateway.journal import Actor
from gateway.runtime import Runtime
from gateway.scanning.shared import OpenScanner, warm_scanner
from gateway.scanning.tally import Tally
from gateway.storage import ObjectMissing, Staged, Store
from policies.vocabulary import Action

PACKAGE_NAME, RESULT_NAME = "package.zip", "result.zip"
DENIED = frozenset({ProblemCode.ACCESS_DENIED, ProblemCode.NOT_FOUND})
log = structlog.get_logger(__name__)


class ContentDamaged(Exception):
    """A stored object does not have the digest it stands under."""


def assemble(runtime: Runtime, leased: Leased, open_scanner: OpenScanner = warm_scanner) -> None:
    """Put together the package that the job names, scan it, release or hold it."""
    work = begin(runtime, leased)
    if work is None:
        return
    with _failures_told(runtime, leased):
        _ask_again(runtime, work)
        owner = str(work.export_id)
        runtime.store.discard(owner)
        with runtime.store.stage(owner) as staging:
            members = list(zipwriter.write(staging, _sources(runtime, work)))
            staged = staging.finish()
            tally = _scanned(work, staged.path, PACKAGE_NAME, open_scanner)
            runtime.store.commit(staged)
        manifest = runtime.store.put(_manifest(members))
        conclude(runtime, leased, _content(tally, staged, len(members), manifest), tally)


def scan_result(runtime: Runtime, leased: Leased, open_scanner: OpenScanner = warm_scanner) -> None:
    """Scan the result that the job names, release or hold it."""
    work = begin(runtime, leased)
    if work is None:
        return
    with _failures_told(runtime, leased):
        assert work.content_sha256 is not None
        with _local(runtime.store, work.export_id, work.content_sha256) as staged:
            tally = _scanned(work, staged.path, RESULT_NAME, open_scanner)
        items = _items(runtime, work.export_id)
        conclude(runtime, leased, _content(tally, staged, items, None), tally)


@contextmanager
def _failures_told(runtime: Runtime, leased: Leased) -> Iterator[None]:
    """End the export where trying again cannot help; otherwise let the queue try again."""
    try:
        yield
    except LeaseLost:
        raise
    except (ObjectMissing, ContentDamaged):
        log.exception("exports.content_lost", job=str(leased.id))
        fail(runtime, leased, Failure.CONTENT_LOST)
    except Exception as error:
        if isinstance(error, Problem) and error.code in DENIED:
            fail(runtime, leased, Failure.NOT_ALLOWED)
        elif leased.attempts >= MAX_ATTEMPTS:
            log.exception("exports.given_up", job=str(leased.id))
            fail(runtime, leased, Failure.UNAVAILABLE)
        else:
            raise


def _ask_again(runtime: Runtime, work: Work) -> None:
    """The grant may have ended since the request. The bytes were counted then."""
    ask = Ask(Action.PACKAGE, grant_id=work.grant_id, version_id=work.version_id)
    intent = Intent(ref=f"export:{work.export_id}", detail={"patterns": list(work.patterns)})
    access.authorize(runtime, Actor.system(), ask, intent)


def _sources(runtime: Runtime, work: Work) -> Iterator[Source]:
    with runtime.db.read() as session:
        version = session.get_one(DatasetVersion, work.version_id)
    for item in selection.choose(runtime, version, selection.parse_all(work.patterns)):
        yield Source(item.path, item.size, _verified(runtime.store, item))


def _verified(store: Store, item: Item) -> Iterator[bytes]:
    """The bytes of an item. Raises ContentDamaged at the end of bytes that are not its own."""
    digest = hashlib.sha256()
    for block in store.blocks(item.sha256, 0, item.size):
        digest.update(block)
        yield block
    if digest.hexdigest() != item.sha256 or store.size(item.sha256) != item.size:
        raise ContentDamaged(item.sha256)


def _scanned(work: Work, path: Path, name: str, open_scanner: OpenScanner) -> Tally:
    """Inspect the very file that leaves, in the sandbox, with its members."""
    tally = Tally(work.declared)
    with open_scanner() as scanner:
        report = scanner.scan(path, name)
        tally.files, tally.bytes = 1, report.bytes
        tally.add(report)
        if work.sensitivity in CONFINED_ONLY and not scanner.confined:
            tally.note_unconfined()
    return tally


def _content(tally: Tally, staged: Staged, items: int, manifest: str | None) -> Content:
    tally.files = items
    return Content(staged.sha256, staged.size, items, manifest)


def _manifest(members: Iterable[Member]) -> bytes:
    """JSON Lines, one member a line, in the order of the ZIP file."""
    rows = ({"path": each.path, "sha256": each.sha256, "size": each.size} for each in members)
    return b"".join(orjson.dumps(row) + b"\n" for row in rows)


def _items(runtime: Runtime, export_id: uuid.UUID) -> int:
    with runtime.db.read() as session:
        return session.get_one(Export, export_id).items


@contextmanager
def _local(store: Store, export_id: uuid.UUID, sha256: str) -> Iterator[Staged]:
    """The object as a local file, found to be what its digest says: where it lies, or a copy."""
    owner = f"{export_id}-scan"
    store.discard(owner)
    with store.stage(owner) as staging:
        store.fetch(sha256, store.size(sha256), staging)
        staged = staging.finish()
        if staged.sha256 != sha256:
            raise ContentDamaged(sha256)
        yield staged
