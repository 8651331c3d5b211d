"""The auditor searches, proves, verifies; an edited copy of the database is found out."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from audit.dbapi import Dialect
from audit.proof import verify_proof
from audit.reader import LogReader
from audit.vault import KeyVault
from audit.verify import Report, verify
from gateway.demo.delivery import IMAGES
from gateway.demo.stage import Stage
from gateway.demo.web import Visitor
from gateway.keys import Purpose
from gateway.runtime import Runtime

ROWS = "audit_entries"


def search(stage: Stage, auditor: Visitor, path: str) -> int:
    """Who received this item? Returns the index of the entry that says so."""
    with stage.step("The auditor asks who received the file, and reads the entry in words"):
        query = {"dataset": IMAGES, "item": path, "action": "download.authorized"}
        entries = auditor.call("GET", "/api/v1/audit/entries", params=query)["items"]
        stage.check(len(entries) > 0, f"{len(entries)} deliveries of {path}")
        index = entries[-1]["index"]
        entry = auditor.call("GET", f"/api/v1/audit/entries/{index}")
        stage.say(entry["sentence"]["ko"])
        stage.say(entry["sentence"]["en"])
        return int(index)


def prove(stage: Stage, runtime: Runtime, index: int) -> None:
    """An inclusion proof against a signed checkpoint, checked with the public key alone."""
    with stage.step("The entry is proved to be in the log"):
        checkpoint = runtime.journal.log.checkpoint(covering=index + 1)
        connection = runtime.db.connect_raw(writable=False)
        reader = LogReader(connection, Dialect(runtime.db.dialect), runtime.vault)
        entry = reader.get(index)
        assert entry is not None
        proof = str(reader.prove(index, checkpoint))
        connection.close()
        verified = verify_proof(proof, entry.leaf, runtime.journal.log.vkey())
        stage.check(verified.size > index, f"entry {index} is in the tree of {verified.size}")


def verify_log(stage: Stage, runtime: Runtime) -> None:
    """Every entry re-read, the root recomputed, the search columns compared with the bytes."""
    with stage.step("The whole log verifies"):
        connection = runtime.db.connect_raw(writable=False)
        report = _verify(runtime, connection)
        connection.close()
        stage.check(report.clean, f"{report.size} entries, root {report.root.hex()[:16]}…")


def edited_copy(stage: Stage, runtime: Runtime, folder: Path, index: int) -> None:
    """Someone with the database edits one byte of one row, triggers dropped."""
    with stage.step("A copy of the database is edited, and the verifier names the row"):
        if runtime.db.path is None:
            stage.say("this step edits a copy of the embedded database")
            return
        copy = sqlite3.connect(folder / "edited.db", isolation_level=None)
        with sqlite3.connect(runtime.db.path) as original:
            original.backup(copy)
        original.close()
        copy.execute("DROP TRIGGER audit_entries_update")
        (leaf,) = copy.execute("SELECT leaf FROM audit_entries WHERE idx = ?", (index,)).fetchone()
        forged = leaf.replace(b"download.authorized", b"download.refused")
        stage.check(forged != leaf, "an allowed download is turned into a refused one")
        copy.execute("UPDATE audit_entries SET leaf = ? WHERE idx = ?", (forged, index))
        report = _verify(runtime, copy)
        copy.close()
        # The row itself before what was built on it: edge, tiles, head.
        found = sorted(report.findings, key=lambda one: (one.table, one.index) != (ROWS, index))
        for one in found:
            stage.say(f"index {one.index}: {one.table}.{one.column}: {one.what}")
        named = [(one.table, one.index) for one in found[:1]]
        stage.check(named == [(ROWS, index)], f"verification names row {index} of {ROWS}")


def _verify(runtime: Runtime, connection: sqlite3.Connection) -> Report:
    vault = KeyVault(
        runtime.keys.current(Purpose.LOOKUP).material,
        runtime.keys.current(Purpose.PERSON).material,
    )
    dialect = Dialect(runtime.db.dialect)
    return verify(connection, dialect, runtime.journal.log.vkey(), vault)
