"""What pages and API of grants share."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime

from flask import request

from gateway.access import presenter, reading
from gateway.access.ask import NEVER, Caller, Machine
from gateway.access.in_zone import zone_of
from gateway.access.reading import GrantView
from gateway.access.schemas import GrantOut
from gateway.agreements.views import to_renew
from gateway.catalog.models import Dataset
from gateway.errors import Problem, ProblemCode
from gateway.identity.http import Viewer, require_role, rt, viewer
from gateway.identity.models import Role
from gateway.journal import Act, Actor, Entry
from gateway.keys import Purpose
from gateway.web.paging import Cursors, Page

PAGE = 25


def caller() -> Caller:
    """Who asks, by the session or the token of this request."""
    seen = viewer()
    return Caller(seen.stepped_up_at, _machine(seen)) if seen else NEVER


def _machine(seen: Viewer) -> Machine | None:
    program = seen.application
    if program is None or not program.machine:
        return None
    assert program.organisation_id is not None, "the database keeps no machine without one"
    return Machine(program.organisation_id, program.responsible_id == seen.person_id)


def own_page(person_id: uuid.UUID) -> Page[GrantView]:
    """The present page of a person's own grants."""
    cursors = Cursors(rt().keys.current(Purpose.CURSOR).material)
    window = cursors.window(request.args, f"grants:{person_id}", PAGE)
    return cursors.page(
        reading.own_grants(rt(), person_id, window, zone_of(), caller()), window, _position
    )


def renewals(shown: Iterable[GrantView]) -> dict[str, datetime]:
    """Until when the reader is to sign a new version of an agreement that these grants rest on,
    by its code."""
    codes = {view.dataset.agreement_code for view in shown if view.grant.ended_at is None}
    return {code: until for code, until in to_renew().items() if code in codes}


def dataset_page(actor: Actor, dataset: Dataset) -> Page[GrantView]:
    """The present page of a dataset's grants; that the holders' data was read is recorded."""
    cursors = Cursors(rt().keys.current(Purpose.CURSOR).material)
    window = cursors.window(request.args, f"dataset-grants:{dataset.id}", PAGE)
    page = cursors.page(reading.dataset_grants(rt(), dataset.id, window), window, _position)
    holders = {view.holder.id for view in page.items}
    if holders:
        rt().journal.append(Entry(actor, Act.PERSON_VIEWED, subjects=holders, dataset=dataset.slug))
    return page


def steward_of(grant_id: uuid.UUID) -> Actor:
    """The acting steward of the grant's dataset. Raises Problem NOT_FOUND or FORBIDDEN."""
    return require_role(Role.STEWARD, scope=reading.one(rt(), grant_id).dataset.slug)


def known_dataset(slug: str) -> Dataset:
    """The dataset of a slug. Raises Problem NOT_FOUND."""
    with rt().db.read() as session:
        found = reading.find_dataset(session, slug)
    if found is None:
        raise Problem(
            ProblemCode.NOT_FOUND, "해당 데이터셋이 없습니다.", "There is no such dataset."
        )
    return found


def grant_out(view: GrantView) -> GrantOut:
    """A grant for the API."""
    grant, decision = view.grant, view.decision
    return GrantOut(
        id=grant.id,
        dataset=view.dataset.slug,
        purpose=grant.purpose,
        uses=grant.uses,
        state=view.state,
        starts_at=grant.starts_at,
        ends_at=grant.ends_at,
        quota_bytes=grant.quota_bytes,
        used_bytes=grant.used_bytes,
        note=grant.end_note,
        open=decision is not None and decision.allowed,
        blockers=presenter.blockers(decision) if decision else [],
    )


def _position(view: GrantView) -> tuple[uuid.UUID]:
    return (view.grant.id,)
