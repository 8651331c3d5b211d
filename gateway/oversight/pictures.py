"""The charts of the auditor's pages."""

from __future__ import annotations

from collections.abc import Sequence
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
    return stacked(stacks, series(), shown, _("Day"))


def overview(found: Figures) -> list[Markup]:
    """Accesses over days, over the week, by dataset and by organisation."""
    datasets = [
        Stack(slug, values, url_for("audit.index", dataset=slug)) for slug, values in found.datasets
    ]
    organisations = [Stack(name, values) for name, values in found.organisations]
    return [
        by_day(found.days, _("Accesses by day and decision")),
        heatmap(found.week, weekdays(), hours(), _("Accesses by weekday and hour")),
        ranked(datasets, series(), _("Accesses by dataset"), _("Dataset")),
        ranked(organisations, series(), _("Accesses by organisation"), _("Organisation")),
    ]


def weekdays() -> list[str]:
    """The days of the week, Monday first."""
    return [_("Mon"), _("Tue"), _("Wed"), _("Thu"), _("Fri"), _("Sat"), _("Sun")]


def hours() -> list[str]:
    """The hours of the day."""
    return [f"{hour:02d}" for hour in range(HOURS)]
