"""Charts as SVG without scripts or inline styles, each beside a table of the same figures.

Classes carry the looks (`sumun.css`); every mark has a `<title>`, and readers who do not see the
picture have the table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import Flask, render_template
from markupsafe import Markup

Figures = Sequence[tuple[str, int | float]]

WIDTH, HEIGHT = 640, 200
LEFT, RIGHT, TOP, BOTTOM = 56, 8, 12, 28
BAR_SHARE = 0.7
TICKS = 4
MAX_LABELS = 8
SPARK_WIDTH, SPARK_HEIGHT = 96, 24


@dataclass(frozen=True, slots=True)
class Mark:
    """One figure on the canvas, in the viewBox's units."""

    label: str
    value: int | float
    x: float
    y: float
    width: float
    height: float
    labelled: bool


def nice_ceiling(largest: float) -> float:
    """The smallest 1, 2, 2.5 or 5 times a power of ten that is at least `largest`; 1 for 0."""
    if largest <= 0:
        return 1
    power = 10.0 ** (len(str(int(largest))) - 1) if largest >= 1 else 1.0
    return next(step * power for step in (1, 2, 2.5, 5, 10) if step * power >= largest)


def _marks(data: Figures, ceiling: float) -> list[Mark]:
    slot = (WIDTH - LEFT - RIGHT) / max(len(data), 1)
    room = HEIGHT - TOP - BOTTOM
    every = -(-len(data) // MAX_LABELS) or 1
    marks = []
    for index, (label, value) in enumerate(data):
        height = round(room * max(value, 0) / ceiling, 1)
        x = round(LEFT + slot * (index + (1 - BAR_SHARE) / 2), 1)
        y = round(TOP + room - height, 1)
        shown = index % every == 0
        marks.append(Mark(label, value, x, y, round(slot * BAR_SHARE, 1), height, shown))
    return marks


def ticks(ceiling: float) -> list[tuple[float, str]]:
    """The lines across a chart: their height and figure."""
    room = HEIGHT - TOP - BOTTOM
    steps = [ceiling * index / TICKS for index in range(TICKS + 1)]
    return [(round(TOP + room * (1 - step / ceiling), 1), _short(step)) for step in steps]


def _short(value: float) -> str:
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if value >= limit:
            scale = 1e3 if unit == "k" else limit
            return f"{value / scale:g}{unit}"
    return f"{value:g}"


def _chart(kind: str, data: Figures, title: str, head: tuple[str, str]) -> Markup:
    ceiling = nice_ceiling(max((value for _label, value in data), default=0))
    context: dict[str, Any] = {
        "kind": kind,
        "title": title,
        "head": head,
        "marks": _marks(data, ceiling),
        "ticks": ticks(ceiling),
        "size": (WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM),
    }
    return Markup(render_template("chart.html", **context))  # noqa: S704 the template escapes


def bars(data: Figures, title: str, head: tuple[str, str]) -> Markup:
    """A bar chart of (label, value ≥ 0) pairs; `head` names the table's two columns."""
    return _chart("bars", data, title, head)


def line(data: Figures, title: str, head: tuple[str, str]) -> Markup:
    """A line chart of (label, value ≥ 0) pairs in order; `head` names the table's columns."""
    return _chart("line", data, title, head)


def sparkline(values: Sequence[int | float], label: str) -> Markup:
    """A word-sized line for a table cell; `label` says in words what it shows."""
    ceiling = max([*values, 1])
    step = SPARK_WIDTH / max(len(values) - 1, 1)
    points = " ".join(
        f"{index * step:.1f},{SPARK_HEIGHT - 2 - (SPARK_HEIGHT - 4) * value / ceiling:.1f}"
        for index, value in enumerate(values)
    )
    return Markup(
        '<svg class="spark" viewBox="0 0 {} {}" role="img" aria-label="{}">'
        '<polyline points="{}"/></svg>'
    ).format(SPARK_WIDTH, SPARK_HEIGHT, label, points)


def install(app: Flask) -> None:
    """Templates have `bars(...)`, `line_chart(...)` and `sparkline(...)`."""
    app.jinja_env.globals.update(bars=bars, line_chart=line, sparkline=sparkline)
