from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from gateway.access.models import EndReason, Grant
from gateway.applications import service_submit
from gateway.applications.models import (
    ApplicationState,
    Choice,
    ItemState,
    ProjectMember,
    Step,
    StepKind,
)
from gateway.applications.service_drafts import Draft, create, save
from gateway.applications.service_projects import ProjectDraft
from gateway.applications.service_transaction import transact
from gateway.clock import FixedClock
from gateway.errors import Problem, ProblemCode
from gateway.identity.models import Person, PersonStatus
from gateway.runtime import Runtime
from tests import applying
from tests.applying import Cast
from tests.people import acting_as

INSTANT, STEWARD, COMMITTEE = "open-text", "voices", "clinic-images"
APPROVE, REJECT, RETURN = Choice.APPROVE, Choice.REJECT, Choice.RETURN


@pytest.fixture
def cast(runtime: Runtime) -> Cast:
    return applying.build(runtime)


def grants(runtime: Runtime) -> list[Grant]:
    with runtime.db.read() as session:
        return list(session.scalars(select(Grant).order_by(Grant.id)))


def withdraw(runtime: Runtime, one: Person, application_id: object) -> None:
    actor = acting_as(one)
    transact(runtime, lambda s: service_submit.withdraw(s, runtime, actor, application_id))


def close(runtime: Runtime, one: Person, application_id: object) -> None:
    actor = acting_as(one)
    transact(runtime, lambda s: service_submit.close(s, runtime, actor, application_id))


def test_an_instant_dataset_is_approved_at_once(runtime: Runtime, cast: Cast) -> None:
    made = applying.submitted(runtime, cast.researcher, INSTANT)

    assert made.state == ApplicationState.APPROVED
    (grant,) = grants(runtime)
    assert grant.person_id == cast.researcher.id
    assert grant.ends_at - grant.starts_at == timedelta(days=180)


def test_one_steward_approves_and_the_grant_is_there(runtime: Runtime, cast: Cast) -> None:
    made = applying.submitted(runtime, cast.researcher, STEWARD)
    item = applying.item(runtime, made.id)

    decided = applying.vote(runtime, cast.steward, item.id, APPROVE)

    assert decided.state == ApplicationState.APPROVED
    assert grants(runtime)[0].application_item_id == item.id


def test_a_committee_decides_with_the_second_vote(runtime: Runtime, cast: Cast) -> None:
    made = applying.submitted(runtime, cast.researcher, COMMITTEE)
    item = applying.item(runtime, made.id)

    first = applying.vote(runtime, cast.committee[0], item.id, APPROVE)
    assert first.state == ApplicationState.IN_REVIEW
    assert grants(runtime) == []

    second = applying.vote(runtime, cast.committee[1], item.id, APPROVE)
    assert second.state == ApplicationState.APPROVED
    assert len(grants(runtime)) == 1


def test_datasets_are_decided_one_by_one(runtime: Runtime, cast: Cast) -> None:
    made = applying.submitted(runtime, cast.researcher, INSTANT, STEWARD, COMMITTEE)
    by_tier = {item.tier: item for item in applying.items(runtime, made.id)}
    instant, steward, committee = (by_tier[tier] for tier in ("instant", "steward", "committee"))

    assert instant.state == ItemState.APPROVED
    applying.vote(runtime, cast.steward, steward.id, REJECT)
    for member in cast.committee[:2]:
        applying.vote(runtime, member, committee.id, APPROVE)

    assert applying.application(runtime, made.id).state == ApplicationState.APPROVED
    assert {grant.dataset_id for grant in grants(runtime)} == {
        instant.dataset_id,
        committee.dataset_id,
    }


def test_a_returned_application_is_mended_and_voted_on_anew(runtime: Runtime, cast: Cast) -> None:
    made = applying.submitted(runtime, cast.researcher, COMMITTEE)
    item = applying.item(runtime, made.id)
    applying.vote(runtime, cast.committee[0], item.id, APPROVE)
    returned = applying.vote(runtime, cast.committee[1], item.id, RETURN)
    assert returned.state == ApplicationState.RETURNED

    again = applying.submit(runtime, cast.researcher, made.id)
    assert again.state == ApplicationState.SUBMITTED

    one = applying.vote(runtime, cast.committee[0], item.id, APPROVE)
    assert one.state == ApplicationState.IN_REVIEW
    assert applying.vote(runtime, cast.committee[2], item.id, APPROVE).state == "approved"


def test_the_due_date_counts_working_days_and_stops_at_the_applicants_turn(
    runtime: Runtime, cast: Cast, clock: FixedClock
) -> None:
    made = applying.submitted(runtime, cast.researcher, STEWARD)
    item = applying.item(runtime, made.id)
    # Monday 2 November, five working days: until the end of Monday the 9th in Seoul.
    assert item.due_at.isoformat() == "2026-11-09T15:00:00+00:00"

    applying.vote(runtime, cast.steward, item.id, RETURN)
    assert applying.item(runtime, made.id).due_at is None
    clock.advance(timedelta(days=7))
    applying.submit(runtime, cast.researcher, made.id)
    assert applying.item(runtime, made.id).due_at.isoformat() == "2026-11-16T15:00:00+00:00"


def test_the_timeline_says_whose_turn_came_next(runtime: Runtime, cast: Cast) -> None:
    made = applying.submitted(runtime, cast.researcher, STEWARD)
    applying.vote(runtime, cast.steward, applying.item(runtime, made.id).id, RETURN)

    with runtime.db.read() as session:
        steps = session.scalars(select(Step).order_by(Step.id)).all()
    # Steps of the same millisecond may come in any order.
    assert {(step.what, step.turn) for step in steps} == {
        (StepKind.CREATED, "applicant"),
        (StepKind.SUBMITTED, "steward"),
        (StepKind.VOTED, "steward"),
        (StepKind.RETURNED, "applicant"),
    }


def test_withdrawing_takes_back_only_what_is_undecided(runtime: Runtime, cast: Cast) -> None:
    made = applying.submitted(runtime, cast.researcher, INSTANT, STEWARD)

    withdraw(runtime, cast.researcher, made.id)

    states = {item.tier: item.state for item in applying.items(runtime, made.id)}
    assert states == {"instant": ItemState.APPROVED, "steward": ItemState.WITHDRAWN}
    assert applying.application(runtime, made.id).state == ApplicationState.APPROVED


def test_a_withdrawn_application_cannot_be_decided(runtime: Runtime, cast: Cast) -> None:
    made = applying.submitted(runtime, cast.researcher, STEWARD)
    withdraw(runtime, cast.researcher, made.id)

    with pytest.raises(Problem) as refusal:
        applying.vote(runtime, cast.steward, applying.item(runtime, made.id).id, APPROVE)

    assert refusal.value.code is ProblemCode.WRONG_STATE
    assert grants(runtime) == []


def test_an_application_closes_only_after_its_grants(
    runtime: Runtime, cast: Cast, clock: FixedClock
) -> None:
    made = applying.submitted(runtime, cast.researcher, INSTANT)
    with pytest.raises(Problem) as refusal:
        close(runtime, cast.researcher, made.id)
    assert refusal.value.code is ProblemCode.WRONG_STATE

    clock.advance(timedelta(days=181))
    close(runtime, cast.researcher, made.id)

    assert applying.application(runtime, made.id).state == ApplicationState.CLOSED


def test_a_renewal_ends_the_old_grant_in_the_same_step(
    runtime: Runtime, cast: Cast, clock: FixedClock
) -> None:
    first = applying.submitted(runtime, cast.researcher, INSTANT)
    clock.advance(timedelta(days=170))
    actor = acting_as(cast.researcher)
    renewal = Draft((INSTANT,), project_id=first.project_id, project=None)

    made = transact(runtime, lambda s: create(s, runtime, actor, renewal))
    applying.submit(runtime, cast.researcher, made.id)

    old, new = grants(runtime)
    assert (old.end_reason, old.ended_at) == (EndReason.RENEWED, clock.now())
    assert new.ended_at is None
    assert new.project_id == old.project_id


def test_a_second_application_for_the_same_waits_for_the_first(
    runtime: Runtime, cast: Cast
) -> None:
    first = applying.submitted(runtime, cast.researcher, STEWARD)
    twin = Draft((STEWARD,), project_id=first.project_id, project=None)
    actor = acting_as(cast.researcher)
    made = transact(runtime, lambda s: create(s, runtime, actor, twin))

    with pytest.raises(Problem) as refusal:
        applying.submit(runtime, cast.researcher, made.id)

    assert refusal.value.extra["number"] == first.number
    assert applying.application(runtime, made.id).state == ApplicationState.DRAFT


@pytest.mark.parametrize("sanction", [{"suspended": True}, {"end_reason": "revoked"}])
def test_an_instant_approval_does_not_undo_a_sanction(
    runtime: Runtime, cast: Cast, clock: FixedClock, sanction: dict[str, object]
) -> None:
    applying.submitted(runtime, cast.researcher, INSTANT)
    with runtime.db.write() as session:
        grant = session.scalars(select(Grant)).one()
        for name, value in sanction.items():
            setattr(grant, name, value)
        grant.ended_at = clock.now() if "end_reason" in sanction else None

    again = applying.submitted(runtime, cast.researcher, INSTANT)

    assert again.state == ApplicationState.SUBMITTED
    assert applying.item(runtime, again.id).tier == "steward"


def test_the_policy_refuses_a_submission_with_every_reason_and_keeps_the_draft(
    runtime: Runtime, cast: Cast
) -> None:
    applying.add_dataset(runtime, "strict", organisation_required=True, tier="instant")
    made = applying.drafted(runtime, cast.researcher, INSTANT, "strict")

    with pytest.raises(Problem) as refusal:
        applying.submit(runtime, cast.researcher, made.id)

    assert refusal.value.code is ProblemCode.ACCESS_DENIED
    assert [each["code"] for each in refusal.value.extra["blockers"]] == [
        "ORGANISATION_NOT_VERIFIED"
    ]
    assert applying.application(runtime, made.id).state == ApplicationState.DRAFT
    assert grants(runtime) == []


def test_a_draft_may_be_incomplete_but_a_submission_names_what_is_missing(
    runtime: Runtime, cast: Cast
) -> None:
    actor = acting_as(cast.researcher)
    partial = Draft((STEWARD,), project=ProjectDraft(title="제목만"))
    made = transact(runtime, lambda s: create(s, runtime, actor, partial))

    with pytest.raises(Problem) as refusal:
        applying.submit(runtime, cast.researcher, made.id)

    assert refusal.value.extra["missing"] == ["purpose", "uses", "plan"]


def test_saving_over_another_window_is_refused(runtime: Runtime, cast: Cast) -> None:
    made = applying.drafted(runtime, cast.researcher, STEWARD)
    actor = acting_as(cast.researcher)
    changed = applying.draft(title="다른 제목")
    transact(runtime, lambda s: save(s, runtime, actor, made.id, changed, revision=1))

    with pytest.raises(Problem) as refusal:
        transact(runtime, lambda s: save(s, runtime, actor, made.id, changed, revision=1))

    assert refusal.value.code is ProblemCode.CONFLICT


def test_datasets_can_change_in_a_draft_but_not_afterwards(runtime: Runtime, cast: Cast) -> None:
    made = applying.drafted(runtime, cast.researcher, STEWARD)
    actor = acting_as(cast.researcher)
    transact(
        runtime,
        lambda s: save(s, runtime, actor, made.id, applying.draft(COMMITTEE), revision=1),
    )
    item = applying.item(runtime, made.id)
    applying.submit(runtime, cast.researcher, made.id)
    applying.vote(runtime, cast.committee[0], item.id, RETURN)

    revision = applying.application(runtime, made.id).revision

    with pytest.raises(Problem) as refusal:
        transact(
            runtime,
            lambda s: save(s, runtime, actor, made.id, applying.draft(STEWARD), revision=revision),
        )

    assert refusal.value.code is ProblemCode.WRONG_STATE


@pytest.mark.parametrize("field", ["supervisor", "team"])
def test_unknown_and_closed_accounts_get_the_same_answer(
    runtime: Runtime, cast: Cast, field: str
) -> None:
    with runtime.db.write() as session:
        session.get_one(Person, cast.stranger.id).status = PersonStatus.CLOSED
    answers = set()
    for account in ("nobody.at.all", "stranger"):
        typed = account if field == "supervisor" else (account,)
        with pytest.raises(Problem) as refusal:
            applying.drafted(runtime, cast.researcher, STEWARD, **{field: typed})
        answers.add((refusal.value.code, refusal.value.detail_en, refusal.value.extra["field"]))

    assert len(answers) == 1


def test_someone_elses_research_project_cannot_be_used(runtime: Runtime, cast: Cast) -> None:
    first = applying.drafted(runtime, cast.researcher, STEWARD)
    actor = acting_as(cast.stranger)
    stolen = Draft((STEWARD,), project_id=first.project_id, project=None)

    with pytest.raises(Problem) as refusal:
        transact(runtime, lambda s: create(s, runtime, actor, stolen))

    assert refusal.value.code is ProblemCode.NOT_FOUND


def test_a_former_team_member_stays_on_record_after_a_submission(
    runtime: Runtime, cast: Cast
) -> None:
    made = applying.submitted(runtime, cast.researcher, STEWARD)
    applying.vote(runtime, cast.steward, applying.item(runtime, made.id).id, RETURN)
    actor = acting_as(cast.researcher)
    alone = applying.draft(team=(), supervisor="")
    revision = applying.application(runtime, made.id).revision

    transact(runtime, lambda s: save(s, runtime, actor, made.id, alone, revision=revision))

    with runtime.db.read() as session:
        rows = session.scalars(select(ProjectMember)).all()
    assert {row.person_id for row in rows} == {cast.mate.id, cast.professor.id}
    assert all(row.removed_at is not None for row in rows)


def test_irb_evidence_belongs_to_the_research_project(runtime: Runtime, cast: Cast) -> None:
    made = applying.drafted(runtime, cast.researcher, STEWARD)
    evidence = applying.irb(runtime, made.project_id)
    actor = acting_as(cast.researcher)

    transact(runtime, lambda s: service_submit.add_evidence(s, runtime, actor, made.id, evidence))

    with runtime.db.read() as session:
        from gateway.identity.models import Attestation

        row = session.scalars(select(Attestation)).one()
    assert (row.project_id, row.checked_by) == (made.project_id, None)
