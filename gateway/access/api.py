"""The JSON API of grants."""

from __future__ import annotations

import uuid

from flask import Blueprint, Response, jsonify

from gateway.access import grants, presenter, reading, views
from gateway.access.ask import Ask, Stated, to_use
from gateway.access.in_zone import zone_of
from gateway.access.schemas import (
    CanI,
    GrantList,
    GrantOut,
    GrantQuery,
    ReasonForm,
    StatedFields,
    data_use,
)
from gateway.identity.http import require_person, require_viewer, rt, viewer
from gateway.web.forms import parse, parse_query
from gateway.web.openapi import documented

TAG = "Grants"
blueprint = Blueprint("access_api", __name__, url_prefix="/api/v1")


@blueprint.get("/grants")
@documented(tag=TAG, answer=GrantList, query=GrantQuery)
def own() -> Response:
    """List one's own grants, newest first, with what keeps each from opening."""
    person = require_viewer()
    parse_query(GrantQuery)
    page = views.own_page(person.person_id)
    shown = [views.grant_out(view) for view in page.items]
    answer = GrantList(grants=shown, next=page.next, previous=page.previous)
    return jsonify(answer.model_dump(mode="json"))


@blueprint.get("/grants/<uuid:grant_id>")
@documented(tag=TAG, answer=GrantOut)
def one(grant_id: uuid.UUID) -> Response:
    """Show one of one's own grants."""
    person = require_viewer()
    view = reading.one(rt(), grant_id, zone_of(), views.caller())
    if view.holder.id != person.person_id:
        raise grants.not_found()
    return jsonify(views.grant_out(view).model_dump(mode="json"))


@blueprint.post("/grants/<uuid:grant_id>/give-up")
@documented(tag=TAG, status=204)
def give_up(grant_id: uuid.UUID) -> Response:
    """Return one's own grant."""
    grants.give_up(rt(), require_person(), grant_id)
    return Response(status=204)


@blueprint.post("/grants/<uuid:grant_id>/revoke")
@documented(tag=TAG, json=ReasonForm, status=204)
def revoke(grant_id: uuid.UUID) -> Response:
    """End a grant for good, as a steward of its dataset."""
    require_person()
    steward = views.steward_of(grant_id)
    grants.revoke(rt(), steward, grant_id, parse(ReasonForm).reason)
    return Response(status=204)


@blueprint.post("/grants/<uuid:grant_id>/suspend")
@documented(tag=TAG, json=ReasonForm, status=204)
def suspend(grant_id: uuid.UUID) -> Response:
    """Stop a grant until it is resumed, as a steward of its dataset."""
    require_person()
    steward = views.steward_of(grant_id)
    grants.suspend(rt(), steward, grant_id, parse(ReasonForm).reason)
    return Response(status=204)


@blueprint.post("/grants/<uuid:grant_id>/resume")
@documented(tag=TAG, status=204)
def resume(grant_id: uuid.UUID) -> Response:
    """Let a suspended grant live again, as a steward of its dataset."""
    require_person()
    grants.resume(rt(), views.steward_of(grant_id), grant_id)
    return Response(status=204)


@blueprint.get("/datasets/<slug>/can-i")
@documented(tag=TAG, query=StatedFields, answer=CanI, public=True)
def can_i(slug: str) -> Response:
    """Tell whether the caller may use a dataset, every reason why not, and the way to a yes.

    With a query: as if the caller applied anew and stated this. Nothing is recorded.
    """
    seen, stated = viewer(), parse_query(StatedFields).stated()
    dataset = views.known_dataset(slug)
    person_id = seen.person_id if seen else None
    what_if = stated if stated != Stated("") else None
    ask = Ask(
        to_use(dataset.delivery),
        person_id,
        dataset_id=dataset.id,
        stated=what_if,
        caller=views.caller(),
    )
    gathered, found = reading.explained(rt(), ask, zone_of())
    answer = CanI(
        dataset=slug,
        outcome=str(found.decision.outcome),
        blockers=presenter.blockers(found.decision),
        path=presenter.steps(found),
        confirmed=found.confirmed,
        data_use=data_use(gathered.matching),
    )
    return jsonify(answer.model_dump(mode="json"))
