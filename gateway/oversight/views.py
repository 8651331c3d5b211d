"""What pages and API share: who reads, which part of a list, and how it is answered."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any, cast
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from flask import current_app, request

from audit.stores import StoredCheckpoint
from audit.verify import Report
from gateway.clock import Clock, from_ms
from gateway.identity.http import require_person, require_role, rt
from gateway.identity.models import Role
from gateway.keys import Purpose
from gateway.oversight import context
from gateway.oversight.context import Context
from gateway.oversight.directory import Directory
from gateway.oversight.entries import TOKEN_SHOWN, Seen
from gateway.oversight.figures import DEFAULT_DAYS, MAX_DAYS, Span
from gateway.oversight.gaps import Gaps, gaps
from gateway.oversight.models import Anomaly
from gateway.oversight.queries import Question, field_problem, moment
from gateway.oversight.reading import reading
from gateway.oversight.service_search import Desk
from gateway.runtime import Runtime
from gateway.web.paging import Cursors, Page, Window, scope_of

SHOWN = 5
DIRECTORY = "sumun.oversight.directory"
CSV_HEAD = (
    "index", "time", "account", "name", "place", "channel", "data subject handled", "task",
    "outcome", "reason", "organisation", "dataset", "version", "item", "ref", "event id",
    "personal fields",
)  # fmt: skip


def auditor() -> Desk:
    """The desk of an auditor. Raises Problem 401 or 403; the refusal is an event."""
    return Desk(rt(), directory(), require_role(Role.AUDITOR))


def person() -> Desk:
    """The desk at which somebody reads their own accesses."""
    return Desk(rt(), directory(), require_person())


def directory() -> Directory:
    """The application's directory of accounts."""
    return cast(Directory, current_app.extensions[DIRECTORY])


def cursors() -> Cursors:
    """Signs and reads the cursors of this feature's lists."""
    return Cursors(rt().keys.current(Purpose.CURSOR).material)


def page(name: str, question: dict[str, str], rows: Callable[[Window], list[Seen]]) -> Page[Seen]:
    """The page of a list that `?cursor=&limit=` asks for; bound to its conditions."""
    signer = cursors()
    window = signer.window(request.args, scope_of(name, question))
    return signer.page(rows(window), window, lambda seen: (seen.index,))


def contexts(desk: Desk, rows: Sequence[Seen]) -> dict[int, Context]:
    """Purpose, research project and agreement behind entries, by their indexes."""
    with reading(desk.runtime) as opened:
        return context.contexts(opened.session, rows)


def gaps_since(desk: Desk, since: str | None = None) -> Gaps:
    """What the log no longer holds of a day or moment and later, for a notice.

    Raises Problem 422 for what is neither.
    """
    since_ms = moment("since", since, desk.runtime.settings.zone)
    with reading(desk.runtime) as opened:
        return gaps(opened).after(since_ms)


def span_of(since: str | None, until: str | None, clock: Clock, zone: ZoneInfo) -> Span:
    """The days of a chart: as asked for, at most 366, and the last 30 unless said otherwise.

    Raises Problem 422 naming the day that is wrong.
    """
    today = clock.now().astimezone(zone).date()
    last = _day("until", until, zone) or today
    first = _day("since", since, zone) or last - timedelta(days=DEFAULT_DAYS - 1)
    if not first <= last < first + timedelta(days=MAX_DAYS):
        raise field_problem(
            "until", "시작일부터 1년 안의 날짜를 적어 주십시오.",
            "Choose a day within a year after the first.",
        )  # fmt: skip
    return Span(first, last, zone)


def _day(field: str, text: str | None, zone: ZoneInfo) -> date | None:
    found = moment(field, text, zone)
    return None if found is None else from_ms(found).astimezone(zone).date()


def address(path: str, question: Question) -> str:
    """`path` with the conditions of a question, for links that keep them."""
    return link(path, question.given())


def csv_rows(found: Iterable[Seen], runtime: Runtime) -> Iterator[list[object]]:
    """Entries as rows under `CSV_HEAD`; times in the gateway's zone. Needs no request."""
    zone = runtime.settings.zone
    return (_csv_row(seen, seen.at.astimezone(zone).isoformat()) for seen in found)


def _csv_row(seen: Seen, at: str) -> list[object]:
    account = (seen.actor.account or str(seen.actor)) if seen.actor else None
    return [
        seen.index, at, account, seen.actor and seen.actor.name, seen.address, seen.channel,
        "; ".join(map(str, seen.subjects)), seen.task, str(seen.outcome), seen.reason,
        seen.organisation, seen.dataset, seen.version, seen.item, seen.ref, seen.event_id,
        str(seen.legibility),
    ]  # fmt: skip


def link(path: str, given: dict[str, str]) -> str:
    """`path` with a query string."""
    return f"{path}?{urlencode(given)}" if given else path


def pretty(leaf: bytes) -> str:
    """A leaf laid out for reading; what is not JSON is shown as it is."""
    try:
        return json.dumps(json.loads(leaf), indent=2, ensure_ascii=False, sort_keys=True)
    except ValueError:
        return leaf.decode("utf-8", "backslashreplace")


def opened_rows(seen: Seen) -> list[tuple[str, str, str]]:
    """(person, field, value) of everything that was sealed in an entry and could be opened."""
    known = {who.token: str(who) for who in (*seen.subjects, seen.actor) if who is not None}
    return [
        (
            known.get(token, f"#{token[:TOKEN_SHOWN]}"),
            name,
            value if isinstance(value, str) else json.dumps(value),
        )
        for token, box in seen.opened.items()
        for name, value in _flat(box)
    ]


def _flat(box: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in sorted(box.items()):
        if isinstance(value, dict):
            yield from ((f"{name}.{inner}", each) for inner, each in sorted(value.items()))
        else:
            yield name, value


def moments(row: Anomaly) -> tuple[datetime, datetime]:
    """The first and last moment of an anomaly."""
    return from_ms(row.start_ms), from_ms(row.end_ms - 1)


def signed_at(checkpoint: StoredCheckpoint) -> datetime:
    """When a checkpoint was signed."""
    return from_ms(checkpoint.time_ms)


def first_findings(report: Report) -> str:
    """The first faults of a verification, in one line."""
    return "; ".join(
        f"#{one.index} {one.table}.{one.column}: {one.what}" for one in report.findings[:SHOWN]
    )


def offline_command(index: int, vkey: str) -> str:
    """The command that verifies a downloaded proof with the one file that every bundle holds."""
    return f"python verify_bundle.py --proof sumun-{index}.tlog-proof --key '{vkey}'"
