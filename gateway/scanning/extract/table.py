"""CSV and TSV: cell by cell, with the column's name as a hint. RFC 4180 with any line end."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import BinaryIO

from gateway.scanning.extract import encoding, text
from gateway.scanning.extract.segment import Pieces, Problem, Unscannable
from gateway.scanning.model import Location, Reason

MAX_FIELD = 1 << 20
_SNIFF = 8_192
_DELIMITERS = ",;\t|"


def read(file: BinaryIO, delimiter: str = "") -> Pieces:
    """Yield cells at `{"row": n, "column": name}`; row 0 follows the header, which is row -1.

    A table that cannot be read cell by cell (broken quotes, a field over `MAX_FIELD`, no known
    encoding) is searched as plain text, at `{}`, and reported.
    """
    try:
        name = encoding.detect(file)
        yield from _cells(file, name, delimiter or _delimiter(file, name))
    except Unscannable as problem:
        if problem.reason not in (Reason.BINARY_CONTENT, Reason.BROKEN_ENCODING):
            yield Problem(problem.reason)
        yield from text.read(file)


def _delimiter(file: BinaryIO, name: str) -> str:
    """Guess by what the header holds most of; Korean exports use commas, tabs or semicolons."""
    head = next(encoding.chunks(file, name), "")[:_SNIFF].partition("\n")[0]
    return max(_DELIMITERS, key=lambda mark: (head.count(mark), mark == ","))


def _cells(file: BinaryIO, name: str, delimiter: str) -> Pieces:
    csv.field_size_limit(MAX_FIELD)
    rows = csv.reader(_lines(encoding.chunks(file, name)), delimiter=delimiter, strict=True)
    header: list[str] = []
    for number, row in enumerate(_checked(rows), -1):
        if number < 0:
            header = row
        for column, cell in enumerate(row):
            if cell:
                cue = header[column][:60] if number >= 0 and column < len(header) else ""
                place: Location = {"row": number, "column": _column(header, column, number)}
                yield from text.blocks([cell], place, cue=cue)


def _column(header: list[str], column: int, row: int) -> str:
    """Name a column by its header; by its place where it has none, or is itself being read."""
    named = row >= 0 and column < len(header) and header[column].strip()
    return header[column][:200] if named else f"#{column + 1}"


def _checked(rows: Iterator[list[str]]) -> Iterator[list[str]]:
    try:
        yield from rows
    except csv.Error as error:
        too_large = "field larger" in str(error)
        reason = Reason.FIELD_TOO_LARGE if too_large else Reason.MALFORMED_CSV
        raise Unscannable(reason) from error


def _lines(chunks: Iterator[str]) -> Iterator[str]:
    """Yield lines with their ends, never holding more than `MAX_FIELD` and one chunk."""
    held = ""
    for chunk in chunks:
        held += chunk
        *whole, held = io.StringIO(held, newline="").readlines() or [""]
        yield from whole
        if len(held) > MAX_FIELD:
            raise Unscannable(Reason.FIELD_TOO_LARGE)
    if held:
        yield held
