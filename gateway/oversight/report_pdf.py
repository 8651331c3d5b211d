"""A report as PDF. Korean comes from the reader's own CJK font, so no font file is carried."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.platypus import LongTable, Paragraph, SimpleDocTemplate, Spacer, TableStyle

from gateway.oversight.coverage import NOT_COVERED
from gateway.oversight.report import HEAD, SECTIONS, TITLES, Names, Report, Section, cells, facts

FONT = "HYGothic-Medium"
# Whoever has to read more than this reads the CSV file.
ROWS_SHOWN = 1000
WIDTHS = (19, 26, 26, 26, 28, 22, 24, 30, 12, 20, 18, 26)
TEXT = ParagraphStyle("text", fontName=FONT, fontSize=8, leading=12, wordWrap="CJK")
SMALL = ParagraphStyle("small", TEXT, fontSize=6.2, leading=8)
HEADING = ParagraphStyle("heading", TEXT, fontSize=11, leading=16, spaceBefore=8, spaceAfter=4)
TITLE = ParagraphStyle("title", TEXT, fontSize=15, leading=22, spaceAfter=6)
_GRID = TableStyle(
    [
        ("GRID", (0, 0), (-1, -1), 0.25, colors.HexColor("#9aa7ad")),
        ("BACKGROUND", (0, 0), (-1, 0), colors.HexColor("#eef3f4")),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("LEFTPADDING", (0, 0), (-1, -1), 2),
        ("RIGHTPADDING", (0, 0), (-1, -1), 2),
        ("TOPPADDING", (0, 0), (-1, -1), 1),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 2),
    ]
)


def pdf(report: Report, names: Names) -> bytes:
    """The report on A4 pages; the same report gives the same bytes."""
    pdfmetrics.registerFont(UnicodeCIDFont(FONT))
    buffer = io.BytesIO()
    title = TITLES[report.kind]
    document = SimpleDocTemplate(
        buffer, pagesize=landscape(A4), leftMargin=10 * mm, rightMargin=10 * mm,
        topMargin=12 * mm, bottomMargin=14 * mm, title=title, author="Sumun", invariant=1,
    )  # fmt: skip
    document.build(list(_story(report, names)), onFirstPage=_foot, onLaterPages=_foot)
    return buffer.getvalue()


def _story(report: Report, names: Names) -> Iterator[Any]:
    yield Paragraph(TITLES[report.kind], TITLE)
    pairs = [[_cell(name, TEXT), _cell(value, TEXT)] for name, value in facts(report, names)]
    yield LongTable(pairs, colWidths=[60 * mm, 217 * mm], style=_GRID)
    for section in Section:
        yield from _section(report, section, names)
    yield Paragraph("이 기록이 다루지 않는 것 (What this log does not cover)", HEADING)
    for text in NOT_COVERED:
        yield _cell(f"• {text.ko}", TEXT)
        yield _cell(text.en, SMALL)


def _section(report: Report, section: Section, names: Names) -> Iterator[Any]:
    rows = [row for row in report.rows if row.section is section]
    if not rows:
        return
    zone = ZoneInfo(report.zone)
    yield Paragraph(f"{SECTIONS[section]}: {len(rows)}", HEADING)
    table = [[_cell(name, SMALL) for name in HEAD]]
    table += [
        [_cell(value, SMALL) for value in cells(row, names, zone)] for row in rows[:ROWS_SHOWN]
    ]
    yield LongTable(table, colWidths=[width * mm for width in WIDTHS], repeatRows=1, style=_GRID)
    if len(rows) > ROWS_SHOWN:
        more = f"처음 {ROWS_SHOWN}건만 표시했습니다. 전체는 CSV 파일에 있습니다."
        yield _cell(f"{more} (The first {ROWS_SHOWN}; the CSV file has all.)", TEXT)
    yield Spacer(1, 3 * mm)


def _cell(value: object, style: ParagraphStyle) -> Paragraph:
    text = "" if value is None else str(value)
    for sign, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        text = text.replace(sign, entity)
    return Paragraph(text, style)


def _foot(canvas: Any, document: Any) -> None:
    canvas.setFont(FONT, 7)
    canvas.drawRightString(287 * mm, 8 * mm, str(document.page))
    canvas.drawString(10 * mm, 8 * mm, "수문 Sumun")
