"""The newest checkpoint that was published, as something the log's database cannot take back.

Whoever rolls the database back, with every checkpoint in it, leaves nothing there that contradicts
the rest. What was published to the store is another copy: the log must extend it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

from audit.checkpoint import Checkpoint
from audit.dbapi import Sql
from audit.errors import AuditError
from audit.publish import CHECKPOINT, open_signed
from audit.restoration import stored_restorations
from audit.verify import Report, VerifyFinding
from gateway.config import Settings
from gateway.errors import OperatorError
from gateway.evidence.publication import PUBLIC
from gateway.journal.log_key import log_signers
from gateway.keys import KeyStore
from gateway.storage import Store, StoreUnavailable
from gateway.storage.shelf import shelf

PLACE = "published log"
LAG_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Anchor:
    """The published checkpoint to hold the log against, if there is one, or why it is not one."""

    checkpoint: Checkpoint | None = None
    fault: str = ""

    def judge(self, report: Report) -> Report:
        """The report with what the anchor adds: a damaged checkpoint, or a log that is shorter."""
        fault = self.fault
        if self.checkpoint is not None and self.checkpoint.size > report.size:
            fault = f"{self.checkpoint.size} entries were published, the log has {report.size}"
        if not fault:
            return report
        found = VerifyFinding(report.size, PLACE, CHECKPOINT, fault)
        return replace(report, findings=tuple(sorted((*report.findings, found))))


def find_anchor(sql: Sql, settings: Settings, keys: KeyStore, *, may_lag: bool = False) -> Anchor:
    """Read the published checkpoint; nothing is created or written.

    One that a restore has named as lost, under the log's key, is none: that says what became of
    it. A copy that follows the main database `may_lag`: it is given time to catch up.
    Raises OperatorError when the store cannot be asked.
    """
    data = _read(settings)
    if data is None:
        return Anchor()
    try:
        note = data.decode()
        verifiers = [one.verifier for one in log_signers(keys, note.partition("\n")[0])]
        checkpoint = open_signed(note, verifiers)
    except (AuditError, UnicodeDecodeError) as error:
        return Anchor(fault=f"what is published is not this log's checkpoint: {error}")
    if any(one.known == checkpoint for one in stored_restorations(sql, verifiers)):
        return Anchor()
    if may_lag:
        _await(sql, checkpoint.size)
    return Anchor(checkpoint)


def _read(settings: Settings) -> bytes | None:
    parts = urlsplit(settings.storage)
    try:
        if parts.scheme == "file":
            return (Path(unquote(parts.path)) / PUBLIC / CHECKPOINT).read_bytes()
        return shelf(Store.open(settings), PUBLIC).get(CHECKPOINT)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, StoreUnavailable) as error:
        raise OperatorError(
            f"the published checkpoint cannot be read: {error}; name one of your own with --since"
        ) from error


def _await(sql: Sql, size: int) -> None:
    until = time.monotonic() + LAG_SECONDS
    while time.monotonic() < until:
        row = sql.one("SELECT size FROM audit_head")
        if row is None or int(row[0]) >= size:
            return
        time.sleep(0.1)
