"""The rules that find something unusual: pure functions over what one person did on one day.

Each returns the entries behind it and the figures with which the page explains it. None of them
accuses anybody: an auditor confirms or dismisses what they find.
"""

from __future__ import annotations

import ipaddress
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from statistics import median
from zoneinfo import ZoneInfo

from gateway.clock import from_ms
from gateway.journal import Act, Outcome

KEPT = 100
MINUTE_MS = 60_000
# Nobody is told off for a busy hour: below this a day is never called unusual.
VOLUME_FLOOR, VOLUME_TIMES, BASELINE_DAYS = 100, 5, 5
NIGHT_FLOOR, NIGHT_FROM, NIGHT_TO, USUAL_NIGHTS = 10, 22, 6, 3
NETWORK_WINDOW_MS = 10 * MINUTE_MS
PROBE_WINDOW_MS, PROBED = 10 * MINUTE_MS, 20
REFUSED = 30
NETWORK_BITS = {4: 16, 6: 32}
DONE = (Outcome.SUCCESS, Outcome.ALLOW)
REFUSALS = (
    Act.DOWNLOAD_REFUSED, Act.ZONE_FILE_REFUSED, Act.URL_REFUSED, Act.ACCESS_DECIDED,
    Act.SESSION_REFUSED, Act.TASK_ITEM_REFUSED,
)  # fmt: skip


EMERGENCIES = (Act.EMERGENCY_OPENED, Act.EMERGENCY_USED)


class RuleCode(StrEnum):
    """The rules by their codes, which stand in the log."""

    VOLUME = "volume"
    OFF_HOURS = "off_hours"
    TWO_NETWORKS = "two_networks"
    ENUMERATION = "enumeration"
    REFUSALS = "refusals"
    NO_REASON = "no_reason"
    BREAK_GLASS = "break_glass"
    UNFINISHED = "unfinished"


@dataclass(frozen=True, slots=True)
class Happening:
    """What a rule sees of an entry. `attempts` is more than 1 where refusals were folded."""

    index: int
    time_ms: int
    action: str
    outcome: str
    dataset: str | None = None
    item: str | None = None
    ref: str | None = None
    address: str | None = None
    attempts: int = 1


@dataclass(frozen=True, slots=True)
class Day:
    """What one person did on one local day, oldest first, and how they usually are.

    `happenings` may leave out the oldest of a very busy day. `pace` counts downloads by the start
    in milliseconds of each quarter of an hour, today and up to four weeks before. `purposes` has
    the references of grants and exports whose purpose is known.
    """

    person: str
    day: date
    zone: ZoneInfo
    happenings: Sequence[Happening]
    pace: Mapping[int, int] = field(default_factory=dict)
    purposes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Sign:
    """What a rule found: the entries behind it, how many there are, and the rule's figures.

    With `grows` the entries come on top of those found before.
    """

    rule: RuleCode
    person: str | None
    day: date
    start_ms: int
    end_ms: int
    events: tuple[int, ...]
    entries: int
    figures: Mapping[str, int] = field(default_factory=dict)
    grows: bool = False


def signs(day: Day) -> list[Sign]:
    """Everything that the rules find in a day."""
    return [sign for rule in RULES for sign in rule(day)]


def volume(day: Day) -> list[Sign]:
    """Many more downloads than on this person's usual day."""
    by_day = _by_day(day)
    today = by_day.pop(day.day, 0)
    usual = int(median(by_day.values())) if len(by_day) >= BASELINE_DAYS else 0
    if today < max(VOLUME_FLOOR, VOLUME_TIMES * usual):
        return []
    figures = {"today": today, "usual": usual, "days": len(by_day)}
    return [_sign(RuleCode.VOLUME, day, _downloads(day), figures, today)]


def off_hours(day: Day) -> list[Sign]:
    """Downloads at night by somebody who does not usually work then."""
    nights = _by_night(day)
    tonight = nights.pop(day.day, 0)
    if tonight < NIGHT_FLOOR or len(nights) >= USUAL_NIGHTS:
        return []
    behind = [one for one in _downloads(day) if _is_night(one.time_ms, day.zone)]
    figures = {"night": tonight, "nights": len(nights), "from": NIGHT_FROM, "to": NIGHT_TO}
    return [_sign(RuleCode.OFF_HOURS, day, behind, figures, tonight)]


def two_networks(day: Day) -> list[Sign]:
    """The same person from two networks within minutes: nobody travels that fast.

    There is no map of addresses here; a network is the first 16 bits of an IPv4 address or the
    first 32 of an IPv6 address. A change from one family to the other is no travel.
    """
    last: dict[int, tuple[str, Happening]] = {}
    behind: dict[int, Happening] = {}
    for one in day.happenings:
        network = _network(one.address) if one.outcome in DONE else None
        if network is None:
            continue
        family, name = network
        known = last.get(family)
        if known and known[0] != name and _is_close(known[1], one):
            behind |= {known[1].index: known[1], one.index: one}
        last[family] = (name, one)
    if not behind:
        return []
    found = [behind[index] for index in sorted(behind)]
    networks = {_network(one.address) for one in found}
    figures = {"networks": len(networks), "minutes": NETWORK_WINDOW_MS // MINUTE_MS}
    return [_sign(RuleCode.TWO_NETWORKS, day, found, figures)]


def enumeration(day: Day) -> list[Sign]:
    """Many different things asked for in a short time, and refused: somebody is trying doors."""
    window: deque[Happening] = deque()
    worst: list[Happening] = []
    for one in _refusals(day):
        window.append(one)
        while one.time_ms - window[0].time_ms > PROBE_WINDOW_MS:
            window.popleft()
        if _different(window) > _different(worst):
            worst = list(window)
    if _different(worst) < PROBED:
        return []
    figures = {"different": _different(worst), "minutes": PROBE_WINDOW_MS // MINUTE_MS}
    return [_sign(RuleCode.ENUMERATION, day, worst, figures)]


def refusals(day: Day) -> list[Sign]:
    """Many refusals in a day; what was folded into one entry counts as often as it happened."""
    behind = [
        *_refusals(day),
        *(one for one in day.happenings if one.action == Act.REQUESTS_FOLDED),
    ]
    count = sum(one.attempts for one in behind)
    if count < REFUSED:
        return []
    behind.sort(key=lambda one: one.index)
    return [_sign(RuleCode.REFUSALS, day, behind, {"refused": count}, len(behind))]


def no_reason(day: Day) -> list[Sign]:
    """Downloads for which no purpose of use can be found."""
    behind = [one for one in _downloads(day) if one.ref not in day.purposes]
    return [_sign(RuleCode.NO_REASON, day, behind, {"downloads": len(behind)})] if behind else []


def break_glass(day: Day) -> list[Sign]:
    """Break-glass access that was opened or used: always worth a look."""
    behind = [one for one in _on_the_day(day) if one.action in EMERGENCIES]
    used = sum(one.action == Act.EMERGENCY_USED for one in behind)
    figures = {"opened": len(behind) - used, "used": used}
    return [_sign(RuleCode.BREAK_GLASS, day, behind, figures)] if behind else []


RULES: tuple[Callable[[Day], list[Sign]], ...] = (
    volume, off_hours, two_networks, enumeration, refusals, no_reason, break_glass,
)  # fmt: skip


def unfinished(person: str | None, day: date, times: Mapping[int, int]) -> Sign:
    """Transfers that nobody said how they ended: `times` are the moments of intents by index.

    Each stands there twice, with its intent and with the entry that declared it unresolved.
    """
    indexes = sorted(times)
    begin, end = min(times.values()), max(times.values()) + 1
    count = len(indexes) // 2
    return Sign(
        RuleCode.UNFINISHED, person, day, begin, end, tuple(indexes[-KEPT:]), count,
        {"transfers": count}, grows=True,
    )  # fmt: skip


def _sign(
    rule: RuleCode,
    day: Day,
    behind: Sequence[Happening],
    figures: Mapping[str, int],
    entries: int | None = None,
) -> Sign:
    times = [one.time_ms for one in behind] or list(_span(day))
    indexes = tuple(one.index for one in behind)[-KEPT:]
    count = len(behind) if entries is None else entries
    return Sign(rule, day.person, day.day, min(times), max(times) + 1, indexes, count, figures)


def _span(day: Day) -> tuple[int, int]:
    begin = datetime.combine(day.day, datetime.min.time(), day.zone)
    return int(begin.timestamp() * 1000), int((begin + timedelta(days=1)).timestamp() * 1000) - 1


def _downloads(day: Day) -> list[Happening]:
    return [one for one in _on_the_day(day) if one.action == Act.DOWNLOAD_AUTHORIZED]


def _on_the_day(day: Day) -> list[Happening]:
    """What was done on the day itself, and was not refused."""
    return [
        one
        for one in day.happenings
        if one.outcome in DONE and from_ms(one.time_ms).astimezone(day.zone).date() == day.day
    ]


def _refusals(day: Day) -> list[Happening]:
    return [one for one in day.happenings if one.action in REFUSALS and one.outcome == Outcome.DENY]


def _by_day(day: Day) -> dict[date, int]:
    found: dict[date, int] = {}
    for start, count in day.pace.items():
        local = from_ms(start).astimezone(day.zone).date()
        found[local] = found.get(local, 0) + count
    return found


def _by_night(day: Day) -> dict[date, int]:
    return _by_day(
        Day(
            day.person, day.day, day.zone, (),
            {at: count for at, count in day.pace.items() if _is_night(at, day.zone)},
        )
    )  # fmt: skip


def _is_night(time_ms: int, zone: ZoneInfo) -> bool:
    hour = from_ms(time_ms).astimezone(zone).hour
    return hour >= NIGHT_FROM or hour < NIGHT_TO


def _network(address: str | None) -> tuple[int, str] | None:
    """The family and network of a public address; None for what says nothing about a place."""
    try:
        known = ipaddress.ip_address(address or "")
    except ValueError:
        return None
    if isinstance(known, ipaddress.IPv6Address) and known.ipv4_mapped:
        known = known.ipv4_mapped
    if not known.is_global:
        return None
    bits = NETWORK_BITS[known.version]
    return known.version, str(ipaddress.ip_network(f"{known}/{bits}", strict=False))


def _is_close(one: Happening, other: Happening) -> bool:
    """Whether they are minutes apart, also where a clock went back between them."""
    return abs(one.time_ms - other.time_ms) <= NETWORK_WINDOW_MS


def _different(behind: Iterable[Happening]) -> int:
    return len({(one.dataset, one.item, one.ref) for one in behind})
