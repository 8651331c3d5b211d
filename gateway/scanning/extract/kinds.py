"""Decide by name and content how a file is read. What is not known is not read: UNSCANNABLE."""

from __future__ import annotations

from enum import StrEnum
from pathlib import PurePosixPath
from typing import BinaryIO


class Kind(StrEnum):
    """The forms the scanner can look into."""

    TEXT = "text"
    JSON = "json"
    JSON_LINES = "json_lines"
    CSV = "csv"
    TSV = "tsv"
    DICOM = "dicom"
    ZIP = "zip"
    UNKNOWN = "unknown"


_TEXT_SUFFIXES = (
    *(".txt", ".text", ".md", ".markdown", ".rst", ".log", ".ini", ".cfg", ".conf", ".toml"),
    *(".yaml", ".yml", ".sql", ".py", ".sh", ".r", ".srt", ".vtt", ".lab", ".conll"),
    *(".properties", ".env", ".pem", ".key"),
)
_BY_SUFFIX = {
    ".csv": Kind.CSV,
    ".tsv": Kind.TSV,
    ".tab": Kind.TSV,
    ".jsonl": Kind.JSON_LINES,
    ".ndjson": Kind.JSON_LINES,
    ".json": Kind.JSON,
    ".geojson": Kind.JSON,
    ".dcm": Kind.DICOM,
    ".dicom": Kind.DICOM,
    ".zip": Kind.ZIP,
    **dict.fromkeys(_TEXT_SUFFIXES, Kind.TEXT),
    "": Kind.TEXT,
}
_ZIP_MARKS = (b"PK\x03\x04", b"PK\x05\x06")
# ZIP containers of another format: their XML would need its own reader.
_OFFICE = frozenset({".xlsx", ".docx", ".pptx", ".hwpx", ".odt", ".ods", ".odp", ".epub", ".jar"})
# Formats that look like text, or have a text file's name, and hide what they hold.
_HIDING = (
    *(b"%PDF-", b"%!PS", b"{\\rtf", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"PAR1"),
    *(b"\x1f\x8b", b"BZh", b"7z\xbc\xaf", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd", b"Rar!"),
    *(b"\xd0\xcf\x11\xe0", b"SQLite format 3"),
)


def kind_of(file: BinaryIO, name: str) -> Kind:
    """Return how to read `file`; what the content says goes before what the name says."""
    file.seek(0)
    head = file.read(132)
    suffix = PurePosixPath(name).suffix.lower()
    if head[128:132] == b"DICM":
        return Kind.DICOM
    if head.startswith(_ZIP_MARKS):
        return Kind.UNKNOWN if suffix in _OFFICE else Kind.ZIP
    if head.startswith(_HIDING):
        return Kind.UNKNOWN
    return _BY_SUFFIX.get(suffix, Kind.UNKNOWN)
