"""An ordinary person's month, made from a seed: what must never look like an anomaly.

They work on weekdays from eight to nine in the evening, mostly from the office and at times from
home; the way between takes at least half an hour. Most days have some downloads, a few many. An
evening may run late. A program may hold several addresses, one of them of the other family.
Passwords are mistyped, addresses expire, and the same refused address is tried again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

from gateway.clock import to_ms
from gateway.journal import Act, Outcome
from gateway.oversight.signs import Day, Happening

SEOUL = ZoneInfo("Asia/Seoul")
GRANT = "grant:1"
OFFICE, HOME = ("1.208.4.9", "2001:e60:1::9"), ("118.235.7.2",)
WORKDAYS = 5


@dataclass(frozen=True, slots=True)
class Done:
    """One thing somebody did."""

    at: datetime
    action: str
    outcome: str
    item: str | None
    ref: str | None
    address: str


def month(seed: int, first: date = date(2026, 10, 1), days: int = 31) -> Iterator[list[Done]]:
    """What somebody did on each day of a month, in order."""
    random = Random(seed)
    habit = random.randint(2, 60)
    for number in range(days):
        yield _day(random, first + timedelta(days=number), habit)


def days(seed: int) -> Iterator[Day]:
    """The same as the rules see it, with the pace of the days before."""
    pace: dict[int, int] = {}
    index = 0
    for done in month(seed):
        for one in done:
            if one.action == Act.DOWNLOAD_AUTHORIZED:
                start = to_ms(one.at) // 900_000 * 900_000
                pace[start] = pace.get(start, 0) + 1
        seen = [_seen(number, one) for number, one in enumerate(done, index)]
        index += len(done)
        if done:
            yield Day("ab" * 16, done[0].at.date(), SEOUL, seen, dict(pace), frozenset({GRANT}))


def _seen(index: int, one: Done) -> Happening:
    address = None if one.outcome == Outcome.DENY else one.address
    return Happening(
        index, to_ms(one.at), one.action, one.outcome, "voices", one.item, one.ref, address
    )


def _day(random: Random, day: date, habit: int) -> list[Done]:
    working = day.weekday() < WORKDAYS
    if not working and random.random() < 0.7:
        return []
    places = OFFICE if working and random.random() < 0.7 else HOME
    done = list(_downloads(random, day, places, _how_many(random, habit)))
    done += _stumbles(random, day, places)
    if random.random() < 0.1:
        done += _late(random, day)
    return sorted(done, key=lambda one: one.at)


def _how_many(random: Random, habit: int) -> int:
    if random.random() < 0.05:
        return random.randint(habit, 89)
    return random.randint(0, habit)


def _downloads(random: Random, day: date, places: tuple[str, ...], number: int) -> Iterator[Done]:
    for place in range(number):
        at = _between(random, day, 8, 21)
        yield Done(
            at, Act.DOWNLOAD_AUTHORIZED, Outcome.SUCCESS, f"{place}.wav", GRANT,
            random.choice(places),
        )  # fmt: skip


def _stumbles(random: Random, day: date, places: tuple[str, ...]) -> list[Done]:
    """A mistyped password, an expired address, the same one again and again."""
    wrong = [
        Done(_between(random, day, 8, 21), Act.SESSION_REFUSED, Outcome.DENY, None, None, places[0])
        for _ in range(random.choice((0, 0, 0, 1, 2, 3)))
    ]
    expired = [
        Done(_between(random, day, 8, 21), Act.URL_REFUSED, Outcome.DENY, f"{n % 3}.wav", GRANT,
             places[0])
        for n in range(random.choice((0, 0, 1, 4, 9)))
    ]  # fmt: skip
    return wrong + expired


def _late(random: Random, day: date) -> Iterator[Done]:
    for place in range(random.randint(1, 9)):
        at = _between(random, day, 22, 23)
        yield Done(at, Act.DOWNLOAD_AUTHORIZED, Outcome.SUCCESS, f"{place}.wav", GRANT, HOME[0])


def _between(random: Random, day: date, first: int, last: int) -> datetime:
    """A moment from `first` to half past the hour before `last`: then somebody is on their way."""
    minutes = random.randint(first * 60, last * 60 - 31) if last - first > 1 else first * 60
    start = datetime.combine(day, datetime.min.time(), SEOUL)
    return start + timedelta(minutes=minutes, seconds=random.randint(0, 59))
