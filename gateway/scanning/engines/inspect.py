"""What the child does with one file: choose a reader, detect, mask. No process, no socket here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import BinaryIO

from gateway.scanning.engines import dicom
from gateway.scanning.engines.detect import Detected, detect, masked_name
from gateway.scanning.extract import archive, lines, table, text
from gateway.scanning.extract.archive import Budget
from gateway.scanning.extract.kinds import Kind, kind_of
from gateway.scanning.extract.segment import Piece, Pieces, Problem, Segment, Unscannable
from gateway.scanning.model import (
    MASK,
    MAX_FINDINGS,
    UNSCANNABLE,
    FileReport,
    Finding,
    Location,
    Reason,
    unscannable,
)

_PERSON = "PERSON"
_NAMED_PLACES = ("member", "column", "field")


def inspect(file: BinaryIO, size: int, path: str, languages: frozenset[str]) -> FileReport:
    """Return what `file` holds. Whatever goes wrong becomes an UNSCANNABLE finding."""
    found: list[Detected] = []
    try:
        pieces = read(file, path, Budget(compressed=size))
        for detected in _detected(pieces, path, languages):
            found.append(detected)
            if len(found) >= MAX_FINDINGS:
                raise Unscannable(Reason.TOO_MANY_FINDINGS)
    except Unscannable as problem:
        found.append(Detected(unscannable(path, problem.reason), ""))
    except MemoryError:
        found.append(Detected(unscannable(path, Reason.MEMORY_LIMIT), ""))
    except Exception:
        # A hostile file may break a parser in any way; nothing of it may count as clean.
        found.append(Detected(unscannable(path, Reason.PARSER_FAILED), ""))
    findings = tuple(_masked(found, languages))
    reasons = (f.context for f in findings if f.entity_type == UNSCANNABLE)
    return FileReport(path, size, findings, next(reasons, None))


def read(file: BinaryIO, name: str, budget: Budget) -> Pieces:
    """Yield the pieces of one file or member, read as its kind."""
    kind = kind_of(file, name)
    if kind is Kind.DICOM:
        yield from _dicom(file, budget)
    elif kind is Kind.ZIP:
        yield from archive.read(_seekable(file, budget), budget, read)
    elif kind is Kind.JSON_LINES:
        yield from lines.read(file)
    elif kind in (Kind.CSV, Kind.TSV):
        yield from table.read(file, "\t" if kind is Kind.TSV else "")
    elif kind in (Kind.TEXT, Kind.JSON):
        yield from text.read(file, escaped=kind is Kind.JSON)
    else:
        yield Problem(Reason.UNSUPPORTED_TYPE)


def _seekable(file: BinaryIO, budget: Budget) -> BinaryIO:
    """A member is held in memory where its format is read from several places at once."""
    return archive.hold(file) if budget.depth else file


def _dicom(file: BinaryIO, budget: Budget) -> Pieces:
    try:
        held = _seekable(file, budget)
        size = held.seek(0, 2)
        yield from dicom.read(held, size)
    except Unscannable as problem:
        yield Problem(problem.reason)


def _detected(pieces: Pieces, path: str, languages: frozenset[str]) -> Iterator[Detected]:
    """Detect in segments as they come; problems and identifiers by tag are findings already."""
    ready: list[Detected] = []
    segments = _segments(pieces, path, ready)
    for detected in detect(segments, path, languages):
        yield from _drain(ready)
        yield detected
    yield from _drain(ready)


def _drain(ready: list[Detected]) -> Iterator[Detected]:
    waiting, ready[:] = list(ready), []
    yield from waiting


def _segments(pieces: Pieces, path: str, ready: list[Detected]) -> Iterator[Segment]:
    for piece in pieces:
        if isinstance(piece, Segment) and not isinstance(piece, dicom.Identifier):
            yield piece
            continue
        ready.append(Detected(_immediate(piece, path), ""))
        if len(ready) >= MAX_FINDINGS:
            raise Unscannable(Reason.TOO_MANY_FINDINGS)


def _immediate(piece: Piece, path: str) -> Finding:
    if isinstance(piece, Problem):
        return unscannable(path, piece.reason, piece.location)
    return Finding(path, piece.location, dicom.IDENTIFIER, 0, len(piece.text), 1000,
                   "DicomTagRecognizer", MASK * min(6, len(piece.text)))  # fmt: skip


def _masked(found: list[Detected], languages: frozenset[str]) -> Iterator[Finding]:
    """Mask what only the whole file gives away: a name known by its cue elsewhere, and places."""
    names = {d.value for d in found if d.finding.entity_type == _PERSON}
    shown: dict[str, str] = {}
    for detected in found:
        finding = detected.finding
        context = finding.context
        if finding.entity_type != UNSCANNABLE:
            context = _without(names, context)
        place = _place(finding.location, shown, languages)
        yield replace(finding, location=place, context=context)


def _without(names: set[str], context: str) -> str:
    for start in range(len(context)):
        for length in (4, 3, 2) if names else ():
            if context[start : start + length] in names:
                context = context[:start] + MASK * length + context[start + length :]
    return context


def _place(location: Location, shown: dict[str, str], languages: frozenset[str]) -> Location:
    if not any(key in location for key in _NAMED_PLACES):
        return dict(location)
    return {k: _shown(v, shown, languages) if k in _NAMED_PLACES else v
            for k, v in location.items()}  # fmt: skip


def _shown(name: str | int, shown: dict[str, str], languages: frozenset[str]) -> str | int:
    if isinstance(name, int):
        return name
    if name not in shown:
        shown[name] = masked_name(name, languages)
    return shown[name]
