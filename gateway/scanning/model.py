"""Values that leave the scanner: findings, reports, verdicts, and the ruleset's name."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib import metadata
from pathlib import Path
from types import MappingProxyType

UNSCANNABLE = "UNSCANNABLE"
CREDENTIAL = "SECRET"
MASK = "●"
LANGUAGES = ("ko", "en")
THRESHOLD_PERMILLE = 400
MAX_FINDINGS = 100_000

Location = Mapping[str, str | int]
WHOLE_FILE: Location = MappingProxyType({})


# Every name that a finding may carry, in this version or a later one.
ENTITY_TYPES = frozenset(
    [
        "CREDIT_CARD",
        "DATE_TIME",
        "DICOM_IDENTIFIER",
        "EMAIL_ADDRESS",
        "FACE",
        "GPS_LOCATION",
        "IBAN_CODE",
        "IP_ADDRESS",
        "KR_ADDRESS",
        "KR_BANK_ACCOUNT",
        "KR_BRN",
        "KR_CORP_REG",
        "KR_DRIVER_LICENSE",
        "KR_FRN",
        "KR_HEALTH_INSURANCE",
        "KR_PASSPORT",
        "KR_PHONE_NUMBER",
        "KR_RRN",
        "KR_VEHICLE_PLATE",
        "LOCATION",
        "MAC_ADDRESS",
        "MEDICAL_LICENSE",
        "PERSON",
        "PHONE_NUMBER",
        "SECRET",
        "UNSCANNABLE",
        "URL",
        "US_SSN",
        "VEHICLE_PLATE",
    ]
)


class Reason(StrEnum):
    """Why a file, or a part of it, could not be inspected. None of these is ever 'clean'."""

    UNSUPPORTED_TYPE = "unsupported_type"
    NOT_A_REGULAR_FILE = "not_a_regular_file"
    UNREADABLE = "unreadable"
    CHANGED_WHILE_READ = "changed_while_read"
    BINARY_CONTENT = "binary_content"
    BROKEN_ENCODING = "broken_encoding"
    MALFORMED_CSV = "malformed_csv"
    MALFORMED_JSON = "malformed_json"
    FIELD_TOO_LARGE = "field_too_large"
    CORRUPT_DICOM = "corrupt_dicom"
    EMBEDDED_DOCUMENT = "embedded_document"
    CORRUPT_ARCHIVE = "corrupt_archive"
    ENCRYPTED = "encrypted"
    ARCHIVE_RATIO = "archive_ratio"
    ARCHIVE_BYTES = "archive_bytes"
    ARCHIVE_DEPTH = "archive_depth"
    ARCHIVE_ENTRIES = "archive_entries"
    TOO_MANY_FINDINGS = "too_many_findings"
    MEMORY_LIMIT = "memory_limit"
    TIMED_OUT = "timed_out"
    PARSER_FAILED = "parser_failed"
    PARSER_DIED = "parser_died"
    MALFORMED_ANSWER = "malformed_answer"


class Verdict(StrEnum):
    """What the findings of a file or a package mean for letting it out."""

    CLEAN = "clean"
    EXPECTED = "expected"
    REVIEW = "review"
    BLOCKED = "blocked"


class ScanError(Exception):
    """The scanner itself cannot work (not: a file cannot be inspected). Says what to do next."""


class RedactError(Exception):
    """A file could not be de-identified; nothing usable was written. Carries a `Reason`."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(f"the file could not be de-identified: {reason}")
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Finding:
    """One detected item. `start`/`end` count Unicode code points in the text at `location`.

    `score_permille` is 0..1000. `context` is masked: it never holds the value, and for an
    `UNSCANNABLE` finding (no offsets) it holds the `Reason`.
    """

    path: str
    location: Location
    entity_type: str
    start: int | None
    end: int | None
    score_permille: int
    recognizer: str
    context: str


@dataclass(frozen=True, slots=True)
class FileReport:
    """What a scan of one file found.

    `unscannable` is the first reason why some part could not be inspected, or None; whenever it
    is set, `findings` also holds at least one `UNSCANNABLE` finding that says where.
    """

    path: str
    bytes: int
    findings: tuple[Finding, ...]
    unscannable: str | None


def unscannable(path: str, reason: Reason, location: Location = WHOLE_FILE) -> Finding:
    """Return the finding that says a part of `path` could not be inspected."""
    return Finding(path, location, UNSCANNABLE, None, None, 1000, "Extractor", str(reason))


def unscannable_report(path: str, size: int, reason: Reason) -> FileReport:
    """Return the report of a file that could not be inspected at all."""
    return FileReport(path, size, (unscannable(path, reason),), str(reason))


def judge(findings: tuple[Finding, ...] | list[Finding], declared: frozenset[str]) -> Verdict:
    """Weigh findings against a dataset's declared personal-data kinds.

    No finding is CLEAN; only declared kinds are EXPECTED; an undeclared SECRET is BLOCKED;
    anything else, UNSCANNABLE above all, is REVIEW. UNSCANNABLE cannot be declared.
    Only CLEAN and EXPECTED may pass without a person.
    """
    kinds = {finding.entity_type for finding in findings}
    undeclared = kinds - (declared - {UNSCANNABLE})
    if not kinds:
        return Verdict.CLEAN
    if not undeclared:
        return Verdict.EXPECTED
    return Verdict.BLOCKED if CREDENTIAL in undeclared else Verdict.REVIEW


def _ruleset() -> str:
    """Name the rules by their content, so that any edited rule is a new ruleset."""
    digest = hashlib.sha256()
    here = Path(__file__).parent
    sources = (here / "model.py", *here.glob("engines/*.py"), *here.glob("extract/*.py"))
    for source in sorted(sources):
        digest.update(source.relative_to(here).as_posix().encode())
        digest.update(source.read_bytes())
    return f"1-{digest.hexdigest()[:16]}-presidio{_presidio_version()}"


def _presidio_version() -> str:
    try:
        return metadata.version("presidio-analyzer")
    except metadata.PackageNotFoundError:
        return "-none"


RULESET = _ruleset()
