"""What pages and API of tasks share."""

from __future__ import annotations

from flask import request

from gateway.identity.http import actor, require_role_somewhere, rt, scopes_of
from gateway.identity.service_viewing import viewed
from gateway.keys import Purpose
from gateway.tasks import reading
from gateway.tasks.reading import Assigned, Current
from gateway.tasks.schemas import AssignedOut, CurrentOut
from gateway.tasks.service import ASSIGNERS
from gateway.web.paging import Cursors, Page, scope_of

PAGE = 25


def page_of_tasks() -> Page[Assigned]:
    """The present page of the tasks that one answers for; looking at people's work is recorded."""
    require_role_somewhere(*ASSIGNERS)
    scopes = frozenset().union(*(scopes_of(role) for role in ASSIGNERS))
    cursors = Cursors(rt().keys.current(Purpose.CURSOR).material)
    window = cursors.window(request.args, scope_of("tasks", {"scopes": sorted(scopes)}), PAGE)
    with rt().db.read() as session:
        rows = reading.listing(session, scopes, window)
    page = cursors.page(rows, window, lambda row: (row.task.id,))
    viewed(rt(), actor(), [row.person for row in page.items], "tasks")
    return page


def current_out(found: Current) -> CurrentOut:
    """One's own task for the API."""
    return CurrentOut(
        id=found.task.id,
        dataset=found.dataset.slug,
        instructions=found.task.instructions,
        ends_at=found.task.ends_at,
        items=found.items,
        finished=found.finished,
        next_item=found.next_item,
    )


def assigned_out(row: Assigned) -> AssignedOut:
    """A task for the API."""
    return AssignedOut(
        id=row.task.id,
        dataset=row.dataset.slug,
        account=row.person.account,
        items=row.items,
        finished=row.finished,
        created_at=row.task.created_at,
        ends_at=row.task.ends_at,
        ended_at=row.task.ended_at,
        end_reason=row.task.end_reason,
    )
