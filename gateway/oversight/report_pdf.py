"""A report as PDF. A Korean font is embedded if the host has one, else the reader's is used.

Without an embedded font the file names one of Adobe's standard Korean fonts (ISO 32000-1, 9.7.5),
for which every reader has a substitute or fetches one.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFError, TTFont
from reportlab.platypus import (
    KeepTogether,
    LongTable,
    Paragraph,
    SimpleDocTemplate,
    Spacer,
    TableStyle,
)

from gateway.oversight.coverage import NOT_COVERED
from gateway.oversight.report import (
    HEAD,
    SECTIONS,
    TITLES,
    Names,
    Report,
    Row,
    Section,
    cells,
    facts,
)

READERS_OWN, EMBEDDED = "HYGothic-Medium", "NanumGothic"
# Where Debian's fonts-nanum puts it (SIL Open Font License 1.1, which allows embedding).
FONT_FILE = Path("/usr/share/fonts/truetype/nanum/NanumGothic.ttf")
# Whoever has to read more than this reads the CSV file.
ROWS_SHOWN = 1000
# Without the section, which stands above each table.
WIDTHS = (26, 28, 28, 28, 24, 26, 32, 13, 22, 24, 26)
_GRID = TableStyle(
    [
        ("GRID", (0, 0), (-1, -1), 0.25, colors.HexColor("#9aa7ad")),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("LEFTPADDING", (0, 0), (-1, -1), 2),
        ("RIGHTPADDING", (0, 0), (-1, -1), 2),
        ("TOPPADDING", (0, 0), (-1, -1), 1),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 2),
    ]
)
_SHADE = colors.HexColor("#eef3f4")
_HEADED = TableStyle([("BACKGROUND", (0, 0), (-1, 0), _SHADE)], parent=_GRID)
_NAMED = TableStyle([("BACKGROUND", (0, 0), (0, -1), _SHADE)], parent=_GRID)


@dataclass(frozen=True, slots=True)
class Styles:
    """How text looks in one font."""

    font: str
    text: ParagraphStyle
    small: ParagraphStyle
    heading: ParagraphStyle
    title: ParagraphStyle


def fonts() -> Sequence[str]:
    """The fonts a report can be set in on this host, the preferred one first."""
    return (EMBEDDED, READERS_OWN) if _has_embedded(FONT_FILE) else (READERS_OWN,)


def pdf(report: Report, names: Names, font: str) -> bytes:
    """The report on A4 pages in one of `fonts()`; the same report gives the same bytes."""
    styles = _styles(font)
    buffer = io.BytesIO()
    title = TITLES[report.kind]
    document = SimpleDocTemplate(
        buffer, pagesize=landscape(A4), leftMargin=10 * mm, rightMargin=10 * mm,
        topMargin=12 * mm, bottomMargin=14 * mm, title=title, author="Sumun", invariant=1,
    )  # fmt: skip
    foot = _Foot(font)
    document.build(list(_story(report, names, styles)), onFirstPage=foot, onLaterPages=foot)
    return buffer.getvalue()


@cache
def _has_embedded(path: Path) -> bool:
    try:
        pdfmetrics.registerFont(TTFont(EMBEDDED, path))
    except (TTFError, OSError):
        return False
    return True


@cache
def _styles(font: str) -> Styles:
    if font == READERS_OWN:
        pdfmetrics.registerFont(UnicodeCIDFont(font))
    text = ParagraphStyle("text", fontName=font, fontSize=8, leading=12, wordWrap="CJK")
    return Styles(
        font,
        text,
        ParagraphStyle("small", text, fontSize=6.2, leading=8),
        ParagraphStyle("heading", text, fontSize=11, leading=16, spaceBefore=8, spaceAfter=4),
        ParagraphStyle("title", text, fontSize=15, leading=22, spaceAfter=6),
    )


def _story(report: Report, names: Names, styles: Styles) -> Iterator[Any]:
    yield Paragraph(TITLES[report.kind], styles.title)
    pairs = [
        [_cell(name, styles.text), _cell(value, styles.text)]
        for name, value in facts(report, names)
    ]
    yield LongTable(pairs, colWidths=[60 * mm, 217 * mm], style=_NAMED)
    for section in Section:
        yield from _section(report, section, names, styles)
    yield Paragraph("이 기록이 다루지 않는 것 (What this log does not cover)", styles.heading)
    for text in NOT_COVERED:
        yield KeepTogether([_cell(f"• {text.ko}", styles.text), _cell(text.en, styles.small)])


def _section(report: Report, section: Section, names: Names, styles: Styles) -> Iterator[Any]:
    rows = [row for row in report.rows if row.section is section]
    if not rows:
        return
    yield Paragraph(f"{SECTIONS[section]}: {len(rows)}", styles.heading)
    yield _table(report, rows[:ROWS_SHOWN], names, styles.small)
    if len(rows) > ROWS_SHOWN:
        more = f"처음 {ROWS_SHOWN}건만 표시했습니다. 전체는 CSV 파일에 있습니다."
        yield _cell(f"{more} (The first {ROWS_SHOWN}; the CSV file has all.)", styles.text)
    yield Spacer(1, 3 * mm)


def _table(report: Report, rows: Sequence[Row], names: Names, style: ParagraphStyle) -> LongTable:
    zone = ZoneInfo(report.zone)
    table = [[_cell(name, style) for name in HEAD[1:]]]
    table += [[_cell(value, style) for value in cells(row, names, zone)[1:]] for row in rows]
    return LongTable(table, colWidths=[width * mm for width in WIDTHS], repeatRows=1, style=_HEADED)


def _cell(value: object, style: ParagraphStyle) -> Paragraph:
    text = "" if value is None else str(value)
    for sign, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        text = text.replace(sign, entity)
    return Paragraph(text, style)


@dataclass(frozen=True, slots=True)
class _Foot:
    """Writes the page's number and the gate's name under each page."""

    font: str

    def __call__(self, canvas: Any, document: Any) -> None:
        canvas.setFont(self.font, 7)
        canvas.drawRightString(287 * mm, 8 * mm, str(document.page))
        canvas.drawString(10 * mm, 8 * mm, "수문 Sumun")
