"""Believes an entry that says `log.restored` only under the log's key, for the tree below it."""

from __future__ import annotations

from audit.errors import NoteMalformed, SignatureInvalid
from audit.leaf import Parsed
from audit.log_keys import KeyHistory
from audit.restoration import Restoration, open_restoration
from audit.verify.findings import Findings

_TABLE = "audit_entries"


class RestoreCheck:
    """Takes in the restored backups in order; `found` are those that hold."""

    def __init__(self, history: KeyHistory, findings: Findings) -> None:
        self._history = history
        self._findings = findings
        self.found: list[Restoration] = []

    def expect(self, index: int, parsed: Parsed, epoch: int, root: bytes) -> None:
        """An entry says that it begins `epoch` over a tree with this recomputed root."""
        detail, time_ms = parsed.document["detail"], parsed.columns.time_ms
        try:
            signed = open_restoration(detail, index, time_ms, [self._history.at(index)])
        except (NoteMalformed, SignatureInvalid) as error:
            self._add(index, f"restore not signed by a key of this log: {error}")
            return
        if (signed.root, signed.epoch) != (root, epoch):
            self._add(index, "the restore was signed over other entries or in another epoch")
            return
        self.found.append(signed)

    def _add(self, index: int, what: str) -> None:
        self._findings.add(index, _TABLE, "leaf", what)
