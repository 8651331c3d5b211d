"""What the pages of reviews and reports show."""

from __future__ import annotations

import uuid
from datetime import timedelta

from flask import Response

from gateway.clock import from_ms
from gateway.errors import Problem, ProblemCode
from gateway.identity.http import rt
from gateway.journal import Act
from gateway.oversight import (
    periods,
    service_anomalies,
    service_exceptions,
    service_reports,
    service_reviews,
)
from gateway.oversight.context import projects
from gateway.oversight.coverage import NOT_COVERED
from gateway.oversight.downloads import Group
from gateway.oversight.entries import Seen
from gateway.oversight.gaps import is_pruned
from gateway.oversight.models import LogReview, MarkKind, ReviewState
from gateway.oversight.reading import Reading, reading, verifier_key
from gateway.oversight.report_period import rights_span
from gateway.oversight.report_rows import Accounts, exception_rows, rights_in
from gateway.oversight.report_rows import rights as changed_rights
from gateway.oversight.service_reports import TYPES, Made
from gateway.oversight.service_reviews import Worksheet
from gateway.oversight.service_search import Desk, record_view
from gateway.web.forms import Form
from gateway.web.pages import render

GROUPS_SHOWN = 200
RIGHTS_SHOWN = 200


def usual_days() -> dict[str, str]:
    """The calendar month before this one."""
    today = rt().clock.now().astimezone(rt().settings.zone).date()
    last = today.replace(day=1) - timedelta(days=1)
    return {"since": last.replace(day=1).isoformat(), "until": last.isoformat()}


def reports_page(desk: Desk, form: Form) -> str:
    """The page of reviews and reports; `form` is that of the evidence bundle."""
    with reading(desk.runtime) as opened:
        found = service_reviews.list_all(opened.session)
    now, settings = rt().clock.now(), rt().settings
    return render(
        "oversight/reports.html", reviews=found, not_covered=NOT_COVERED, now=now, form=form,
        opens=periods.next_end(now, settings.review_months, settings.zone),
        vkey=verifier_key(desk.runtime), **usual_days(),
    )  # fmt: skip


def rights(desk: Desk, since: str, until: str) -> tuple[list[Seen], int]:
    """The newest rights that changed in a period, newest first, and how many there are."""
    with reading(desk.runtime) as opened:
        report = rights_span(desk, opened, since, until)
        record_view(desk, "rights")
        found = rights_in(desk.runtime, opened, desk.directory, report)
        return found[::-1][:RIGHTS_SHOWN], len(found)


def sheet(desk: Desk, review_id: uuid.UUID, form: Form) -> str:
    """The page of one review."""
    with reading(desk.runtime) as opened:
        found = service_reviews.worksheet(opened, review_id)
        review = found.review
        anomalies = service_anomalies.of_review(opened.session, review)
        names = Accounts(desk.runtime, opened, desk.directory)
        span = (review.first_index, review.end_index)
        changed = changed_rights(desk.runtime, opened, desk.directory, *span)
        accounts = {group.key: names(group.person) for group in found.groups}
        accounts |= {str(one.id): names(one.person) for one in anomalies}
        projects = _projects(opened, found)
        singles = list(exception_rows(opened, found.exceptions))
        accounts |= {one.person: names(one.person) for one in singles if one.person}
        pruned = is_pruned(opened, review)
    record_view(desk, "review", f"log_review:{review_id}")
    signed = review.state == ReviewState.SIGNED
    return render(
        "oversight/review.html", review=review, sheet=found, groups=_first(found),
        more=max(0, len(found.groups) - GROUPS_SHOWN), anomalies=anomalies, accounts=accounts,
        projects=projects, rights=changed[::-1][:RIGHTS_SHOWN], rights_count=len(changed),
        again=service_reports.reproduce(desk, review_id) if signed else None, form=form,
        undecided=sum(one.state == "open" for one in anomalies), now=rt().clock.now(),
        files=list(TYPES), pruned=pruned, days=_days(review),
        singles=singles, at_ms=from_ms,
    )  # fmt: skip


def exception(desk: Desk, review_id: uuid.UUID, key: str, form: Form) -> str:
    """The form for an exception. Raises Problem 404, 409."""
    with reading(desk.runtime) as opened:
        found = service_reviews.worksheet(opened, review_id)
        service_reviews.expect_open(found.review)
        group = next((one for one in found.groups if one.key == key), None)
        if group is None and not key.startswith("entry:"):
            raise Problem(ProblemCode.NOT_FOUND)
        account = Accounts(desk.runtime, opened, desk.directory)(group.person) if group else ""
        marked = service_reviews.marks_of(opened.session, review_id).get(key)
    record_view(desk, "review", f"log_review:{review_id}")
    return render(
        "oversight/exception.html", review=found.review, key=key, group=group, account=account,
        form=form, marked=marked if marked and marked.kind == MarkKind.EXCEPTION else None,
        me=desk.actor.person_id,
    )  # fmt: skip


def review_of(desk: Desk, seen: Seen) -> LogReview | None:
    """The open review in which a single download can be marked as an exception."""
    if seen.action != Act.DOWNLOAD_AUTHORIZED:
        return None
    with reading(desk.runtime) as opened:
        return service_exceptions.open_over(opened.session, seen.index)


def expect_file(name: str) -> None:
    """Raise Problem 404 for a file that no report has."""
    if name not in TYPES:
        raise Problem(ProblemCode.NOT_FOUND)


def file(made: Made, name: str, stem: str) -> Response:
    """One file of a report as a download."""
    response = Response(made.files[name], content_type=TYPES[name])
    suffix = name.partition(".")[2]
    response.headers["Content-Disposition"] = f'attachment; filename="{stem}.{suffix}"'
    response.headers["Cache-Control"] = "no-store"
    return response


def _days(review: LogReview) -> dict[str, str]:
    """The days of a review as conditions of a search: a grant may have been used before, too."""
    zone = rt().settings.zone
    last = review.end_at.astimezone(zone) - timedelta(microseconds=1)
    first = review.start_at.astimezone(zone)
    return {"since": first.date().isoformat(), "until": last.date().isoformat()}


def _first(found: Worksheet) -> list[Group]:
    """What waits comes first."""
    return sorted(found.groups, key=lambda group: group.mark is not None)[:GROUPS_SHOWN]


def _projects(opened: Reading, found: Worksheet) -> dict[str, str]:
    """The titles of the research projects behind the groups, by reference."""
    return projects(opened.session, [one.ref for one in _first(found)])
