"""Charts of several series: stacked columns, ranked bars, and a heat map of the week.

As those of `charts`: no script, no inline style, a `<title>` for every mark, and a table of the
same figures. A series has a kind of `labels.Kind`, whose colour and word mean the same everywhere.

Only marks are drawn as SVG, and they stretch with the page; words and figures beside them are
text of the page, so they are as large on a telephone as anywhere else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import render_template
from markupsafe import Markup

WIDE, HIGH, SLOT, GAP = 100, 100, 10, 1.5
CELL, CELL_GAP = 10, 0.8
LEVELS, LINES, MAX_LABELS = 6, 4, 5


@dataclass(frozen=True, slots=True)
class Series:
    """One series: its kind (`ok`, `wait`, `warn`, `stop`, `info`, `off`) and word."""

    kind: str
    word: Any


@dataclass(frozen=True, slots=True)
class Stack:
    """A label with one figure for each series."""

    label: str
    values: Sequence[int]
    href: str = ""

    @property
    def total(self) -> int:
        """All series together."""
        return sum(self.values)


@dataclass(frozen=True, slots=True)
class Block:
    """A rectangle on the canvas, in the viewBox's units."""

    kind: str
    word: Any
    value: int
    x: float
    y: float
    width: float
    height: float


def stacked(
    data: Sequence[Stack], series: Sequence[Series], title: str, head: str, note: str = ""
) -> Markup:
    """Columns over time, one for each of `data`; `head` names what the labels are.

    `note` is a sentence that says what is counted, or what stands out.
    """
    lines = scale(max((one.total for one in data), default=0))
    columns = [
        (one, _column(one, series, place * SLOT + GAP, lines[-1])) for place, one in enumerate(data)
    ]
    return _render(
        "stacked", data, series, title, head, note=note, columns=columns, lines=lines,
        labels=_some([one.label for one in data]), size=(SLOT * len(data), HIGH),
    )  # fmt: skip


def ranked(
    data: Sequence[Stack], series: Sequence[Series], title: str, head: str, note: str = ""
) -> Markup:
    """Horizontal bars, the longest first as given; labels may be links."""
    largest = max((one.total for one in data), default=0) or 1
    bars = [(one, _bar(one, series, WIDE / largest)) for one in data]
    return _render("ranked", data, series, title, head, note=note, bars=bars, size=(WIDE, SLOT))


def heatmap(
    figures: Sequence[Sequence[int]],
    rows: Sequence[str],
    columns: Sequence[str],
    title: str,
    note: str = "",
) -> Markup:
    """A grid of counts; a cell's colour has seven levels, its figure is in its title."""
    largest = max((value for row in figures for value in row), default=0)
    side = CELL - CELL_GAP
    cells = [
        Block(f"heat-{_level(value, largest)}", f"{rows[y]} {columns[x]}", value,
              x * CELL, y * CELL, side, side)
        for y, row in enumerate(figures)
        for x, value in enumerate(row)
    ]  # fmt: skip
    size = (len(columns) * CELL, len(rows) * CELL)
    context = {"figures": figures, "rows": rows, "columns": columns, "cells": cells}
    text = render_template(
        "chart_heat.html", title=title, note=note, size=size, largest=largest, **context
    )
    return Markup(text)  # noqa: S704 the template escapes


def scale(largest: int) -> list[int]:
    """The lines across a chart: whole, evenly spaced, from 0 to the first that is enough.

    At most five; their distance is 1, 2 or 5 times a power of ten.
    """
    power = 10 ** max(0, len(str(max(largest, 1))) - 2)
    distance = next(
        step * more * power
        for more in (1, 10, 100)
        for step in (1, 2, 5)
        if step * more * power * LINES >= largest
    )
    return [distance * place for place in range(max(1, -(-largest // distance)) + 1)]


def _some(labels: Sequence[str]) -> list[str]:
    """A few labels at even distances, the first and the last among them."""
    if len(labels) <= MAX_LABELS:
        return list(labels)
    last = MAX_LABELS - 1
    return [labels[round(place * (len(labels) - 1) / last)] for place in range(MAX_LABELS)]


def _column(one: Stack, series: Sequence[Series], x: float, ceiling: int) -> list[Block]:
    blocks, base = [], float(HIGH)
    for each, value in zip(series, one.values, strict=True):
        height = HIGH * value / ceiling
        base -= height
        if value:
            blocks.append(_block(each, value, x, base, SLOT - 2 * GAP, height))
    return blocks


def _bar(one: Stack, series: Sequence[Series], scale: float) -> list[Block]:
    blocks, x = [], 0.0
    for each, value in zip(series, one.values, strict=True):
        if value:
            blocks.append(_block(each, value, x, 0, value * scale, SLOT))
        x += value * scale
    return blocks


def _block(series: Series, value: int, *shape: float) -> Block:
    x, y, width, height = (round(each, 2) for each in shape)
    return Block(series.kind, series.word, value, x, y, width, height)


def _level(value: int, largest: int) -> int:
    """0 for nothing, then 1 to 6 in equal steps of the largest."""
    return -(-value * LEVELS // largest) if value else 0


def _render(
    kind: str,
    data: Sequence[Stack],
    series: Sequence[Series],
    title: str,
    head: str,
    **shown: Any,
) -> Markup:
    text = render_template(
        f"chart_{kind}.html", data=data, series=series, title=title, head=head, **shown
    )
    return Markup(text)  # noqa: S704 the template escapes
