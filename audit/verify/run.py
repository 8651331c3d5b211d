"""Runs all checks over one snapshot of the database."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from audit.checkpoint import Checkpoint
from audit.cosignature import WitnessKey
from audit.dbapi import Connection, Dialect, Sql
from audit.log_keys import read_history
from audit.note import Verifier
from audit.stores import store_for
from audit.vault import KeyVault
from audit.verify.checkpoints import CheckpointCheck
from audit.verify.cosignatures import check_cosignatures
from audit.verify.entries import EntryCheck
from audit.verify.findings import Findings, Report
from audit.verify.keys import KeyCheck
from audit.verify.pruned import PrunedCheck
from audit.verify.queue import check_queue
from audit.verify.restores import RestoreCheck
from audit.verify.signed import SignedCheck
from audit.verify.tree import TreeCheck

HEAD = "audit_head"


def verify(
    connection: Connection,
    dialect: Dialect,
    vkey: str,
    vault: KeyVault | None = None,
    since: Checkpoint | None = None,
    *,
    witnesses: Sequence[WitnessKey] = (),
) -> Report:
    """Re-read the whole log and report every row that is not as the log wrote it.

    The connection may be read-only and must have no transaction open; one snapshot is used, so
    the log may go on growing. Memory is constant. `since` is a checkpoint trusted from earlier:
    the log must extend it. Without a `vault`, outbox and key rows cannot be authenticated.
    `vkey` is any key of the log; the log's history leads from it to the others. Cosignatures of
    `witnesses` are verified.
    Raises NoteMalformed for a bad `vkey`; damage is never an exception.
    """
    verifier = Verifier.parse(vkey)
    store = store_for(dialect)
    sql = store.adopt(connection)
    store.begin_snapshot(sql)
    try:
        return _verify(sql, verifier, vault, since, witnesses=witnesses)
    finally:
        with suppress(Exception):
            store.rollback(sql)


def _verify(
    sql: Sql,
    verifier: Verifier,
    vault: KeyVault | None,
    since: Checkpoint | None,
    *,
    witnesses: Sequence[WitnessKey],
) -> Report:
    findings = Findings()
    tree = TreeCheck(sql, findings)
    keys = KeyCheck(sql, vault, findings)
    keys.run()
    history = read_history(sql, str(verifier))[0]
    pruned, restores = PrunedCheck(sql, history.keys, findings), RestoreCheck(history, findings)
    checkpoints = CheckpointCheck(sql, str(verifier), since, findings, restores.found)
    signed = SignedCheck(sql, findings)
    entries = EntryCheck(
        sql,
        tree,
        checkpoints,
        keys,
        findings,
        pruned=pruned,
        signed=signed,
        restores=restores,
    )
    entries.run()
    size, root = tree.edge.size, tree.edge.root()
    tree.finish()
    checkpoints.finish(size)
    keys.finish(size)
    check_queue(sql, vault, size, findings)
    cosignatures = check_cosignatures(sql, witnesses, findings)
    right = (1, size, entries.epoch, verifier.name, root, checkpoints.count, cosignatures)
    _check_head(sql, right, findings)
    if since is not None and since.origin != verifier.name:
        findings.add(0, HEAD, "origin", f"the trusted checkpoint is of the log {since.origin}")
    stored = signed.finish()
    return Report(
        tuple(sorted(findings.kept)),
        size,
        root,
        checkpoints.latest,
        findings.more,
        bool(vault),
        pruned.count,
        pruned.minimum,
        tuple(pruned.archives),
        stored.checkpoints,
        stored.cosignatures,
        stored.sha256,
        signed.told,
        tuple(restores.found),
    )


_COLUMNS = ("id", "size", "epoch", "origin", "root", "checkpoints", "cosignatures")
_HEAD = "SELECT id, size, epoch, origin, root, checkpoints, cosignatures FROM audit_head"


def _check_head(sql: Sql, right: tuple[object, ...], findings: Findings) -> None:
    rows = sql.all(_HEAD)
    if len(rows) != 1:
        findings.add(0, HEAD, "id", f"the log has {len(rows)} head rows")
    for row in rows:
        stored = [bytes(cell) if isinstance(cell, memoryview) else cell for cell in row]
        for name, found, expected in zip(_COLUMNS, stored, right, strict=True):
            if found != expected:
                index = min(int(str(row[1])), int(str(right[1])))
                what = f"the head says {_show(found)}, the entries say {_show(expected)}"
                findings.add(max(0, index), HEAD, name, what)


def _show(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)
