"""Between the wire of AuthZEN and the questions and answers of this feature."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeVar

from flask import request
from pydantic import BaseModel, ValidationError

from gateway.access import presenter
from gateway.decisions.schemas import (
    DatasetEntity,
    EntitiesOut,
    Entity,
    EvaluationOut,
    EvaluationRequest,
    EvaluationsRequest,
    PageOut,
    PageRequest,
    Semantic,
)
from gateway.decisions.service_evaluation import Answer, Question, Resource, Subject
from gateway.decisions.walking import Found, Slice
from gateway.errors import PROBLEMS, Problem, ProblemCode
from gateway.web.forms import try_parse
from gateway.web.messages import sentence

M = TypeVar("M", bound=BaseModel)
STOPS: Final[Mapping[Semantic, bool | None]] = {
    Semantic.EXECUTE_ALL: None,
    Semantic.DENY_ON_FIRST_DENY: False,
    Semantic.PERMIT_ON_FIRST_PERMIT: True,
}
_PARTS: Final = {"subject", "action", "resource", "context"}
# What an entity of a list may take from the default of the same name.
_INHERITED: Final = {
    "subject": ("type", "id"),
    "resource": ("type", "id"),
    "action": ("name",),
}


def body(model: type[M]) -> M:
    """The request's body; the standard answers every fault in it with 400.

    Raises Problem BAD_REQUEST, with `errors: [{field, message}]` where a field is at fault.
    """
    if request.mimetype != "application/json":
        raise Problem(
            ProblemCode.BAD_REQUEST,
            "본문은 application/json이어야 합니다.",
            "The body must be application/json.",
        )
    parsed = try_parse(model)
    if parsed.value is None:
        raise _faulty(parsed.errors)
    return parsed.value


def question(asked: EvaluationRequest) -> Question:
    """The question of a request."""
    return Question(subject(asked.subject), asked.action.name, resource(asked.resource))


def subject(entity: Entity) -> Subject:
    """The subject of a request."""
    return Subject(entity.type, entity.id)


def resource(entity: DatasetEntity) -> Resource:
    """The resource of a request."""
    return Resource(entity.type, entity.id, entity.properties.version)


def questions(asked: EvaluationsRequest) -> list[Question | Problem]:
    """Each question of a list with what it inherits; a faulty one as the problem with it."""
    defaults = _given(asked)
    return [_one(_merged(defaults, own)) for own in asked.evaluations]


def single(asked: EvaluationsRequest) -> Question:
    """The one question of a request without a list. Raises Problem BAD_REQUEST."""
    found = _one(_given(asked))
    if isinstance(found, Problem):
        raise found
    return found


def answered(answer: Answer | Problem) -> EvaluationOut:
    """An answer on the wire. A question that could not be answered is a no with its error."""
    if isinstance(answer, Problem):
        return EvaluationOut(decision=False, context={"error": _error(answer)})
    found = answer.explanation
    context: dict[str, Any] = {
        "outcome": str(found.decision.outcome),
        "policy_release": found.decision.release,
        "facts_digest": found.decision.facts_digest,
    }
    if not answer.allowed:
        context["reasons"] = presenter.blockers(found.decision)
        context["path"] = presenter.steps(found)
        context["confirmed"] = found.confirmed
    return EvaluationOut(decision=answer.allowed, context=context)


def wanted(page: PageRequest) -> Slice:
    """The page that a search asks for."""
    return Slice(page.token, page.limit)


def entities(found: Found[Any], shown: list[dict[str, str]]) -> EntitiesOut:
    """A page of a search on the wire."""
    return EntitiesOut(page=PageOut(next_token=found.next_token, count=len(shown)), results=shown)


def _given(asked: EvaluationsRequest) -> dict[str, Any]:
    return asked.model_dump(include=_PARTS, exclude_unset=True)


def _merged(defaults: Mapping[str, Any], own: Any) -> dict[str, Any]:
    """An entity of its own replaces the default one whole, but for the names it leaves out."""
    if not isinstance(own, dict):
        return {}
    together = {**defaults, **own}
    return {name: _with(defaults.get(name), name, given) for name, given in together.items()}


def _with(default: Any, name: str, given: Any) -> Any:
    if not isinstance(default, dict) or not isinstance(given, dict):
        return given
    kept = {part: default[part] for part in _INHERITED.get(name, ()) if part in default}
    return kept | given


def _one(table: Mapping[str, Any]) -> Question | Problem:
    try:
        return question(EvaluationRequest.model_validate(table))
    except ValidationError as error:
        found = error.errors()
        return _faulty({_place(each): sentence(each["type"], each.get("ctx")) for each in found})


def _place(error: Any) -> str:
    return ".".join(map(str, error["loc"]))


def _faulty(errors: Mapping[str, str]) -> Problem:
    listed = [{"field": name, "message": message} for name, message in errors.items()]
    names = ", ".join(name for name in errors if name)
    return Problem(
        ProblemCode.BAD_REQUEST,
        f"빠졌거나 형식이 다른 항목이 있습니다: {names}",
        f"Missing or of the wrong type: {names}",
        errors=listed,
    )


def _error(problem: Problem) -> dict[str, Any]:
    text = PROBLEMS[problem.code]
    return {
        "status": problem.status,
        "code": str(problem.code),
        "message": problem.detail_en or text.title_en,
        "ko": problem.detail_ko or text.title_ko,
        "en": problem.detail_en or text.title_en,
    }
