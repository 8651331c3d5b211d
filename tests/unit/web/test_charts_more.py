"""Charts of several series: every figure is there as a mark, in words, and in a table."""

from __future__ import annotations

import itertools
import re

import pytest
from flask import Flask

from gateway.web.charts_more import Series, Stack, heatmap, ranked, scale, stacked

SERIES = [Series("ok", "Allowed"), Series("stop", "Denied")]
DATA = [Stack("11-01", (30, 10)), Stack("11-02", (0, 0)), Stack("<b>", (5, 0), "/x?a=1&b=2")]
SHAPE = r"x=\"([\d.]+)\" y=\"([\d.]+)\" width=\"([\d.]+)\" height=\"([\d.]+)\""
RECT = re.compile(rf"<rect class=\"([\w-]+)\" {SHAPE}")


def drawn(text: str) -> list[tuple[str, float, float, float, float]]:
    return [
        (kind, *(float(each) for each in shape))  # type: ignore[misc]
        for kind, *shape in RECT.findall(text)
    ]


@pytest.fixture(autouse=True)
def request_context(app: Flask):  # type: ignore[no-untyped-def]
    with app.test_request_context("/?lang=en"):
        yield


def test_columns_stand_on_each_other_and_nothing_is_drawn_for_nothing() -> None:
    first, second, third = drawn(str(stacked(DATA, SERIES, "By day", "Day")))

    assert [first[0], second[0], third[0]] == ["series-ok", "series-stop", "series-ok"]
    assert first[1] == second[1]
    assert second[2] + second[4] == pytest.approx(first[2], abs=0.2)
    assert first[4] == pytest.approx(3 * second[4], abs=0.3)


def test_bars_follow_each_other_and_lead_where_they_should() -> None:
    text = str(ranked(DATA, SERIES, "By dataset", "Dataset"))
    first, second, _ = drawn(text)

    assert first[1] + first[3] == pytest.approx(second[1], abs=0.2)
    assert 'href="/x?a=1&amp;b=2"' in text


@pytest.mark.parametrize("chart", [stacked, ranked])
def test_every_figure_is_in_words_and_in_the_table_and_markup_is_text(chart) -> None:  # type: ignore[no-untyped-def]
    text = str(chart(DATA, SERIES, "Title", "Head"))

    assert "<title>11-01 · Denied: 10</title>" in text
    assert '<th scope="row">11-02</th><td class="num">0</td><td class="num">0</td>' in text
    assert "<b>" not in text
    assert 'style="' not in text


def test_a_heat_map_has_a_cell_for_every_hour_and_seven_levels() -> None:
    figures = [[0, 1, 6], [12, 2, 3]]
    text = str(heatmap(figures, ["Mon", "Tue"], ["00", "01", "02"], "Week"))

    assert [kind for kind, *_ in drawn(text)] == [
        "heat-0", "heat-1", "heat-3", "heat-6", "heat-1", "heat-2",
    ]  # fmt: skip
    assert "<title>Tue 00: 12</title>" in text
    assert '<th scope="row">02</th><td class="num">6</td><td class="num">3</td>' in text


def test_nothing_to_show_is_said() -> None:
    empty = heatmap([[0]], ["a"], ["b"], "t")
    for text in (stacked([], SERIES, "t", "h"), ranked([], SERIES, "t", "h"), empty):
        assert "There is nothing to show for this period yet." in text
        assert "<rect" not in text


def test_words_are_text_of_the_page_and_not_of_the_picture_that_shrinks_with_it() -> None:
    pictures = (
        stacked(DATA, SERIES, "By day", "Day"),
        ranked(DATA, SERIES, "By dataset", "Dataset"),
        heatmap([[1, 2]], ["Mon"], ["00", "01"], "Week"),
    )
    for text in map(str, pictures):
        assert "<text" not in text
        assert 'preserveAspectRatio="none"' in text
        assert "width=" not in text.partition("<svg")[2].partition(">")[0]


def test_a_sentence_says_what_stands_out() -> None:
    text = str(stacked(DATA, SERIES, "By day", "Day", "Most on <11-01>: 40."))
    assert '<p class="fine">Most on &lt;11-01&gt;: 40.</p>' in text


def test_of_many_days_the_first_the_last_and_few_between_are_named() -> None:
    many = [Stack(f"day{n}", (n, 0)) for n in range(31)]
    text = str(stacked(many, SERIES, "By day", "Day"))
    named = re.findall(r"<span>(day\d+)</span>", text)
    assert named == ["day0", "day8", "day15", "day22", "day30"]


@pytest.mark.parametrize("largest", [0, 1, 4, 5, 9, 58, 99, 120, 401, 12_345, 999_999])
def test_lines_are_whole_even_few_and_enough(largest: int) -> None:
    lines = scale(largest)
    distances = {after - before for before, after in itertools.pairwise(lines)}
    assert lines[0] == 0
    assert lines[-1] >= largest
    assert len(distances) == 1
    assert 2 <= len(lines) <= 5
