"""The period of a report that nobody has signed: days as they were asked for."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from audit import stats
from gateway.clock import to_ms
from gateway.oversight.gaps import expect_whole
from gateway.oversight.queries import field_problem, moment
from gateway.oversight.reading import Reading
from gateway.oversight.report import Kind, Report
from gateway.oversight.service_search import Desk

LONGEST = timedelta(days=366)


def rights_span(desk: Desk, opened: Reading, since: str, until: str) -> Report:
    """The period of a report of rights, without its rows.

    Raises Problem 422 naming a day, 409 when entries of the period were pruned.
    """
    settings = desk.runtime.settings
    start = _edge("since", since, settings.zone)
    end = _edge("until", until, settings.zone, whole_day=True)
    now = desk.runtime.clock.now()
    if not start < end <= start + LONGEST:
        raise field_problem(
            "until", "시작일부터 1년 안의 날짜를 적어 주십시오.",
            "Choose a day within a year after the first.",
        )  # fmt: skip
    if start > now:
        raise field_problem("since", "아직 오지 않은 날짜입니다.", "This day has not come yet.")
    expect_whole(opened, start, end, settings.zone)
    span = (stats.boundary(opened.sql, to_ms(start)), stats.ending(opened.sql, to_ms(end)))
    return Report(
        Kind.ROLES, f"{since}..{until}", desk.runtime.journal.log.origin, settings.timezone,
        start, end, span[0], max(span), [],
    )  # fmt: skip


def _edge(field: str, text: str, zone: ZoneInfo, *, whole_day: bool = False) -> datetime:
    found = moment(field, text or None, zone, whole_day=whole_day)
    if found is None:
        raise field_problem(field, "날짜를 적어 주십시오.", "Write a day.")
    return datetime.fromtimestamp(found / 1000, zone)
