"""Proofs of single entries, how the log stands, and its verification as a whole."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime

from audit.checkpoint import open_checkpoint
from audit.dbapi import Dialect, Sql
from audit.errors import AuditError
from audit.merkle import verify_consistency
from audit.note import Verifier
from audit.proof import TlogProof, verify_proof
from audit.search import Entry as Row
from audit.search import Filters
from audit.stores import Head, StoredCheckpoint, store_for
from audit.verify import Report, verify
from gateway.clock import from_ms
from gateway.errors import OperatorError, Problem, ProblemCode
from gateway.evidence.anchor import Anchor, find_anchor
from gateway.journal import Act, Entry, Outcome
from gateway.oversight.entries import Seen, see
from gateway.oversight.reading import Reading, reading, verifier_key
from gateway.oversight.service_search import Desk, edge_of, stored
from gateway.runtime import Runtime
from gateway.web.paging import Direction, Window

# Above this a request would run into a proxy's time-out: the command does it then.
MAX_ENTRIES_ON_A_PAGE = 200_000


@dataclass(frozen=True, slots=True)
class Proof:
    """An entry's inclusion proof. `fault` is empty when it verifies.

    `text` is a C2SP tlog-proof whose `extra` is the exact leaf, so the file proves itself.
    """

    index: int
    row: Row
    checkpoint: StoredCheckpoint
    hashes: tuple[bytes, ...]
    text: str
    fault: str = ""

    @property
    def holds(self) -> bool:
        """Whether the leaf leads to the signed root."""
        return not self.fault

    @property
    def signed_at(self) -> datetime:
        """When the checkpoint was signed."""
        return from_ms(self.checkpoint.time_ms)


@dataclass(frozen=True, slots=True)
class Standing:
    """The log at a glance. `fault` is empty when head, tiles and newest checkpoint agree."""

    head: Head
    newest: StoredCheckpoint
    fault: str
    last: Seen | None

    @property
    def agrees(self) -> bool:
        """Whether the quick check found nothing."""
        return not self.fault

    @property
    def small_enough(self) -> bool:
        """Whether the whole log can be verified while a page waits."""
        return self.head.size <= MAX_ENTRIES_ON_A_PAGE


def prove(runtime: Runtime, index: int, *, fresh: bool = True) -> Proof:
    """Prove an entry under a checkpoint: a fresh one, or the newest stored one that covers it.

    A proof that does not hold is returned with its fault. Raises Problem 404, LogUnavailable.
    """
    with reading(runtime) as opened:
        stored(opened, index)
        newest = opened.log.latest_checkpoint()
    if fresh or newest is None or newest.size <= index:
        newest = runtime.journal.log.checkpoint(covering=index + 1)
    with reading(runtime) as opened:
        return _prove(opened, index, newest, verifier_key(runtime))


def _prove(opened: Reading, index: int, checkpoint: StoredCheckpoint, vkey: str) -> Proof:
    row = stored(opened, index)
    try:
        made = opened.log.prove(index, checkpoint)
    except (AuditError, ValueError) as error:
        bare = TlogProof(index, (), checkpoint.note)
        return Proof(index, row, checkpoint, (), str(bare), str(error))
    text = str(replace(made, extra=row.leaf))
    return Proof(index, row, checkpoint, made.hashes, text, _fault(text, row.leaf, vkey))


def _fault(text: str, leaf: bytes, vkey: str) -> str:
    try:
        verify_proof(text, leaf, vkey)
    except AuditError as error:
        return str(error)
    return ""


def standing(desk: Desk) -> Standing:
    """Compare head, right edge, tiles and newest checkpoint; find the last verification.

    This reads a few rows only. It does not replace `verify_all`, which reads every entry.
    """
    runtime = desk.runtime
    newest = runtime.journal.log.checkpoint()
    with reading(runtime) as opened:
        head = opened.log.head()
        assert head is not None  # a checkpoint exists, so the head does
        fault = _disagreement(opened, head, newest, verifier_key(runtime))
        found = opened.log.search(Filters(action=Act.LOG_VERIFIED), limit=1)
        last = [see(row, opened, runtime.vault, desk.directory) for row in found]
    return Standing(head, newest, fault, last[0] if last else None)


def _disagreement(opened: Reading, head: Head, newest: StoredCheckpoint, vkey: str) -> str:
    try:
        signed, _note = open_checkpoint(newest.note, Verifier.parse(vkey))
        edge = store_for(opened.sql.dialect).load_edge(opened.sql, head.size)
        grown = opened.log.consistency(signed.size, head.size)
        verify_consistency(signed.size, head.size, grown, signed.root, edge.root())
    except (AuditError, ValueError) as error:
        return str(error)
    if edge.root() != bytes(head.root):
        return "the head's root is not that of the right edge"
    return ""


def verify_all(desk: Desk) -> Report:
    """Re-read the whole log, and record the outcome as an event.

    Raises Problem STORAGE_UNAVAILABLE when what was published cannot be read.
    """
    runtime = desk.runtime
    db = runtime.audit_db
    with closing(db.connect_raw(writable=False)) as connection:
        dialect = Dialect(db.dialect)
        anchor = _anchor(Sql(connection, dialect), runtime)
        vkey, since = verifier_key(runtime), anchor.checkpoint
        report = anchor.judge(verify(connection, dialect, vkey, runtime.vault, since))
    record_verification(desk, report)
    return report


def _anchor(sql: Sql, runtime: Runtime) -> Anchor:
    try:
        lags = bool(runtime.settings.audit_database_url)
        return find_anchor(sql, runtime.settings, runtime.keys, may_lag=lags)
    except OperatorError as error:
        raise Problem(ProblemCode.STORAGE_UNAVAILABLE) from error


def record_verification(desk: Desk, report: Report) -> None:
    """Append what a verification found: size, root, and how many findings from which index.

    Checkpoints and cosignatures are told with their digest: the next verification asks for them.
    """
    count = len(report.findings) + report.more
    detail = {
        "entries": report.size,
        "root": report.root.hex(),
        "findings": count,
        "checkpoints": report.checkpoints,
        "cosignatures": report.cosignatures,
        "signed_sha256": report.signed_sha256,
    }
    if report.findings:
        detail["first"] = report.findings[0].index
    outcome = Outcome.SUCCESS if report.clean else Outcome.FAILURE
    desk.runtime.journal.append(Entry(desk.actor, Act.LOG_VERIFIED, outcome, detail=detail))


def checkpoints(runtime: Runtime, window: Window) -> list[StoredCheckpoint]:
    """Signed checkpoints by sequence number, up to `limit` + 1, as `Cursors.page` expects them."""
    edge = edge_of(window)
    count = window.limit + 1
    with reading(runtime) as opened:
        if edge is None or window.direction is Direction.NEXT:
            return opened.log.checkpoints(before=edge, limit=count)
        # Sequence numbers have no gaps, so the page just newer than `edge` ends below this one.
        newer = opened.log.checkpoints(before=edge + 1 + count, limit=count)
    return [row for row in newer[::-1] if row.seq > edge]
