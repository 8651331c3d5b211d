"""The log as JSON: for auditors all of it, for everyone else their own accesses."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify

from gateway.errors import Problem, ProblemCode
from gateway.identity.http import rt
from gateway.oversight import service_proof, service_search, views
from gateway.oversight.entries import Seen
from gateway.oversight.reading import verifier_key
from gateway.oversight.schemas import (
    CheckpointOut,
    EntryDetail,
    EntryPage,
    EntryQuery,
    OwnQuery,
    entry_fields,
    entry_out,
    leaf_base64,
)
from gateway.oversight.service_proof import Proof
from gateway.oversight.service_search import Desk
from gateway.web import forms
from gateway.web.openapi import documented
from gateway.web.paging import Page

blueprint = Blueprint("audit_api", __name__, url_prefix="/api/v1")
TAG = "audit"


@blueprint.get("/audit/entries")
@documented(tag=TAG, answer=EntryPage, query=EntryQuery)
def entries() -> Response:
    """Search the log, newest first."""
    desk, query = views.auditor(), forms.parse_query(EntryQuery)
    question = query.question
    page = views.page(
        "audit", question.given(), lambda part: service_search.search(desk, question, part).rows
    )
    return _page(page)


@blueprint.get("/audit/entries/<int:index>")
@documented(tag=TAG, answer=EntryDetail)
def entry(index: int) -> Response:
    """One entry with its exact leaf and its proof."""
    desk = views.auditor()
    seen, _row = service_search.entry(desk, index)
    return _answer(_detail(seen, service_proof.prove(desk.runtime, index)))


@blueprint.get("/audit/entries/<int:index>/proof")
@documented(tag=TAG)
def proof(index: int) -> Response:
    """The entry's inclusion proof as a C2SP tlog-proof that carries the leaf."""
    desk = views.auditor()
    made = service_proof.prove(desk.runtime, index)
    service_search.record_reading(desk, index)
    return proof_file(made)


@blueprint.get("/access-log")
@documented(tag="account", answer=EntryPage, query=OwnQuery)
def access_log() -> Response:
    """One's own accesses, newest first."""
    desk, query = views.person(), forms.parse_query(OwnQuery)
    given = {"action": query.action} if query.action else {}
    page = views.page("own", given, lambda part: service_search.own(desk, part, query.action))
    return _page(page)


@blueprint.get("/access-log/<int:index>/proof")
@documented(tag="account")
def own_proof(index: int) -> Response:
    """The inclusion proof of one of one's own accesses."""
    return proof_file(own_or_missing(views.person(), index))


def own_or_missing(desk: Desk, index: int) -> Proof:
    """The proof of an own entry. Raises Problem 404 for anybody else's: it stays unknown."""
    made = service_proof.prove(desk.runtime, index, fresh=False)
    if not service_search.is_own(desk, made.row):
        raise Problem(
            ProblemCode.NOT_FOUND,
            "본인의 이용 기록 가운데 이 번호가 없습니다.",
            "None of your own accesses has this index.",
        )
    return made


def proof_file(made: Proof) -> Response:
    """A `.tlog-proof` download. Raises Problem 409 when the entry does not lead to the root."""
    if not made.holds:
        raise Problem(
            ProblemCode.CONFLICT,
            "이 기록은 서명된 체크포인트로 이어지지 않습니다. 운영자에게 알려 주십시오.",
            f"This entry does not lead to the signed checkpoint ({made.fault}). "
            "Tell the operator to run: sumun audit verify",
        )
    response = Response(made.text, content_type="text/plain; charset=utf-8")
    name = f"sumun-{made.index}.tlog-proof"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Cache-Control"] = "no-store"
    return response


def _detail(seen: Seen, made: Proof) -> EntryDetail:
    stored = made.checkpoint
    return EntryDetail(
        **entry_fields(seen),
        leaf_base64=leaf_base64(made.row),
        opened=dict(seen.opened),
        proof=[one.hex() for one in made.hashes],
        proof_holds=made.holds,
        checkpoint=CheckpointOut(size=stored.size, signed_at=made.signed_at, note=stored.note),
        verifier_key=verifier_key(rt()),
    )


def _page(page: Page[Seen]) -> Response:
    items = [entry_out(seen) for seen in page.items]
    return _answer(EntryPage(items=items, next=page.next, previous=page.previous))


def _answer(model: EntryPage | EntryDetail) -> Response:
    return jsonify(model.model_dump(mode="json"))
