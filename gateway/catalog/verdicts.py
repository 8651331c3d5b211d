"""What the last scan says about a version, and what may follow from it."""

from __future__ import annotations

from gateway.catalog.models import DatasetVersion
from gateway.scanning.model import RULESET, Verdict
from gateway.scanning.models import Scan

PASSING = frozenset({Verdict.CLEAN, Verdict.EXPECTED})


def is_current(version: DatasetVersion) -> bool:
    """Whether the last scan read this very manifest with the rules in force."""
    return (
        version.manifest_sha256 is not None
        and version.scanned_manifest == version.manifest_sha256
        and version.ruleset == RULESET
    )


def passes(scan: Scan | None) -> bool:
    """Whether a scan lets a version out without a reason by a person."""
    return scan is not None and scan.verdict in PASSING
