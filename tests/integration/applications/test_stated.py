"""Purpose, uses and study decide before anybody is asked, and bind what is granted."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from gateway.access.ask import Ask
from gateway.access.models import Grant
from gateway.access.service import consider
from gateway.agreements import service as agreements
from gateway.applications.models import (
    Application,
    ApplicationState,
    Choice,
    ResearchProject,
)
from gateway.applications.service_drafts import Draft, create, save
from gateway.applications.service_transaction import transact
from gateway.catalog.models import Tier
from gateway.errors import Problem, ProblemCode
from gateway.runtime import Runtime
from policies.vocabulary import Action, Match, Purpose, Use
from tests import applying
from tests.applying import Cast, organisation
from tests.people import acting_as, bearer, sign_in

CANCER, LUNG_CANCER, HEART_DISEASE = "DOID:162", "DOID:1324", "DOID:114"
CANCER_ONLY = f"DUO:0000007={CANCER}"
HEALTH, NON_COMMERCIAL, PUBLISH = "DUO:0000006", "DUO:0000046", "DUO:0000019"
NON_PROFIT = "DUO:0000045"


@pytest.fixture(autouse=True)
def _agreements(runtime: Runtime) -> None:
    agreements.sync_files(runtime)


def refusal(runtime: Runtime, cast: Cast, slug: str, **project: Any) -> Problem:
    """What is answered to an application of the researcher that must not come through."""
    made = applying.drafted(runtime, cast.researcher, slug, **project)
    with pytest.raises(Problem) as caught:
        applying.submit(runtime, cast.researcher, made.id)
    assert caught.value.code is ProblemCode.ACCESS_DENIED
    assert applying.application(runtime, made.id).state == ApplicationState.DRAFT
    return caught.value


def codes(problem: Problem) -> list[str]:
    return [each["code"] for each in problem.extra["blockers"]]


def studying(disease: str, **more: Any) -> dict[str, Any]:
    return {"kinds": ["disease"], "diseases": [disease], **more}


def tier(runtime: Runtime, made: Application) -> str:
    return applying.item(runtime, made.id).tier


@pytest.mark.parametrize(
    ("dataset", "project", "code"),
    [
        ({}, {"uses": (Use.REIDENTIFICATION,)}, "REIDENTIFICATION"),
        ({}, {"uses": (Use.BIOMETRIC_IDENTIFICATION,)}, "BIOMETRIC_IDENTIFICATION"),
        ({"modality": "speech"}, {"uses": (Use.VOICE_CLONING,)}, "PURPOSE_MISMATCH"),
        ({"content": "driving"}, {"uses": (Use.PLATE_OR_FACE_LINKAGE,)}, "REIDENTIFICATION"),
        ({"content": "face"}, {"uses": (Use.DEEPFAKE_GENERATION,)}, "DEEPFAKE_DETECTION_ONLY"),
        ({"content": "interview"}, {"uses": (Use.APPLICANT_ASSESSMENT,)}, "PURPOSE_MISMATCH"),
        ({"pseudonymised": True}, {"purpose": Purpose.EDUCATION}, "PIPA_28_2_PURPOSE"),
        ({"agreement_code": "health"}, {"purpose": Purpose.EDUCATION}, "PURPOSE_NOT_PERMITTED"),
        ({}, {"uses": (Use.THIRD_PARTY_PROCESSING,)}, "THIRD_PARTY_PROCESSING"),
        ({}, {"uses": (Use.OVERSEAS_TRANSFER,)}, "OVERSEAS_TRANSFER"),
        ({"duo": [CANCER_ONLY]}, {"study": studying(HEART_DISEASE)}, "DUO_MISMATCH"),
        ({"duo": [HEALTH, NON_COMMERCIAL]}, {"study": {"kinds": ["health"]}}, "DUO_MISMATCH"),
    ],
)
def test_what_the_rules_forbid_is_refused_at_once_with_the_way_to_a_yes(
    runtime: Runtime, cast: Cast, dataset: dict[str, Any], project: dict[str, Any], code: str
) -> None:
    applying.add_dataset(runtime, "asked-for", tier=Tier.INSTANT, **dataset)

    problem = refusal(runtime, cast, "asked-for", **project)

    assert codes(problem) == [code]
    assert [step["code"] for step in problem.extra["path"]] == [code]
    assert problem.extra["confirmed"]
    assert all(step[name] for step in problem.extra["path"] for name in ("ko", "en", "actor_ko"))


def test_commercial_development_does_not_pass_as_non_commercial(
    runtime: Runtime, cast: Cast
) -> None:
    applying.add_dataset(runtime, "asked-for", duo=[HEALTH, NON_COMMERCIAL])
    claimed = {"kinds": ["health"], "non_commercial": True}

    problem = refusal(
        runtime, cast, "asked-for", purpose=Purpose.COMMERCIAL_DEVELOPMENT, study=claimed
    )

    assert codes(problem) == ["DUO_MISMATCH"]


@pytest.mark.parametrize(("kind", "outcome"), [("company", "denied"), ("university", "approved")])
def test_a_company_is_no_non_profit_organisation_whatever_it_says(
    runtime: Runtime, cast: Cast, kind: str, outcome: str
) -> None:
    applying.add_dataset(runtime, "asked-for", tier=Tier.INSTANT, duo=[HEALTH, NON_PROFIT])
    house = organisation(runtime, cast.researcher, kind=kind)
    said = {"kinds": ["health"], "non_profit_organisation": True}
    wanted = {"study": said, "organisation_id": house.id}

    if outcome == "denied":
        assert codes(refusal(runtime, cast, "asked-for", **wanted)) == ["DUO_MISMATCH"]
    else:
        made = applying.submitted(runtime, cast.researcher, "asked-for", **wanted)
        assert made.state == ApplicationState.APPROVED


@pytest.mark.parametrize(
    ("terms", "months", "days"),
    [
        ([HEALTH, "DUO:0000025=6"], 3, 91),
        ([HEALTH, "DUO:0000025=6"], 6, 182),
        ([HEALTH], 1, 30),
        ([HEALTH], 48, 365),
    ],
)
def test_a_grant_lasts_no_longer_than_terms_and_study_say(
    runtime: Runtime, cast: Cast, terms: list[str], months: int, days: int
) -> None:
    applying.add_dataset(runtime, "asked-for", tier=Tier.INSTANT, duo=terms, grant_days=365)
    study = {"kinds": ["health"], "months": months}

    made = applying.submitted(runtime, cast.researcher, "asked-for", study=study)

    assert applying.item(runtime, made.id).grant_days == days
    with runtime.db.read() as session:
        grant = session.scalars(select(Grant)).one()
    assert grant.ends_at - grant.starts_at == timedelta(days=days)


def test_a_study_that_fits_the_terms_is_approved_at_once(runtime: Runtime, cast: Cast) -> None:
    applying.add_dataset(runtime, "tumours", tier=Tier.INSTANT, duo=[CANCER_ONLY])

    made = applying.submitted(
        runtime, cast.researcher, "tumours", study=studying(LUNG_CANCER, months=12)
    )

    assert made.state == ApplicationState.APPROVED
    with runtime.db.read() as session:
        grant = session.scalars(select(Grant)).one()
    assert grant.study == studying(LUNG_CANCER, months=12)
    assert not grant.purpose_reviewed


@pytest.mark.parametrize(
    "study", [{}, {"kinds": ["health"], "needs_judgement": True}, {"kinds": []}]
)
def test_what_the_terms_leave_open_goes_to_a_steward_although_the_tier_is_instant(
    runtime: Runtime, cast: Cast, study: dict[str, Any]
) -> None:
    applying.add_dataset(runtime, "patients", tier=Tier.INSTANT, duo=[HEALTH])

    made = applying.submitted(runtime, cast.researcher, "patients", study=study)

    assert (made.state, tier(runtime, made)) == (ApplicationState.SUBMITTED, Tier.STEWARD)
    item = applying.item(runtime, made.id)
    applying.vote(runtime, cast.steward, item.id, Choice.APPROVE)
    with runtime.db.read() as session:
        assert session.scalars(select(Grant.purpose_reviewed)).one()


def test_terms_that_cannot_be_read_are_for_a_person(runtime: Runtime, cast: Cast) -> None:
    applying.add_dataset(runtime, "old", tier=Tier.INSTANT, duo=["DUO:0000007"])

    made = applying.submitted(runtime, cast.researcher, "old")

    assert tier(runtime, made) == Tier.STEWARD


def test_a_disease_study_names_its_diseases(runtime: Runtime, cast: Cast) -> None:
    made = applying.drafted(runtime, cast.researcher, "voices", study={"kinds": ["disease"]})

    with pytest.raises(Problem) as caught:
        applying.submit(runtime, cast.researcher, made.id)

    assert caught.value.extra["missing"] == ["diseases"]


def rewrite(runtime: Runtime, made: Application, **words: Any) -> None:
    """Change the research project behind the back of the services."""
    with runtime.db.write() as session:
        where = ResearchProject.id == made.project_id
        session.execute(update(ResearchProject).where(where).values(**words))


def test_a_grant_keeps_its_words_whatever_becomes_of_the_project(
    runtime: Runtime, cast: Cast
) -> None:
    made = applying.submitted(runtime, cast.researcher, "open-text")
    rewrite(runtime, made, uses=[Use.OVERSEAS_TRANSFER], study={"kinds": ["health"]})
    grant_id = applying.item(runtime, made.id).grant_id

    gathered, _decision = consider(runtime, Ask(Action.DOWNLOAD, grant_id=grant_id))

    assert gathered.facts.standing.uses == {Use.ANALYSIS, Use.MODEL_TRAINING}


def test_a_grant_that_is_held_does_not_speak_for_a_new_application(
    runtime: Runtime, cast: Cast
) -> None:
    first = applying.submitted(runtime, cast.researcher, "open-text")
    assert first.state == ApplicationState.APPROVED
    reuse = Draft(("open-text",), project_id=first.project_id, project=None)
    second = transact(runtime, lambda s: create(s, runtime, acting_as(cast.researcher), reuse))
    rewrite(runtime, first, uses=[Use.REIDENTIFICATION])

    with pytest.raises(Problem) as caught:
        applying.submit(runtime, cast.researcher, second.id)

    assert codes(caught.value) == ["REIDENTIFICATION"]


def test_reviewers_see_how_the_study_fits_with_open_points_and_duties(
    app: Flask, runtime: Runtime, cast: Cast
) -> None:
    applying.add_dataset(runtime, "patients", duo=[HEALTH, "DUO:0000012", PUBLISH])
    made = applying.submitted(runtime, cast.researcher, "patients", study={"kinds": ["health"]})
    item = applying.item(runtime, made.id)
    client = app.test_client()

    answer: Any = client.get(f"/api/v1/review/{item.id}", headers=bearer(client, cast.steward))
    sign_in(client, cast.steward)
    english = client.get(f"/review/{item.id}?lang=en").text
    korean = client.get(f"/review/{item.id}?lang=ko").text

    assert answer.json["data_use"] == {
        "match": Match.ABSTAIN,
        "open_points": [{"match": Match.ABSTAIN, "subject": "RS"}],
        "duties": ["PUB"],
    }
    assert "Restricted to a kind of research (DUO:0000012)" in english
    assert "Results must be published" in english
    assert "Train AI models" in english
    assert "사람이 판단" in korean
    assert "인공지능 모델 학습" in korean


def test_a_resubmission_shows_changed_uses_and_study_in_words(
    app: Flask, runtime: Runtime, cast: Cast
) -> None:
    made = applying.submitted(runtime, cast.researcher, "voices", study={"kinds": ["health"]})
    item = applying.item(runtime, made.id)
    returned = applying.vote(runtime, cast.steward, item.id, Choice.RETURN)
    new = applying.draft(uses=(Use.EVALUATION,), study={"kinds": ["methods"], "genetic": False})
    me = acting_as(cast.researcher)
    transact(runtime, lambda s: save(s, runtime, me, made.id, new, revision=returned.revision))
    applying.submit(runtime, cast.researcher, made.id)
    client = app.test_client()
    sign_in(client, cast.steward)

    page = client.get(f"/review/{item.id}?lang=en").text

    for words in ("Evaluate or test AI models", "Kind of study: Development of methods"):
        assert f"</span>{words}</ins>" in page
    assert "</span>Kind of study: Health, medical or biomedical research</del>" in page
    assert "It is a genetic study: No" in page


def test_what_an_application_says_can_be_read_and_saved_again(
    app: Flask, runtime: Runtime, cast: Cast
) -> None:
    study = studying(CANCER, non_profit_organisation=True, genetic=False, months=6)
    made = applying.drafted(runtime, cast.researcher, "voices", study=study)
    client = app.test_client()
    headers = bearer(client, cast.researcher)
    where = f"/api/v1/applications/{made.id}"
    shown: Any = client.get(where, headers=headers).json
    typed = ("title", "purpose", "uses", "study_kinds", "diseases", "non_profit_organisation",
             "non_commercial", "genetic", "needs_judgement", "study_months", "plan", "supervisor",
             "team", "organisation_id", "revision")  # fmt: skip

    saved: Any = client.put(where, json={name: shown[name] for name in typed}, headers=headers)

    assert saved.status_code == 200, saved.text
    assert {name: saved.json[name] for name in typed[:-1]} == {
        name: shown[name] for name in typed[:-1]
    }
    with runtime.db.read() as session:
        assert session.get_one(ResearchProject, made.project_id).study == study
