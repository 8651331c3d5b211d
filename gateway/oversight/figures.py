"""Figures for charts, from the counts that the worker keeps by the hour."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from audit.event import Domain
from audit.vault import KeyVault
from gateway.clock import from_ms, to_ms
from gateway.identity.models import Organisation
from gateway.journal import Outcome
from gateway.oversight.models import LogTally, LogWatch

DEFAULT_DAYS, MAX_DAYS = 30, 366
TOP = 8
HOURS, WEEKDAYS = 24, 7
# The series of every chart: allowed, needs review, denied, failed.
SERIES: tuple[tuple[Outcome, ...], ...] = (
    (Outcome.SUCCESS, Outcome.ALLOW, Outcome.DELEGATED),
    (Outcome.REVIEW,),
    (Outcome.DENY,),
    (Outcome.FAILURE,),
)
Values = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Span:
    """Whole local days, both ends included."""

    first: date
    last: date
    zone: ZoneInfo

    @property
    def days(self) -> list[date]:
        """Every day of the span."""
        return [self.first + timedelta(days=n) for n in range((self.last - self.first).days + 1)]

    @property
    def ms(self) -> tuple[int, int]:
        """The span in milliseconds, half-open."""
        ends = (self.first, self.last + timedelta(days=1))
        start, end = (to_ms(datetime.combine(day, datetime.min.time(), self.zone)) for day in ends)
        return start, end


@dataclass(frozen=True, slots=True)
class Figures:
    """Accesses of a span, each by series: over days, by dataset, by organisation, by hour.

    `week[weekday][hour]` counts every access; Monday is 0. `position` and `looked_at` say how
    far the log was counted.
    """

    days: Sequence[tuple[date, Values]]
    datasets: Sequence[tuple[str, Values]]
    organisations: Sequence[tuple[str, Values]]
    week: Sequence[Sequence[int]]
    totals: Values
    watch: LogWatch | None


def figures(session: Session, vault: KeyVault, span: Span) -> Figures:
    """The figures of a span."""
    hours = _hours(session, span)
    by_day: dict[date, Counter[int]] = {day: Counter() for day in span.days}
    week = [[0] * HOURS for _ in range(WEEKDAYS)]
    for hour_ms, series, count in hours:
        local = from_ms(hour_ms).astimezone(span.zone)
        by_day[local.date()][series] += count
        week[local.weekday()][local.hour] += count
    days = [(day, _values(counted)) for day, counted in by_day.items()]
    organisations = _named(session, vault, _ranked(session, span, "organisation"))
    totals = tuple(sum(values[place] for _, values in days) for place in range(len(SERIES)))
    return Figures(
        days, _ranked(session, span, "dataset"), organisations, week, totals,
        session.get(LogWatch, 1),
    )  # fmt: skip


def series_of(outcome: str) -> int:
    """The series an outcome belongs to; what an older log called otherwise counts as failed."""
    for place, outcomes in enumerate(SERIES):
        if outcome in outcomes:
            return place
    return len(SERIES) - 1


def _hours(session: Session, span: Span) -> Iterable[tuple[int, int, int]]:
    start, end = span.ms
    query = select(LogTally.hour_ms, LogTally.outcome, LogTally.entries).where(
        LogTally.dimension == "all", LogTally.hour_ms >= start, LogTally.hour_ms < end
    )
    return [(hour, series_of(outcome), count) for hour, outcome, count in session.execute(query)]


def _ranked(session: Session, span: Span, dimension: str) -> list[tuple[str, Values]]:
    start, end = span.ms
    query = (
        select(LogTally.value, LogTally.outcome, func.sum(LogTally.entries))
        .where(LogTally.dimension == dimension)
        .where(LogTally.hour_ms >= start, LogTally.hour_ms < end)
        .group_by(LogTally.value, LogTally.outcome)
    )
    found: dict[str, Counter[int]] = {}
    for value, outcome, count in session.execute(query):
        found.setdefault(value, Counter())[series_of(outcome)] += int(count)
    ordered = sorted(found.items(), key=lambda one: (-one[1].total(), one[0]))
    return [(value, _values(counted)) for value, counted in ordered[:TOP]]


def _named(
    session: Session, vault: KeyVault, ranked: list[tuple[str, Values]]
) -> list[tuple[str, Values]]:
    """The same with the names of organisations in place of their tokens."""
    if not ranked:
        return []
    names = {
        vault.token(Domain.ORGANISATION, str(known_id)): name
        for known_id, name in session.execute(select(Organisation.id, Organisation.name))
    }
    return [(names.get(token, f"#{token[:8]}"), values) for token, values in ranked]


def _values(counted: Counter[int]) -> Values:
    return tuple(counted[place] for place in range(len(SERIES)))
