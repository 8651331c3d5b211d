"""What was submitted is what is read, decided on and granted, whatever is typed afterwards."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from gateway.access.models import Grant
from gateway.applications.models import Application, Choice, ResearchProject
from gateway.applications.service_drafts import Draft, create, save
from gateway.applications.service_projects import ProjectDraft
from gateway.applications.service_transaction import transact
from gateway.errors import Problem, ProblemCode
from gateway.runtime import Runtime
from policies.vocabulary import Purpose, Use
from tests import applying
from tests.applying import Cast
from tests.people import acting_as, bearer

STEWARD = "voices"
SWAPPED: dict[str, Any] = {
    "title": "다른 제목",
    "purpose": Purpose.COMMERCIAL_DEVELOPMENT,
    "uses": (Use.EVALUATION, Use.OVERSEAS_TRANSFER),
    "study": {"kinds": ["methods"], "months": 6},
    "plan": "심사받은 것과 다른 계획입니다. " * 5,
}


def second_draft(runtime: Runtime, cast: Cast, first: Application) -> Application:
    """Another draft of the same research project."""
    reuse = Draft(("clinic-images",), project_id=first.project_id, project=None)
    return transact(runtime, lambda s: create(s, runtime, acting_as(cast.researcher), reuse))


def saved(runtime: Runtime, cast: Cast, made: Application, **typed: Any) -> Application:
    """The draft with something else typed into the research project."""
    new = applying.draft(**typed)
    actor = acting_as(cast.researcher)
    return transact(
        runtime, lambda s: save(s, runtime, actor, made.id, new, revision=made.revision)
    )


def swap(runtime: Runtime, made: Application) -> None:
    """Change the research project behind the back of the services."""
    with runtime.db.write() as session:
        where = ResearchProject.id == made.project_id
        session.execute(update(ResearchProject).where(where).values(SWAPPED))


def granted(runtime: Runtime) -> tuple[str, list[str], dict[str, Any]]:
    """Purpose, uses and study of the only grant."""
    with runtime.db.read() as session:
        grant = session.scalars(select(Grant)).one()
    return grant.purpose, grant.uses, grant.study


@pytest.mark.parametrize("approved", [False, True])
@pytest.mark.parametrize(
    "typed",
    [
        SWAPPED,
        {"title": "다른 제목"},
        {"uses": (Use.OVERSEAS_TRANSFER,)},
        {"study": {"kinds": ["methods"]}},
        {"supervisor": ""},
        {"team": ()},
    ],
)
def test_a_second_draft_cannot_change_what_another_application_relies_on(
    runtime: Runtime, cast: Cast, typed: dict[str, Any], approved: bool
) -> None:
    first = applying.submitted(runtime, cast.researcher, STEWARD)
    if approved:
        item = applying.item(runtime, first.id)
        applying.vote(runtime, cast.steward, item.id, Choice.APPROVE)
    second = second_draft(runtime, cast, first)

    with pytest.raises(Problem) as refusal:
        saved(runtime, cast, second, **typed)

    assert refusal.value.code is ProblemCode.WRONG_STATE
    assert refusal.value.extra["number"] == first.number
    assert "새 연구과제" in refusal.value.detail_ko
    assert "new research project" in refusal.value.detail_en


def test_a_new_draft_cannot_rewrite_the_project_as_it_begins(runtime: Runtime, cast: Cast) -> None:
    first = applying.submitted(runtime, cast.researcher, STEWARD)
    rewriting = Draft((STEWARD,), project_id=first.project_id, project=ProjectDraft(**SWAPPED))

    with pytest.raises(Problem) as refusal:
        transact(runtime, lambda s: create(s, runtime, acting_as(cast.researcher), rewriting))

    assert refusal.value.code is ProblemCode.WRONG_STATE


def test_a_second_draft_is_saved_when_the_project_stays_as_it_is(
    runtime: Runtime, cast: Cast
) -> None:
    first = applying.submitted(runtime, cast.researcher, STEWARD)
    second = second_draft(runtime, cast, first)

    assert saved(runtime, cast, second).revision == second.revision + 1


def test_a_project_is_free_again_when_the_other_application_is_rejected(
    runtime: Runtime, cast: Cast
) -> None:
    first = applying.submitted(runtime, cast.researcher, STEWARD)
    second = second_draft(runtime, cast, first)
    applying.vote(runtime, cast.steward, applying.item(runtime, first.id).id, Choice.REJECT)

    assert saved(runtime, cast, second, **SWAPPED).revision == second.revision + 1


def test_a_returned_application_changes_its_own_words(runtime: Runtime, cast: Cast) -> None:
    made = applying.submitted(runtime, cast.researcher, STEWARD)
    item = applying.item(runtime, made.id)
    returned = applying.vote(runtime, cast.steward, item.id, Choice.RETURN)
    saved(runtime, cast, returned, **SWAPPED)
    applying.submit(runtime, cast.researcher, made.id)

    applying.vote(runtime, cast.steward, item.id, Choice.APPROVE)

    assert granted(runtime) == (SWAPPED["purpose"], list(SWAPPED["uses"]), SWAPPED["study"])


def test_a_grant_has_the_words_that_were_submitted(runtime: Runtime, cast: Cast) -> None:
    made = applying.submitted(runtime, cast.researcher, STEWARD)
    swap(runtime, made)

    applying.vote(runtime, cast.steward, applying.item(runtime, made.id).id, Choice.APPROVE)

    assert granted(runtime) == (Purpose.ACADEMIC_RESEARCH, [Use.ANALYSIS, Use.MODEL_TRAINING], {})


def test_a_review_shows_the_words_that_were_submitted(
    app: Flask, runtime: Runtime, cast: Cast
) -> None:
    made = applying.submitted(runtime, cast.researcher, STEWARD)
    swap(runtime, made)
    client = app.test_client()
    headers = bearer(client, cast.steward)

    item = applying.item(runtime, made.id)
    answer: Any = client.get(f"/api/v1/review/{item.id}", headers=headers)
    shown = answer.json["application"]

    assert shown["purpose"] == Purpose.ACADEMIC_RESEARCH
    assert (shown["uses"], shown["study_kinds"]) == ([Use.ANALYSIS, Use.MODEL_TRAINING], [])
    assert shown["plan"] == applying.PLAN
    assert (shown["supervisor"], shown["team"]) == ("professor", ["mate"])
