"""What an account for crowd work may open: its own account, agreement and task. Nothing else.

The list is of what is open, so that a route somebody adds later is closed to crowd workers until
it is thought of. The rules refuse the bytes on their own (`task-scope`); this keeps lists away too.
"""

from __future__ import annotations

from typing import Final

from flask import Flask, g, redirect, request, url_for
from werkzeug.wrappers import Response

from gateway.errors import Problem, ProblemCode
from gateway.identity.http import ANONYMOUS_ENDPOINTS, actor, rt, viewer
from gateway.identity.service_crowd import works_only
from gateway.journal import Act, Entry, Outcome
from gateway.web.nav import navigation

HOME: Final = "tasks.current"
START: Final = "/"
# Public for everybody, with nothing of anybody in them.
PUBLIC: Final = frozenset(
    {
        "sign.terms", "sign.privacy", "health.healthz", "health.readyz", "openapi.openapi",
        "openapi.docs", "delivery.deliver",
    }
)  # fmt: skip
# One's own account: data, password, factors, sessions, documents, accesses, closing it.
OWN: Final = frozenset(
    {
        "sign.sign_in", "sign.sign_in_post", "sign.sign_out", "sign.sign_out_post",
        "sign.recover", "sign.recover_post", "identity_api.start", "identity_api.end",
        "identity_api.me", "account.show", "account.correct", "account.password",
        "account.change_password", "account.documents", "account.accept_documents",
        "account.attest", "accesses.own", "accesses.own_proof", "audit_api.access_log",
        "audit_api.own_proof", "account.closing", "account.close", "account.end_session",
        "account.end_other_sessions",
        "identity_check.show", "identity_check.begin", "identity_check.come_back",
    }
)  # fmt: skip
OWN_BLUEPRINTS: Final = frozenset({"factors", "second", "first_password", "sessions_api"})
# The crowd-work agreement, and the items of the task that is assigned, by id.
AGREEMENT: Final = frozenset({"agreements.show", "agreements.sign", "agreements_api.agreement"})
AGREEMENT_CODE: Final = "crowd-work"
TASKS: Final = frozenset(
    {
        HOME, "tasks.item", "tasks.file", "tasks.finish", "tasks_api.current", "tasks_api.item",
"tasks_api.finish",
    }
)  # fmt: skip
OPEN: Final = ANONYMOUS_ENDPOINTS | PUBLIC | OWN | TASKS


def install(app: Flask) -> None:
    """Ask before each request, once it is known who sends it."""
    app.before_request(_keep_to_work)
    navigation(app).narrow(lambda item: not only_works() or _is_open(item.endpoint))


def only_works() -> bool:
    """Whether the viewer's account is for crowd work only."""
    return bool(g.get("crowd_worker", False))


def _keep_to_work() -> Response | None:
    seen = viewer()
    if seen is None or request.endpoint is None:
        return None
    g.crowd_worker = works_only(rt(), seen.person_id)
    if not g.crowd_worker or _is_open(request.endpoint):
        return None
    if request.path == START and request.method in {"GET", "HEAD"}:
        return redirect(url_for(HOME), code=303)
    refusal = Entry(
        actor(),
        Act.ACCESS_DECIDED,
        Outcome.DENY,
        reason="crowd_work_only",
        detail={"endpoint": request.endpoint},
    )
    rt().folding.record(refusal)
    raise Problem(ProblemCode.CROWD_WORK_ONLY)


def _is_open(endpoint: str) -> bool:
    if endpoint in OPEN or endpoint.partition(".")[0] in OWN_BLUEPRINTS:
        return True
    named = (request.view_args or {}).get("code")
    return endpoint in AGREEMENT and named == AGREEMENT_CODE
