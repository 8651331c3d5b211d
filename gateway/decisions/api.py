"""AuthZEN Authorization API 1.0: this gateway as a policy decision point for other programs."""

from __future__ import annotations

import re
from typing import Any, Final

from flask import Blueprint, Response, jsonify, request

from gateway.decisions import authzen, service_search, views
from gateway.decisions.asking import Asker, record_look
from gateway.decisions.schemas import (
    ActionSearch,
    EntitiesOut,
    EvaluationOut,
    EvaluationRequest,
    EvaluationsOut,
    EvaluationsRequest,
    Metadata,
    ResourceSearch,
    SubjectSearch,
)
from gateway.decisions.service_evaluation import (
    DATASET,
    PERSON,
    Answer,
    Question,
    Unanswered,
    evaluate,
    until,
)
from gateway.decisions.service_search import Search
from gateway.decisions.walking import Found
from gateway.errors import Problem, ProblemCode
from gateway.identity.http import rt
from gateway.observability.context import HEADER
from gateway.web.openapi import documented

TAG: Final = "AuthZEN"
BASE: Final = "/access/v1"
METADATA_SECONDS: Final = 3600
NOTHING: Final[Found[Any]] = Found((), "")
# What an answer may repeat: printable, and short enough for a line of a log.
_REPEATABLE = re.compile(r"[\x20-\x7e]{1,200}")

blueprint = Blueprint("authzen", __name__)


@blueprint.post(f"{BASE}/evaluation")
@documented(tag=TAG, json=EvaluationRequest, answer=EvaluationOut)
def evaluation() -> Response:
    """Decide one question, with every reason for a no and the way to a yes."""
    asker = views.asker()
    return _answer(asker, authzen.question(authzen.body(EvaluationRequest)))


@blueprint.post(f"{BASE}/evaluations")
@documented(tag=TAG, json=EvaluationsRequest, answer=EvaluationsOut)
def evaluations() -> Response:
    """Decide several questions in their order; each that is faulty is a no with its error."""
    asker = views.asker()
    asked = authzen.body(EvaluationsRequest)
    if not asked.evaluations:
        return _answer(asker, authzen.single(asked))
    stop_at = authzen.STOPS[asked.options.evaluations_semantic]
    answers = until(authzen.questions(asked), lambda each: _tried(asker, each), stop_at)
    _record(asker, answers)
    shown = EvaluationsOut(evaluations=[authzen.answered(each) for each in answers])
    return jsonify(shown.model_dump(mode="json"))


@blueprint.post(f"{BASE}/search/subject")
@documented(tag=TAG, json=SubjectSearch, answer=EntitiesOut)
def subjects() -> Response:
    """List the people who may do something with a dataset."""
    asker = views.asker()
    asked = authzen.body(SubjectSearch)
    search = Search(asked.subject.type, asked.action.name, authzen.wanted(asked.page))
    try:
        found = service_search.subjects(rt(), asker, authzen.resource(asked.resource), search)
    except Problem as problem:
        return _nothing(problem)
    return _page(found, [{"type": PERSON, "id": person.account} for person in found.results])


@blueprint.post(f"{BASE}/search/resource")
@documented(tag=TAG, json=ResourceSearch, answer=EntitiesOut)
def resources() -> Response:
    """List the datasets with which somebody may do something."""
    asker = views.asker()
    asked = authzen.body(ResourceSearch)
    search = Search(asked.resource.type, asked.action.name, authzen.wanted(asked.page))
    try:
        found = service_search.resources(rt(), asker, authzen.subject(asked.subject), search)
    except Problem as problem:
        return _nothing(problem)
    return _page(found, [{"type": DATASET, "id": dataset.slug} for dataset in found.results])


@blueprint.post(f"{BASE}/search/action")
@documented(tag=TAG, json=ActionSearch, answer=EntitiesOut)
def actions() -> Response:
    """List what somebody may do with a dataset."""
    asker = views.asker()
    asked = authzen.body(ActionSearch)
    subject, resource = authzen.subject(asked.subject), authzen.resource(asked.resource)
    try:
        found = service_search.actions(rt(), asker, subject, resource, authzen.wanted(asked.page))
    except Problem as problem:
        return _nothing(problem)
    return _page(found, [{"name": name} for name in found.results])


@blueprint.get("/.well-known/authzen-configuration")
@documented(tag=TAG, answer=Metadata, public=True)
def metadata() -> Response:
    """Name this policy decision point and its endpoints."""
    base = rt().settings.public_url.rstrip("/")
    shown = Metadata(
        policy_decision_point=base,
        access_evaluation_endpoint=f"{base}{BASE}/evaluation",
        access_evaluations_endpoint=f"{base}{BASE}/evaluations",
        search_subject_endpoint=f"{base}{BASE}/search/subject",
        search_resource_endpoint=f"{base}{BASE}/search/resource",
        search_action_endpoint=f"{base}{BASE}/search/action",
    )
    response = jsonify(shown.model_dump())
    response.headers["Cache-Control"] = f"public, max-age={METADATA_SECONDS}"
    return response


@blueprint.after_request
def repeat_request_id(response: Response) -> Response:
    """The caller's own request id comes back; `request_id` of a problem stays the gateway's."""
    given = request.headers.get(HEADER, "")
    if _REPEATABLE.fullmatch(given):
        response.headers[HEADER] = given
    return response


def _answer(asker: Asker, question: Question) -> Response:
    try:
        answer: Answer | Problem = evaluate(rt(), asker, question)
    except Problem as problem:
        if problem.code is not ProblemCode.NOT_FOUND:
            raise
        answer = problem
    _record(asker, [answer])
    return jsonify(authzen.answered(answer).model_dump(mode="json"))


def _tried(asker: Asker, question: Question | Problem) -> Answer | Problem:
    """One question of a list: a refusal to answer concerns it alone."""
    if isinstance(question, Problem):
        return question
    try:
        return evaluate(rt(), asker, question)
    except Problem as problem:
        if problem.code not in {ProblemCode.NOT_FOUND, ProblemCode.FORBIDDEN}:
            raise
        return problem


def _record(asker: Asker, answers: list[Answer | Problem]) -> None:
    """One event for one request, however many questions it asked. That an account, dataset or
    version does not exist is an answer about somebody as well."""
    told = [each for each in answers if isinstance(each, Answer | Unanswered)]
    slugs = {each.dataset for each in told if each.person_id != asker.person_id}
    people = [each.person_id for each in told]
    one = next(iter(slugs)) if len(slugs) == 1 else None
    record_look(rt(), asker, people, one, questions=len(told))


def _nothing(problem: Problem) -> Response:
    """A search among what does not exist finds nothing; any other refusal stands."""
    if problem.code is not ProblemCode.NOT_FOUND:
        raise problem
    return _page(NOTHING, [])


def _page(found: Found[Any], shown: list[dict[str, str]]) -> Response:
    return jsonify(authzen.entities(found, shown).model_dump(mode="json"))
