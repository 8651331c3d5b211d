"""Adds up what a scan finds, in flat memory."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from gateway.scanning.model import UNSCANNABLE, WHOLE_FILE, FileReport, Finding, Verdict, judge

KEPT_FINDINGS = 5_000
# Context of the finding that stands for a host on which the parsers cannot be confined.
NOT_CONFINED = "parsers_not_confined"


@dataclass(slots=True)
class Tally:
    """Files and bytes, findings by type, and the first of them whole.

    `declared` are the entity types that the dataset rightly holds.
    """

    declared: frozenset[str]
    files: int = 0
    bytes: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    kept: list[Finding] = field(default_factory=list)
    examples: dict[str, Finding] = field(default_factory=dict)

    def count(self, size: int) -> None:
        """Count a file of `size` bytes, inspected now or seen before."""
        self.files += 1
        self.bytes += size

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
        """Hold sensitive content that was read without every protection of the sandbox."""
        whole = Finding("", WHOLE_FILE, UNSCANNABLE, None, None, 1000, "sandbox", NOT_CONFINED)
        self.note(whole)

    @property
    def verdict(self) -> Verdict:
        """The verdict over every finding: it depends on their types alone."""
        return judge(tuple(self.examples.values()), self.declared)
