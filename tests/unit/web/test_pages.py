from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from markupsafe import Markup

from gateway.web import charts, csv, filters, nav
from gateway.web.i18n import language, translate

SEOUL = ZoneInfo("Asia/Seoul")
NOW = datetime(2026, 11, 23, 15, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("query", "cookie", "account", "header", "expected"),
    [
        ("?lang=en", "ko", "ko", "ko", "en"),
        ("?lang=fr", "en", "ko", "ko", "en"),
        ("", "", "en", "ko", "en"),
        ("", "", "", "en-GB,en;q=0.9", "en"),
        ("", "", "", "fr", "ko"),
        ("", "", "", "", "ko"),
    ],
)
def test_language_is_asked_of_address_cookie_account_browser_in_turn(
    app: Flask, query: str, cookie: str, account: str, header: str, expected: str
) -> None:
    from flask import g

    headers = {"Accept-Language": header, "Cookie": f"lang={cookie}"}
    with app.test_request_context(f"/{query}", headers=headers):
        g.viewer = type("Viewer", (), {"locale": account})()
        assert language() == expected


def test_a_chosen_language_stays_for_the_next_page(client: Any) -> None:
    client.get("/page?lang=en")

    assert '<html lang="en">' in client.get("/page").text


def test_a_mail_can_be_written_in_either_language() -> None:
    assert translate("ko", "Sign in") == "로그인"
    assert translate("en", "Sign in") == "Sign in"


def test_moments_are_shown_in_the_gateways_zone() -> None:
    shown = filters.when(NOW, SEOUL)

    assert ">2026-11-24 00:30</time>" in shown
    assert 'datetime="2026-11-23T15:30:00Z"' in shown
    assert "2026-11-24</time>" in filters.day(NOW, SEOUL)


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="without a time zone"):
        filters.when(NOW.replace(tzinfo=None), SEOUL)


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.00 kB"),
        (999_999, "1.00 MB"),
        (1_254_000_000, "1.25 GB"),
        (20_000_000_000_000, "20.0 TB"),
        (None, "–"),
    ],
)
def test_sizes_read_well(octets: int | None, expected: str) -> None:
    assert filters.size(octets) == expected


def test_ago_speaks_the_readers_language(app: Flask) -> None:
    with app.test_request_context("/?lang=ko"):
        assert filters.ago(NOW - timedelta(days=3), NOW) == "3일 전"
    with app.test_request_context("/?lang=en"):
        assert filters.ago(NOW - timedelta(days=3), NOW) == "3 days ago"


def test_static_files_are_immutable_only_under_their_own_hash(client: Any) -> None:
    page = client.get("/page").text
    address = re.search(r'href="(/static/sumun\.css\?v=\w+)"', page)
    assert address

    assert "immutable" in client.get(address[1]).headers["Cache-Control"]
    assert client.get("/static/sumun.css?v=other").headers["Cache-Control"] == "no-cache"
    assert client.get("/static/..%2fforms.py").status_code == 404


def test_a_page_holds_nothing_inline(client: Any) -> None:
    page = client.get("/page").text

    assert not re.search(r"<script|<style|\sstyle=|\son\w+=|javascript:", page)


def test_the_menu_shows_what_the_viewers_roles_allow(app: Flask) -> None:
    menu = nav.navigation(app)
    menu.add(nav.NavItem("page", "심의", nav.with_role("committee_member"), 20))
    menu.add(nav.NavItem("page", "데이터셋", nav.everyone, 10))
    viewer: Any = type("V", (), {"roles": frozenset({"committee_member"})})()

    assert [item.label for item in menu.visible_to(None)] == ["데이터셋"]
    assert [item.label for item in menu.visible_to(viewer)] == ["데이터셋", "심의"]


@pytest.mark.parametrize(("language", "word"), [("ko", "메뉴"), ("en", "Menu")])
def test_the_menu_is_in_the_page_in_a_row_and_folded(
    app: Flask, client: Any, language: str, word: str
) -> None:
    nav.navigation(app).add(nav.NavItem("page", "데이터셋"))

    page = client.get(f"/page?lang={language}").text

    assert f"<summary>{word}</summary>" in page
    assert page.count('<nav aria-label="') == 1
    assert page.count(">데이터셋</a>") == 2


def test_panels_of_a_slot_come_in_order_and_an_empty_slot_is_empty(app: Flask) -> None:
    panels = nav.panels(app)
    panels.add("dataset", lambda name: Markup("<b>{}</b>").format(name), 20)
    panels.add("dataset", lambda name: Markup("first "), 10)

    assert panels.render("dataset", name="<x>") == "first <b>&lt;x&gt;</b>"
    assert panels.render("elsewhere") == ""


def test_a_chart_carries_titles_and_the_same_figures_as_a_table(app: Flask) -> None:
    with app.test_request_context("/"):
        chart = charts.bars([("1월", 12), ("<2월>", 40)], "월별", ("월", "건"))

    assert "<title>1월: 12</title>" in chart
    assert '<th scope="row">&lt;2월&gt;</th><td class="num">40</td>' in chart
    assert "style=" not in chart


def test_a_chart_without_figures_says_so(app: Flask) -> None:
    with app.test_request_context("/?lang=ko"):
        assert "표시할 내용이 아직 없습니다" in charts.line([], "월별", ("월", "건"))


@pytest.mark.parametrize(
    ("largest", "expected"), [(0, 1), (1, 1), (7, 10), (91, 100), (240, 250), (4_001, 5_000)]
)
def test_the_scale_ends_on_a_round_figure(largest: float, expected: float) -> None:
    assert charts.nice_ceiling(largest) == expected


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@x", "\t=1", " =1", "＝1"])
def test_csv_cells_never_run_as_formulas(cell: str) -> None:
    assert csv.safe(cell).startswith("'")


def test_csv_opens_in_korean_excel(app: Flask) -> None:
    answer = csv.answer("감사 기록.csv", ["이름", "수"], [["김하늘", -3]])

    assert answer.get_data().startswith("\ufeff이름,수\r\n김하늘,-3\r\n".encode())
    assert "filename*=UTF-8''%EA" in answer.headers["Content-Disposition"]
