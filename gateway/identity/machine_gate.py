"""What a machine may open: datasets, its organisation's grants, signed addresses. Nothing else.

It acts in the name of the person who answers for it, but it never signs, applies, books, links or
speaks as them. The list is of what is open, so that a route somebody adds later is closed to
machines until it is thought of. The scope of the token narrows it further; the rules and the
grants' own organisation decide about data on their own.
"""

from __future__ import annotations

from typing import Final

from flask import Flask, request

from gateway.errors import Problem, ProblemCode
from gateway.identity.http import actor, rt, viewer
from gateway.journal import Act, Entry, Outcome

# Public for everybody, with nothing of anybody in them.
PUBLIC: Final = frozenset(
    {
        "health.healthz", "health.readyz", "openapi.openapi", "agreements.offer",
        "agreements.profile", "authzen.metadata", "oauth_api.jwks", "oauth_api.provider_metadata",
        "oauth_api.resource_metadata", "tree.checkpoint", "tree.key", "tree.tile", "tree.verifier",
        "witnessing.log_history",
    }
)  # fmt: skip
# Which client it is, its tokens, and their end.
OWN: Final = frozenset(
    {
        "identity_api.me", "identity_api.end", "oauth_api.token", "oauth_api.introspect",
        "oauth_api.revoke",
    }
)  # fmt: skip
# Each shows a machine what its organisation holds, or what everybody sees.
DATA: Final = frozenset(
    {
        "catalog_api.datasets", "catalog_api.dataset", "catalog_api.items", "access_api.can_i",
        "access_api.own", "access_api.one", "delivery.issue", "delivery.deliver",
    }
)  # fmt: skip
OPEN: Final = PUBLIC | OWN | DATA


def install(app: Flask) -> None:
    """Ask before each request, once it is known who sends it."""
    app.before_request(_keep_to_data)


def _keep_to_data() -> None:
    seen, endpoint = viewer(), request.endpoint
    if seen is None or seen.application is None or not seen.application.machine:
        return
    if endpoint is None or endpoint in OPEN:
        return
    refusal = Entry(
        actor(),
        Act.ACCESS_DECIDED,
        Outcome.DENY,
        reason=str(ProblemCode.MACHINE_NOT_ALLOWED),
        detail={"endpoint": endpoint},
    )
    rt().folding.record(refusal)
    raise Problem(ProblemCode.MACHINE_NOT_ALLOWED)
