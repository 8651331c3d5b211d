"""CSV answers that Korean Excel opens rightly and that never run as formulas."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from urllib.parse import quote

from flask import Response

BOM = "\ufeff"
# OWASP, "CSV Injection": what makes a spreadsheet read a cell as a formula.
DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def safe(cell: Any) -> Any:
    """`cell` as it may stand in a spreadsheet: text that looks like a formula gets a quote."""
    if cell is None:
        return ""
    if isinstance(cell, int | float):
        return cell
    text = str(cell)
    return "'" + text if text.lstrip(" ").startswith(DANGEROUS) else text


def lines(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """The CSV text, a row at a time (RFC 4180 with a byte-order mark)."""
    yield BOM + _line(header)
    for row in rows:
        yield _line(row)


def _line(cells: Sequence[Any]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerow([safe(cell) for cell in cells])
    return buffer.getvalue()


def answer(filename: str, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> Response:
    """A download of `rows`. `rows` must not need an open database session any more."""
    response = Response(lines(header, rows), content_type="text/csv; charset=utf-8")
    disposition = f"attachment; filename=\"export.csv\"; filename*=UTF-8''{quote(filename)}"
    response.headers["Content-Disposition"] = disposition
    response.headers["Cache-Control"] = "no-store"
    return response
