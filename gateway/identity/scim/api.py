"""The routes of `/scim/v2` (RFC 7644), for one organisation's directory and its token."""

from __future__ import annotations

import json
from types import ModuleType
from typing import Any, cast

from flask import Blueprint, Response, g, request
from pydantic import ValidationError
from scim2_models import (
    Context,
    Error,
    InvalidSyntaxException,
    ListResponse,
    NotFoundException,
    NotImplementedException,
    PatchOp,
    Resource,
    ResponseParameters,
    SCIMException,
    UnauthorizedException,
)
from werkzeug.exceptions import MethodNotAllowed

from gateway.errors import PROBLEMS, Problem
from gateway.identity.federation import strict
from gateway.identity.http import actor, rt
from gateway.identity.scim import groups, patching, resources, tokens, users
from gateway.identity.scim.resources import (
    MEDIA_TYPE,
    MODELS,
    MOST_LISTED,
    POLICY,
    PREFIX,
    Group,
    User,
)
from gateway.identity.scim.shared import Wanted
from gateway.identity.scim.tokens import Directory

blueprint = Blueprint("scim", __name__, url_prefix=PREFIX)
SERVICES: dict[str, ModuleType] = {"Users": users, "Groups": groups}
# The messages about each kind; generic models are made once.
LISTS: dict[str, Any] = {"Users": ListResponse[User], "Groups": ListResponse[Group]}
PATCHES: dict[str, Any] = {"Users": PatchOp[User], "Groups": PatchOp[Group]}
PARAMETERS: dict[str, Any] = {
    "Users": ResponseParameters[User],
    "Groups": ResponseParameters[Group],
}
ACCEPTED = frozenset({MEDIA_TYPE, "application/json"})


@blueprint.before_request
def _authenticate() -> None:
    """Every address below needs the token, those that do not exist included."""
    given = request.authorization
    token = given.token if given is not None and given.type == "bearer" else None
    known = tokens.find(rt(), token, actor().place) if token else None
    if known is None:
        raise UnauthorizedException(detail="A provisioning token is needed.")
    g.directory = known


@blueprint.get("/ServiceProviderConfig")
def config() -> Response:
    """What this server supports."""
    return _answer(_dump(resources.config(_base()), Context.RESOURCE_QUERY_RESPONSE))


@blueprint.get("/ResourceTypes")
def resource_types() -> Response:
    """Which resources there are."""
    return _all(resources.resource_types(_base()))


@blueprint.get("/ResourceTypes/<name>")
def resource_type(name: str) -> Response:
    """One of them."""
    return _one(resources.resource_types(_base()), name)


@blueprint.get("/Schemas")
def schemas() -> Response:
    """Which attributes they have."""
    return _all(resources.schemas(_base()))


@blueprint.get("/Schemas/<name>")
def schema(name: str) -> Response:
    """One resource's."""
    return _one(resources.schemas(_base()), name)


@blueprint.get("/<any(Users,Groups):kind>")
def listing(kind: str) -> Response:
    """A page of users or groups, filtered."""
    wanted, service = _wanted(), SERVICES[kind]
    shape = _parameters(kind)
    with rt().db.read() as session:
        page = service.listed(session, _base(), _directory(), wanted)
        rows = [_shown(session, kind, row) for row in page.rows]
    found = LISTS[kind](
        total_results=page.total,
        start_index=wanted.start,
        items_per_page=len(rows),
        resources=rows or None,
    )
    return _answer(found.model_dump(
        scim_ctx=Context.RESOURCE_QUERY_RESPONSE, response_parameters=shape
    ))  # fmt: skip


@blueprint.post("/<any(Users,Groups):kind>")
def create(kind: str) -> Response:
    """Add one."""
    given = _parsed(MODELS[kind], Context.RESOURCE_CREATION_REQUEST)
    made = SERVICES[kind].create(rt(), _base(), _directory(), given)
    return _resource(kind, made, Context.RESOURCE_CREATION_RESPONSE, 201)


@blueprint.get("/<any(Users,Groups):kind>/<resource_id>")
def read(kind: str, resource_id: str) -> Response:
    """One user or group."""
    with rt().db.read() as session:
        row = SERVICES[kind].found(session, _directory(), resource_id)
        shown = _shown(session, kind, row)
    return _resource(kind, shown, Context.RESOURCE_QUERY_RESPONSE)


@blueprint.put("/<any(Users,Groups):kind>/<resource_id>")
def replace(kind: str, resource_id: str) -> Response:
    """Replace one. Whether a user is active stays as it was where nothing is said about it."""
    given = _parsed(MODELS[kind], Context.RESOURCE_REPLACEMENT_REQUEST)

    def edit(present: Any) -> Any:
        kept = {"active": present.active} if getattr(given, "active", True) is None else {}
        return given.model_copy(update=kept)

    changed = _change(kind, resource_id, edit)
    return _resource(kind, changed, Context.RESOURCE_REPLACEMENT_RESPONSE)


@blueprint.patch("/<any(Users,Groups):kind>/<resource_id>")
def patch(kind: str, resource_id: str) -> Response:
    """Change parts of one."""
    asked = _parsed(PATCHES[kind], Context.RESOURCE_PATCH_REQUEST)

    def edit(present: Any) -> Any:
        patching.check_work(asked, present)
        asked.patch(present, scim_policy=POLICY)
        return present

    changed = _change(kind, resource_id, edit)
    return _resource(kind, changed, Context.RESOURCE_PATCH_RESPONSE)


@blueprint.delete("/<any(Users,Groups):kind>/<resource_id>")
def remove(kind: str, resource_id: str) -> Response:
    """Remove one; a user's membership ends at once."""
    target = (resource_id, request.headers.get("If-Match"))
    SERVICES[kind].end(rt(), _directory(), target)
    return Response(status=204)


@blueprint.post("/.search")
def search() -> Response:
    """Several kinds at once are not searched."""
    raise NotImplementedException(detail="Search users or groups by themselves.")


@blueprint.route("/", defaults={"rest": ""}, methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
@blueprint.route("/<path:rest>", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
def nothing(rest: str) -> Response:
    """Whatever else is asked for; discovery can only be read."""
    if rest.partition("/")[0] in {"ServiceProviderConfig", "ResourceTypes", "Schemas"}:
        raise MethodNotAllowed(["GET"])
    raise NotFoundException(detail="There is nothing here.")


@blueprint.errorhandler(SCIMException)
def _refused(error: SCIMException) -> Response:
    return _error(error.to_error())


@blueprint.errorhandler(ValidationError)
def _invalid(error: ValidationError) -> Response:
    return _error(Error.from_validation_errors(error)[0])


@blueprint.errorhandler(Problem)
def _problem(problem: Problem) -> Response:
    detail = problem.detail_en or PROBLEMS[problem.code].title_en
    response = _error(Error(status=problem.status, detail=detail))
    if "retry_after" in problem.extra:
        response.headers["Retry-After"] = str(problem.extra["retry_after"])
    return response


def _change(kind: str, resource_id: str, edit: Any) -> Resource[Any]:
    target = (resource_id, request.headers.get("If-Match"))
    changed: Resource[Any] = SERVICES[kind].change(rt(), _base(), _directory(), target, edit)
    return changed


def _parsed(model: type[Any], context: Context) -> Any:
    """The body as `model`. Raises SCIMException or ValidationError, both a 400."""
    if request.mimetype not in ACCEPTED:
        raise InvalidSyntaxException(detail=f"Send {MEDIA_TYPE}.")
    try:
        body = strict.parse_object(request.get_data())
    except ValueError:
        raise InvalidSyntaxException(detail="The body must be one JSON object.") from None
    if context is Context.RESOURCE_PATCH_REQUEST:
        patching.check_operations(body)
    return model.model_validate(body, scim_ctx=context, scim_policy=POLICY)


def _parameters(kind: str) -> ResponseParameters[Any]:
    names = {"attributes": "attributes", "excluded_attributes": "excludedAttributes"}
    given = {name: request.args[sent] for name, sent in names.items() if sent in request.args}
    return cast("ResponseParameters[Any]", PARAMETERS[kind].model_validate(given))


def _wanted() -> Wanted:
    start = request.args.get("startIndex", 1, type=int)
    count = request.args.get("count", MOST_LISTED, type=int)
    bounded = min(max(start, 1), 1 << 31)
    return Wanted(request.args.get("filter", ""), bounded, min(max(count, 0), MOST_LISTED))


def _shown(session: Any, kind: str, row: Any) -> Any:
    if kind == "Users":
        return users.shown(_base(), row)
    return groups.shown(session, _base(), row)


def _resource(kind: str, shown: Resource[Any], context: Context, status: int = 200) -> Response:
    body = shown.model_dump(scim_ctx=context, response_parameters=_parameters(kind))
    response = _answer(body, status)
    if shown.meta is not None:
        response.headers["ETag"] = shown.meta.version
        response.headers["Location"] = str(shown.meta.location)
    return response


def _all(found: list[Any]) -> Response:
    """Discovery is never filtered (RFC 7644 §4: a filter is 403), and small."""
    if "filter" in request.args:
        return _error(Error(status=403, detail="Discovery is not filtered."))
    rows = [_dump(each, Context.RESOURCE_QUERY_RESPONSE) for each in found]
    count = len(rows)
    page = ListResponse[User | Group](total_results=count, start_index=1, items_per_page=count)
    return _answer(_dump(page, Context.RESOURCE_QUERY_RESPONSE) | {"Resources": rows})


def _one(found: list[Any], name: str) -> Response:
    for each in found:
        if each.id == name:
            return _answer(_dump(each, Context.RESOURCE_QUERY_RESPONSE))
    raise NotFoundException(detail="There is nothing here.")


def _dump(shown: Any, context: Context) -> dict[str, Any]:
    return cast("dict[str, Any]", shown.model_dump(scim_ctx=context))


def _error(error: Error) -> Response:
    return _answer(error.model_dump(), int(error.status or 400))


def _answer(body: dict[str, Any], status: int = 200) -> Response:
    response = Response(json.dumps(body, ensure_ascii=False), status, content_type=MEDIA_TYPE)
    response.headers["Cache-Control"] = "no-store"
    return response


def _directory() -> Directory:
    return cast(Directory, g.directory)


def _base() -> str:
    return rt().settings.public_url.rstrip("/") + PREFIX
