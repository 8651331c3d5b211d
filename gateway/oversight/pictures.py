"""The charts of the auditor's pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from flask import url_for
from markupsafe import Markup

from gateway.oversight.figures import HOURS, Figures, Values
from gateway.web.charts_more import Series, Stack, heatmap, ranked, stacked
from gateway.web.i18n import gettext as _


def series() -> list[Series]:
    """The series of `figures.SERIES` with their words."""
    return [
        Series("ok", _("Allowed or done")),
        Series("wait", _("Needs review")),
        Series("stop", _("Denied")),
        Series("off", _("Failed")),
    ]


def by_day(days: Sequence[tuple[date, Values]], title: str = "") -> Markup:
    """Entries over days by decision."""
    stacks = [Stack(day.strftime("%m-%d"), values) for day, values in days]
    shown = title or _("Entries by day, at most the last 31 days of the search")
    return stacked(stacks, series(), shown, _("Day"), _busiest_day(days))


def overview(found: Figures, given: Mapping[str, str]) -> list[Markup]:
    """Accesses over days, over the week, by dataset and by organisation.

    `given` are the days of the period, which the links keep.
    """
    datasets = [
        Stack(
            slug,
            values,
            url_for("audit.index", dataset=slug, since=given["since"], until=given["until"]),
        )
        for slug, values in found.datasets
    ]
    return [
        by_day(found.days, _("Accesses by day and decision")),
        heatmap(
            found.week, weekdays(), hours(), _("Accesses by weekday and hour"),
            _busiest_hour(found.week),
        ),
        ranked(
            datasets, series(), _("Accesses by dataset"), _("Dataset"),
            _("The datasets asked for most, at most eight."),
        ),
        ranked(
            [Stack(name, values) for name, values in found.organisations], series(),
            _("Accesses by organisation"), _("Organisation"),
            _("For whom people acted, at most eight; accesses for none are left out."),
        ),
    ]  # fmt: skip


def _busiest_day(days: Sequence[tuple[date, Values]]) -> str:
    total, day = max(((sum(values), day) for day, values in days), default=(0, None))
    if not total or day is None:
        return ""
    return str(_("Most on %(day)s: %(num)s.", day=day.isoformat(), num=f"{total:,}"))


def _busiest_hour(week: Sequence[Sequence[int]]) -> str:
    total, day, hour = max(
        (count, day, hour) for day, row in enumerate(week) for hour, count in enumerate(row)
    )
    said = _("Most on %(day)s from %(hour)s:00: %(num)s.")
    return str(said) % {"day": weekdays()[day], "hour": hours()[hour], "num": f"{total:,}"}


def weekdays() -> list[str]:
    """The days of the week, Monday first."""
    return [_("Mon"), _("Tue"), _("Wed"), _("Thu"), _("Fri"), _("Sat"), _("Sun")]


def hours() -> list[str]:
    """The hours of the day."""
    return [f"{hour:02d}" for hour in range(HOURS)]
