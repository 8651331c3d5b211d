"""Run the recognizers over segments: small ones together in one block, with an offset table."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from gateway.scanning.engines.analyzer import Hit, analyze
from gateway.scanning.engines.escapes import positions, unescape
from gateway.scanning.engines.rules import RECORD_END
from gateway.scanning.extract.segment import Segment
from gateway.scanning.model import MASK, Finding

BLOCK = 12_000
_REACH = 20
_MASK_LENGTH = 6
# Full-width digits and letters, dashes and blanks become ASCII, one character for one, so that
# offsets stay; the recognizers then need one spelling only.
_PLAIN = str.maketrans(
    {chr(0xFF01 + i): chr(0x21 + i) for i in range(94)}
    | dict.fromkeys("‐‑‒–—―−﹣", "-")
    | dict.fromkeys("\u00a0\u2002\u2003\u2009\u202f\u3000", " ")
)
# Whatever was not recognised but could still be somebody's number or address is masked as well.
_SUSPICIOUS = re.compile(r"[0-9](?:[-. ]?[0-9]){3,40}|[^\s@]{1,64}@[^\s@]{1,64}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class _Placed:
    """A segment's place in a block: its text runs from `begin` to `end`."""

    segment: Segment
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class Detected:
    """A finding and the value behind it. The value stays in the child; it serves to mask."""

    finding: Finding
    value: str


def detect(segments: Iterable[Segment], path: str, languages: frozenset[str]) -> Iterator[Detected]:
    """Yield what `segments` hold, in their order, each with a masked context."""
    batch: list[Segment] = []
    size = 0
    for segment in segments:
        batch.append(segment)
        size += len(segment.text) + len(segment.cue)
        if size >= BLOCK:
            yield from _block(batch, path, languages)
            batch, size = [], 0
    if batch:
        yield from _block(batch, path, languages)


def _block(batch: list[Segment], path: str, languages: frozenset[str]) -> Iterator[Detected]:
    text, table = _joined(batch)
    hits = analyze(text, languages)
    masked = _mask(text, hits)
    begins = [placed.begin for placed in table]
    for hit in hits:
        placed = table[max(0, bisect_right(begins, hit.start) - 1)]
        if _owned(placed, hit):
            yield Detected(_finding(placed, hit, masked, path), text[hit.start : hit.end])


def _joined(batch: list[Segment]) -> tuple[str, list[_Placed]]:
    """Join segments behind their cues. Nothing matches across `RECORD_END`."""
    parts: list[str] = []
    table, at = [], 0
    for segment in batch:
        cue = f"{segment.cue}: ".translate(_PLAIN) if segment.cue else ""
        text = unescape(segment.text) if segment.escaped else segment.text
        parts += (cue, text.translate(_PLAIN), RECORD_END)
        table.append(_Placed(segment, at + len(cue), at + len(cue) + len(text)))
        at += len(cue) + len(text) + 1
    return "".join(parts), table


def _owned(placed: _Placed, hit: Hit) -> bool:
    """A hit in a cue is no finding, and one in a margin is the neighbouring segment's."""
    segment = placed.segment
    if not placed.begin <= hit.start < placed.end:
        return False
    start = _original(placed, hit.start)
    return segment.lead <= start < len(segment.text) - segment.tail


def _original(placed: _Placed, at: int) -> int:
    """Translate a block offset into an offset of the segment's own text."""
    if not placed.segment.escaped:
        return at - placed.begin
    return positions(placed.segment.text, at - placed.begin)


def _finding(placed: _Placed, hit: Hit, masked: str, path: str) -> Finding:
    segment = placed.segment
    end = min(hit.end, placed.end)
    return Finding(
        path=path,
        location=segment.location,
        entity_type=hit.entity_type,
        start=segment.offset + _original(placed, hit.start),
        end=segment.offset + _original(placed, end - 1) + _width(placed, end - 1),
        score_permille=hit.score_permille,
        recognizer=hit.recognizer,
        context=_context(masked, placed, hit.start, end),
    )


def _width(placed: _Placed, at: int) -> int:
    """Return how many original characters the character at `at` was written with."""
    if not placed.segment.escaped:
        return 1
    return _original(placed, at + 1) - _original(placed, at)


def _mask(text: str, hits: list[Hit]) -> str:
    """Mask every hit, every further occurrence of its value, and whatever looks like a number."""
    chars = list(text)
    for value in {text[hit.start : hit.end] for hit in hits}:
        at = text.find(value)
        while at >= 0:
            chars[at : at + len(value)] = MASK * len(value)
            at = text.find(value, at + len(value))
    for hit in hits:
        chars[hit.start : hit.end] = MASK * (hit.end - hit.start)
    return _SUSPICIOUS.sub(lambda match: MASK * len(match[0]), "".join(chars))


def _context(masked: str, placed: _Placed, start: int, end: int) -> str:
    """Show up to 20 masked characters on either side, on one line, within the segment."""
    begin, stop = max(placed.begin, start - _REACH), min(placed.end, end + _REACH)
    before, after = masked[begin:start], masked[end:stop]
    head = "…" if begin > placed.begin else ""
    tail = "…" if stop < placed.end else ""
    shown = f"{head}{before}{MASK * min(_MASK_LENGTH, end - start)}{after}{tail}"
    return _CONTROL.sub(" ", shown)


def masked_name(name: str, languages: frozenset[str]) -> str:
    """Return a file's, column's or field's name with whatever it gives away masked."""
    text = name.translate(_PLAIN)
    hits = analyze(text, languages)
    if not hits:
        return _CONTROL.sub(" ", name)
    return _CONTROL.sub(" ", _mask(text, hits))
