"""Charts of several series: stacked columns, ranked bars, and a heat map of the week.

As those of `charts`: no script, no inline style, a `<title>` for every mark, and a table of the
same figures. A series has a kind of `labels.Kind`, whose colour and word mean the same everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import render_template
from markupsafe import Markup

from gateway.web.charts import HEIGHT, LEFT, MAX_LABELS, RIGHT, TOP, WIDTH, nice_ceiling, ticks

BOTTOM = 28
ROW, NAME, HEAT_LEFT, CELL, CELL_GAP, HEAT_TOP = 26, 190, 44, 24, 2, 18
LEVELS = 6


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


def stacked(data: Sequence[Stack], series: Sequence[Series], title: str, head: str) -> Markup:
    """Columns over time, one for each of `data`; `head` names what the labels are."""
    ceiling = nice_ceiling(max((one.total for one in data), default=0))
    slot = (WIDTH - LEFT - RIGHT) / max(len(data), 1)
    every = -(-len(data) // MAX_LABELS) or 1
    columns = [
        (one, _column(one, series, LEFT + slot * (place + 0.15), slot * 0.7, ceiling),
         round(LEFT + slot * (place + 0.5), 1), place % every == 0)
        for place, one in enumerate(data)
    ]  # fmt: skip
    return _render(
        "stacked", data, series, title, head, columns=columns, ticks=ticks(ceiling),
        size=(WIDTH, HEIGHT, LEFT, RIGHT),
    )  # fmt: skip


def ranked(data: Sequence[Stack], series: Sequence[Series], title: str, head: str) -> Markup:
    """Horizontal bars, the longest first as given; labels may be links."""
    largest = max((one.total for one in data), default=0) or 1
    room = WIDTH - NAME - 70
    bars = [
        (one, _bar(one, series, place * ROW + 4, room / largest), place * ROW + 17)
        for place, one in enumerate(data)
    ]
    size = (WIDTH, len(data) * ROW + 4, NAME)
    return _render("ranked", data, series, title, head, bars=bars, size=size)


def heatmap(
    figures: Sequence[Sequence[int]], rows: Sequence[str], columns: Sequence[str], title: str
) -> Markup:
    """A grid of counts; a cell's colour has seven levels, its figure is in its title."""
    largest = max((value for row in figures for value in row), default=0)
    cells = [
        (Block(f"heat-{_level(value, largest)}", f"{rows[y]} {columns[x]}", value,
               HEAT_LEFT + x * CELL, HEAT_TOP + y * CELL, CELL - CELL_GAP, CELL - CELL_GAP))
        for y, row in enumerate(figures)
        for x, value in enumerate(row)
    ]  # fmt: skip
    size = (HEAT_LEFT + len(columns) * CELL, HEAT_TOP + len(rows) * CELL)
    context = {"figures": figures, "rows": rows, "columns": columns, "cells": cells}
    text = render_template(
        "chart_heat.html", title=title, size=size, left=HEAT_LEFT, top=HEAT_TOP, cell=CELL,
        largest=largest, **context,
    )  # fmt: skip
    return Markup(text)  # noqa: S704 the template escapes


def _column(
    one: Stack, series: Sequence[Series], x: float, width: float, ceiling: float
) -> list[Block]:
    blocks, base = [], float(HEIGHT - BOTTOM)
    for each, value in zip(series, one.values, strict=True):
        height = (HEIGHT - TOP - BOTTOM) * value / ceiling
        base -= height
        if value:
            blocks.append(_block(each, value, x, base, width, height))
    return blocks


def _bar(one: Stack, series: Sequence[Series], y: float, scale: float) -> list[Block]:
    blocks, x = [], float(NAME)
    for each, value in zip(series, one.values, strict=True):
        if value:
            blocks.append(_block(each, value, x, y, value * scale, ROW - 8))
        x += value * scale
    return blocks


def _block(series: Series, value: int, *shape: float) -> Block:
    x, y, width, height = shape
    rounded = (round(each, 1) for each in (x, y, width, max(height, 0.5)))
    return Block(series.kind, series.word, value, *rounded)


def _level(value: int, largest: int) -> int:
    """0 for nothing, then 1 to 6 in equal steps of the largest."""
    return -(-value * LEVELS // largest) if value else 0


def _render(
    kind: str,
    data: Sequence[Stack],
    series: Sequence[Series],
    title: str,
    head: str,
    **shapes: Any,
) -> Markup:
    text = render_template(
        f"chart_{kind}.html", data=data, series=series, title=title, head=head, **shapes
    )
    return Markup(text)  # noqa: S704 the template escapes
