"""What pages and API of break-glass access share."""

from __future__ import annotations

import uuid
from typing import Any

from flask import request
from markupsafe import Markup

from gateway.emergency import reading
from gateway.emergency.reading import Case
from gateway.emergency.schemas import EmergencyOut
from gateway.emergency.shared import TOLD, not_found
from gateway.identity.http import actor, require_role_somewhere, rt, viewer
from gateway.identity.service_viewing import viewed
from gateway.keys import Purpose
from gateway.web.pages import render
from gateway.web.paging import Cursors, Page, scope_of

PAGE = 25


def page_of_cases() -> Page[Case]:
    """The present page, for operators and auditors; looking at people's doings is recorded."""
    require_role_somewhere(*TOLD)
    cursors = Cursors(rt().keys.current(Purpose.CURSOR).material)
    window = cursors.window(request.args, scope_of("emergencies", {}), PAGE)
    with rt().db.read() as session:
        rows = reading.page(session, window)
    page = cursors.page(rows, window, lambda case: (case.row.id,))
    viewed(rt(), actor(), [case.person for case in page.items], "emergencies")
    return page


def case_of(emergency_id: uuid.UUID) -> Case:
    """One emergency, for operators and auditors. Raises Problem 403, 404."""
    require_role_somewhere(*TOLD)
    with rt().db.read() as session:
        found = reading.one(session, emergency_id)
    if found is None:
        raise not_found()
    viewed(rt(), actor(), [found.person], f"emergency:{emergency_id}")
    return found


def out(case: Case) -> EmergencyOut:
    """An emergency for the API."""
    row = case.row
    return EmergencyOut(
        id=row.id,
        dataset=case.dataset.slug,
        account=case.person.account,
        reason=row.reason,
        state=case.state(rt().clock.now()),
        uses=row.uses,
        opened_at=row.opened_at,
        ends_at=row.ends_at,
        ended_at=row.ended_at,
        reviewed_at=row.reviewed_at,
        review_note=row.review_note,
    )


def alarm_panel(**_context: Any) -> Markup:
    """What runs and what waits for a review, for operators and auditors."""
    seen = viewer()
    if seen is None or seen.roles.isdisjoint(TOLD):
        return Markup("")
    with rt().db.read() as session:
        alarm = reading.alarm(session, rt().clock.now())
    text = render("emergency/alarm.html", alarm=alarm)
    return Markup(text)  # noqa: S704 the template escapes
