"""Adds up what the scan of a version finds, in flat memory."""

from __future__ import annotations

import sqlite3
from collections import Counter
from dataclasses import dataclass, field

from gateway.catalog.items import Item
from gateway.scanning.model import UNSCANNABLE, WHOLE_FILE, FileReport, Finding, Verdict, judge

KEPT_FINDINGS = 5_000
# Context of the finding that stands for a host on which the parsers cannot be confined.
NOT_CONFINED = "parsers_not_confined"


@dataclass(slots=True)
class Tally:
    """Files and bytes of the version, findings by type, and the first of them whole."""

    declared: frozenset[str]
    files: int = 0
    bytes: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    kept: list[Finding] = field(default_factory=list)
    examples: dict[str, Finding] = field(default_factory=dict)

    def count(self, item: Item) -> None:
        """Count an item of the version, inspected or seen before."""
        self.files += 1
        self.bytes += item.size

    def add(self, report: FileReport) -> None:
        """Add the findings of one inspected file."""
        for finding in report.findings:
            self.note(finding)

    def note(self, finding: Finding) -> None:
        """Add one finding; those beyond `KEPT_FINDINGS` are only counted."""
        self.counts[finding.entity_type] += 1
        self.examples.setdefault(finding.entity_type, finding)
        if len(self.kept) < KEPT_FINDINGS:
            self.kept.append(finding)

    def note_unconfined(self) -> None:
        """Hold a sensitive version that was read without every protection of the sandbox."""
        whole = Finding("", WHOLE_FILE, UNSCANNABLE, None, None, 1000, "sandbox", NOT_CONFINED)
        self.note(whole)

    @property
    def verdict(self) -> Verdict:
        """The verdict over every finding: it depends on their types alone."""
        return judge(tuple(self.examples.values()), self.declared)


class SeenContents:
    """Which contents were inspected already: the same bytes under the same kind of name."""

    def __init__(self) -> None:
        # An unnamed database: SQLite keeps it on disk and deletes it by itself.
        self._table = sqlite3.connect("", isolation_level=None)
        self._table.execute("PRAGMA journal_mode=OFF")
        self._table.execute("CREATE TABLE seen (content TEXT PRIMARY KEY) WITHOUT ROWID")

    def first_time(self, item: Item) -> bool:
        """Whether `item` was not asked about before; the suffix decides how it is read."""
        suffix = item.path.rpartition("/")[2].rpartition(".")[2].lower()
        added = self._table.execute(
            "INSERT OR IGNORE INTO seen VALUES (?)", (f"{item.sha256} {suffix}",)
        )
        return added.rowcount == 1

    def close(self) -> None:
        self._table.close()
