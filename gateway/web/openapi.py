"""OpenAPI 3.1 of the JSON API, from its pydantic models.

Routes parse with `gateway.web.forms`, which answers bad input as RFC 9457 problems; SpecTree only
describes them here, so its own validation stays off.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Flask, Response, current_app, jsonify
from pydantic import BaseModel, ConfigDict
from spectree import Response as Answers
from spectree import SecurityScheme, SpecTree
from spectree.models import SecureType, SecuritySchemeData

from gateway.web.pages import render

spec = SpecTree(
    "flask",
    title="Sumun",
    description="The gate of a data dam. Refusals are RFC 9457 problems with a stable `code`.",
    version="1",
    mode="strict",
    annotations=False,
    security_schemes=[
        SecurityScheme(
            name="session", data=SecuritySchemeData(type=SecureType.HTTP, scheme="bearer")
        ),
    ],
    security={"session": []},
)
blueprint = Blueprint("openapi", __name__)


class ProblemBody(BaseModel):
    """RFC 9457 problem details."""

    model_config = ConfigDict(extra="allow")
    type: str
    title: str
    status: int
    code: str
    detail: str | None = None
    next: str | None = None


# Every status a caller may meet; one list, so that no route forgets one.
REFUSALS: dict[str, Any] = {
    f"HTTP_{status}": ProblemBody
    for status in (400, 401, 403, 404, 405, 409, 412, 413, 415, 416, 422, 429, 503)
}


def documented(
    *,
    tag: str,
    answer: type[BaseModel] | None = None,
    status: int = 200,
    json: type[BaseModel] | None = None,
    query: type[BaseModel] | None = None,
    public: bool = False,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Describe a JSON route; its docstring's first line is the summary.

    `answer` is the body of `status` (None: no body); `public` routes need no session.
    """
    answers = Answers(**({f"HTTP_{status}": answer} | REFUSALS))
    return spec.validate(
        json=json,
        query=query,
        resp=answers,
        tags=[tag],
        security={} if public else None,
        skip_validation=True,
    )


def document() -> dict[str, Any]:
    """The OpenAPI document of the running application."""
    spec.app = current_app._get_current_object()  # type: ignore[attr-defined]
    found: dict[str, Any] = spec.spec
    return found


@blueprint.get("/openapi.json")
def openapi() -> Response:
    """The OpenAPI 3.1 document."""
    return jsonify(document())


@blueprint.get("/docs")
def docs() -> str:
    """The same for people, without a script."""
    return render("openapi.html", document=document())


def install(app: Flask) -> None:
    """Serve the document of `app`."""
    app.register_blueprint(blueprint)
