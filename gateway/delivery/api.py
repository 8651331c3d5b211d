"""The addresses of delivery: issue one, and serve what it names."""

from __future__ import annotations

from flask import Blueprint, Response, current_app, request
from werkzeug.routing import BaseConverter

from gateway.access.ask import Ask
from gateway.access.views import caller
from gateway.delivery import address
from gateway.delivery.admission import Admitted, admit
from gateway.delivery.gate import Gate
from gateway.delivery.schemas import UrlIssued, UrlWanted
from gateway.delivery.service import Issued, Wanted, issue_item
from gateway.delivery.serving import Content, serve_object
from gateway.delivery.tokens import Kind
from gateway.identity.http import actor, require_person
from gateway.web.forms import parse
from gateway.web.openapi import documented

EXTENSION = "sumun.delivery"

blueprint = Blueprint("delivery", __name__)


class Everything(BaseConverter):
    """The rest of the path, whatever it is: spelling is judged on the raw target, so that no
    router merges, strips or redirects a wrong one into a right one."""

    regex = ".*"
    part_isolating = False


def gate() -> Gate:
    """The gate of the running application."""
    found: Gate = current_app.extensions[EXTENSION]
    return found


@blueprint.post("/api/v1/urls")
@documented(tag="delivery", json=UrlWanted, answer=UrlIssued, status=201)
def issue() -> Response:
    """Issue a signed download address for one file."""
    person = require_person()
    body = parse(UrlWanted)
    wanted = Wanted(body.dataset, body.path, body.version, body.grant, body.ttl_seconds)
    issued = _present(body, issue_item(gate(), person, wanted, caller()))
    return Response(issued.model_dump_json(), 201, content_type="application/json")


def deliver(rest: str) -> Response:
    """Serve what a signed address names."""
    del rest
    target = next((request.environ[k] for k in address.RAW_TARGETS if k in request.environ), "")
    found = gate()
    admitted = admit(found, actor(), target)
    return serve_object(found, actor(), _content(admitted), lambda: _ask(found, admitted))


def _present(body: UrlWanted, issued: Issued) -> UrlIssued:
    item = issued.item
    return UrlIssued(
        url=issued.url,
        expires_at=issued.expires_at,
        dataset=body.dataset,
        version=issued.version or "",
        path=item.path,
        sha256=item.sha256,
        size=item.size,
        media_type=item.media_type,
    )


def _ask(found: Gate, admitted: Admitted) -> Ask:
    return found.resolvers[admitted.claims.kind](found.runtime, admitted.claims)


def _content(admitted: Admitted) -> Content:
    claims = admitted.claims
    export = claims.kind is Kind.EXPORT
    return Content(
        path=admitted.path,
        sha256=claims.sha256,
        size=claims.size,
        media_type=claims.media_type,
        ref=f"export:{claims.subject_id}" if export else None,
        bearer=True,
        detail={"jti": claims.jti.hex()},
    )
