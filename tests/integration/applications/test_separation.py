"""Who may not decide: the policy engine says no, and the database says no to raw SQL."""

from __future__ import annotations

import uuid
from functools import partial
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from gateway import ids
from gateway.access.models import Grant, HolderKind
from gateway.access.seats import move_seat
from gateway.applications.models import Application, Choice, ProjectMember, Vote
from gateway.applications.service_case import submitted_revision
from gateway.errors import Problem, ProblemCode
from gateway.identity.models import Membership, MembershipKind, Person, Role
from gateway.journal import Outcome
from gateway.runtime import Runtime
from tests import applying
from tests.applying import REASON, Cast, organisation
from tests.people import acting_as, grant

STEWARD = "voices"


def ballot(runtime: Runtime, made: Application, voter: uuid.UUID, **changes: Any) -> dict[str, Any]:
    """The row of a vote, as someone with the database's password would write it."""
    with runtime.db.read() as session:
        revision = submitted_revision(session, made.id)
    professor = changes.pop("supervisor")
    usual = {
        "id": ids.new(runtime.clock),
        "item_id": applying.item(runtime, made.id).id,
        "project_id": made.project_id,
        "voter_id": voter,
        "applicant_id": made.applicant_id,
        "supervisor_id": professor,
        "revision": revision,
        "choice": Choice.APPROVE,
        "reason": REASON,
        "voted_at": runtime.clock.now(),
    }
    return usual | changes


def write(runtime: Runtime, row: dict[str, Any]) -> None:
    with runtime.db.write() as session:
        session.execute(insert(Vote), [row])


@pytest.mark.parametrize(
    ("who", "code"),
    [
        ("researcher", "DECIDER_IS_APPLICANT"),
        ("professor", "DECIDER_IS_SUPERVISOR"),
        ("mate", "DECIDER_ON_TEAM"),
    ],
)
def test_nobody_on_the_applicants_side_decides(
    runtime: Runtime, cast: Cast, who: str, code: str
) -> None:
    involved: Person = getattr(cast, who)
    grant(runtime, involved, Role.STEWARD)
    made = applying.submitted(runtime, cast.researcher, STEWARD)

    with pytest.raises(Problem) as refusal:
        applying.vote(runtime, involved, applying.item(runtime, made.id).id, Choice.APPROVE)

    assert refusal.value.code is ProblemCode.ACCESS_DENIED
    assert [each["code"] for each in refusal.value.extra["blockers"]] == [code]


@pytest.mark.parametrize("who", ["researcher", "professor", "mate"])
def test_the_database_refuses_their_votes_too(runtime: Runtime, cast: Cast, who: str) -> None:
    made = applying.submitted(runtime, cast.researcher, STEWARD)
    row = ballot(runtime, made, getattr(cast, who).id, supervisor=cast.professor.id)

    with pytest.raises(IntegrityError):
        write(runtime, row)


def test_the_database_takes_a_stewards_vote(runtime: Runtime, cast: Cast) -> None:
    made = applying.submitted(runtime, cast.researcher, STEWARD)

    write(runtime, ballot(runtime, made, cast.steward.id, supervisor=cast.professor.id))

    with pytest.raises(IntegrityError):
        write(runtime, ballot(runtime, made, cast.steward.id, supervisor=cast.professor.id))


def test_a_vote_cannot_name_another_applicant_to_slip_through(runtime: Runtime, cast: Cast) -> None:
    made = applying.submitted(runtime, cast.researcher, STEWARD)
    row = ballot(
        runtime,
        made,
        cast.researcher.id,
        supervisor=cast.professor.id,
        applicant_id=cast.stranger.id,
    )

    with pytest.raises(IntegrityError, match="does not match its application"):
        write(runtime, row)


def test_a_vote_cannot_leave_the_supervisor_out(runtime: Runtime, cast: Cast) -> None:
    made = applying.submitted(runtime, cast.researcher, STEWARD)
    row = ballot(runtime, made, cast.professor.id, supervisor=None)

    with pytest.raises(IntegrityError, match="does not match its application"):
        write(runtime, row)


def test_leaving_the_team_does_not_make_a_judge(runtime: Runtime, cast: Cast) -> None:
    grant(runtime, cast.mate, Role.STEWARD)
    made = applying.submitted(runtime, cast.researcher, STEWARD)
    with runtime.db.write() as session:
        session.execute(update(ProjectMember).values(removed_at=runtime.clock.now()))

    with pytest.raises(Problem) as refusal:
        applying.vote(runtime, cast.mate, applying.item(runtime, made.id).id, Choice.APPROVE)
    assert refusal.value.extra["blockers"][0]["code"] == "DECIDER_ON_TEAM"

    with pytest.raises(IntegrityError, match="is or was on the research project's team"):
        write(runtime, ballot(runtime, made, cast.mate.id, supervisor=cast.professor.id))


@pytest.mark.parametrize("statement", [update(Vote).values(choice="reject"), delete(Vote)])
def test_a_vote_is_never_changed_or_deleted(runtime: Runtime, cast: Cast, statement: Any) -> None:
    made = applying.submitted(runtime, cast.researcher, STEWARD)
    applying.vote(runtime, cast.steward, applying.item(runtime, made.id).id, Choice.APPROVE)

    with pytest.raises(IntegrityError, match="never changed or deleted"), runtime.db.write() as s:
        s.execute(statement)


@pytest.mark.parametrize("excluded", [True, False])
def test_whether_colleagues_decide_is_the_datasets_setting(
    runtime: Runtime, cast: Cast, excluded: bool
) -> None:
    hospital = organisation(runtime, cast.researcher, cast.steward)
    applying.add_dataset(runtime, "ward", organisation_excluded=excluded)
    made = applying.submitted(runtime, cast.researcher, "ward", organisation_id=hospital.id)
    item = applying.item(runtime, made.id)

    if not excluded:
        decided = applying.vote(runtime, cast.steward, item.id, Choice.APPROVE)
        assert decided.state == "approved"
        return
    with pytest.raises(Problem) as refusal:
        applying.vote(runtime, cast.steward, item.id, Choice.APPROVE)
    assert refusal.value.extra["blockers"][0]["code"] == "DECIDER_ORGANISATION_EXCLUDED"
    with pytest.raises(IntegrityError, match="applicant's organisation"):
        write(runtime, ballot(runtime, made, cast.steward.id, supervisor=cast.professor.id))


@pytest.mark.parametrize("named", ["none", "another"])
def test_a_colleague_stays_excluded_whatever_organisation_the_applicant_names(
    runtime: Runtime, cast: Cast, named: str
) -> None:
    organisation(runtime, cast.researcher, cast.steward)
    other = organisation(runtime, cast.researcher, name="다른병원") if named == "another" else None
    applying.add_dataset(runtime, "ward", organisation_excluded=True)
    made = applying.submitted(
        runtime, cast.researcher, "ward", organisation_id=other.id if other else None
    )

    with pytest.raises(Problem) as refusal:
        applying.vote(runtime, cast.steward, applying.item(runtime, made.id).id, Choice.APPROVE)

    assert refusal.value.extra["blockers"][0]["code"] == "DECIDER_ORGANISATION_EXCLUDED"
    with pytest.raises(IntegrityError, match="applicant's organisation"):
        write(runtime, ballot(runtime, made, cast.steward.id, supervisor=cast.professor.id))


@pytest.mark.parametrize("gone", ["ended_at", "confirmed_by"])
def test_a_membership_that_is_over_or_unconfirmed_excludes_nobody(
    runtime: Runtime, cast: Cast, gone: str
) -> None:
    organisation(runtime, cast.researcher, cast.steward)
    applying.add_dataset(runtime, "ward", organisation_excluded=True)
    made = applying.submitted(runtime, cast.researcher, "ward")
    value = runtime.clock.now() if gone == "ended_at" else None
    with runtime.db.write() as session:
        theirs = Membership.person_id == cast.steward.id
        session.execute(update(Membership).where(theirs).values({gone: value}))

    item = applying.item(runtime, made.id)
    decided = applying.vote(runtime, cast.steward, item.id, Choice.APPROVE)

    assert decided.state == "approved"


def test_a_steward_without_an_organisation_decides_on_one_without(
    runtime: Runtime, cast: Cast
) -> None:
    applying.add_dataset(runtime, "ward", organisation_excluded=True)
    made = applying.submitted(runtime, cast.researcher, "ward")

    item = applying.item(runtime, made.id)
    decided = applying.vote(runtime, cast.steward, item.id, Choice.APPROVE)

    assert decided.state == "approved"


def test_a_role_counts_only_for_its_dataset_and_its_tier(runtime: Runtime, cast: Cast) -> None:
    applying.add_dataset(runtime, "elsewhere")
    grant(runtime, cast.stranger, Role.STEWARD, "elsewhere")
    made = applying.submitted(runtime, cast.researcher, STEWARD)
    item = applying.item(runtime, made.id)

    with pytest.raises(Problem) as unknown:
        applying.vote(runtime, cast.stranger, item.id, Choice.APPROVE)
    assert unknown.value.code is ProblemCode.NOT_FOUND

    with pytest.raises(Problem) as wrong_tier:
        applying.vote(runtime, cast.committee[0], item.id, Choice.APPROVE)
    assert wrong_tier.value.extra["blockers"][0]["code"] == "DECIDER_NOT_AUTHORISED"


@pytest.fixture
def seat(runtime: Runtime, cast: Cast) -> Grant:
    """What the steward approved, as a seat of an organisation where the steward works now."""
    made = applying.submitted(runtime, cast.researcher, STEWARD)
    applying.vote(runtime, cast.steward, applying.item(runtime, made.id).id, Choice.APPROVE)
    place = organisation(runtime, cast.stranger, cast.researcher, cast.steward, cast.mate)
    with runtime.db.write() as session:
        session.execute(
            update(Membership)
            .where(Membership.person_id == cast.stranger.id)
            .values(kind=MembershipKind.MANAGER)
        )
        seat = session.scalars(select(Grant)).one()
        seat.organisation_id, seat.holder_kind = place.id, HolderKind.SEAT
    return seat


def test_a_seat_never_moves_to_whoever_decided_on_it(
    runtime: Runtime, cast: Cast, seat: Grant
) -> None:
    assert seat.organisation_id is not None
    move = partial(move_seat, runtime, acting_as(cast.stranger), seat.organisation_id, seat.id)

    with pytest.raises(Problem) as refusal:
        move(cast.steward.id)
    moved = move(cast.mate.id)

    assert (refusal.value.code, refusal.value.extra["field"]) == (ProblemCode.FORBIDDEN, "person")
    assert "심의한" in (refusal.value.detail_ko or "")
    assert (moved.person_id, moved.application_item_id) == (cast.mate.id, seat.application_item_id)


def test_the_database_gives_no_decider_the_grant(runtime: Runtime, cast: Cast, seat: Grant) -> None:
    item, steward = (
        {"application_item_id": seat.application_item_id},
        {"person_id": cast.steward.id},
    )
    own = {column.name: getattr(seat, column.key) for column in Grant.__table__.columns}
    ended = {"ended_at": runtime.clock.now(), "end_reason": "given_up"}
    written = insert(Grant).values(**own | steward | ended | {"id": uuid.uuid4()})

    for statement in (written, update(Grant).values(**steward)):
        refused(runtime, statement)
    with runtime.db.write() as session:
        session.execute(update(Grant).values(application_item_id=None))
        session.execute(update(Grant).values(**steward))
    refused(runtime, update(Grant).values(**item))


def refused(runtime: Runtime, statement: Any) -> None:
    with (
        pytest.raises(IntegrityError, match="decided on its application"),
        runtime.db.write() as session,
    ):
        session.execute(statement)


def test_a_refused_vote_is_in_the_log(runtime: Runtime, cast: Cast) -> None:
    made = applying.submitted(runtime, cast.researcher, STEWARD)
    with pytest.raises(Problem):
        applying.vote(
            runtime, cast.committee[0], applying.item(runtime, made.id).id, Choice.APPROVE
        )

    with runtime.db.read() as session:
        found = session.execute(
            text("SELECT outcome, dataset FROM audit_entries WHERE action = 'application.voted'")
        )
        assert [tuple(row) for row in found] == [(str(Outcome.DENY), STEWARD)]


def test_a_reason_of_nine_characters_is_no_reason(runtime: Runtime, cast: Cast) -> None:
    made = applying.submitted(runtime, cast.researcher, STEWARD)

    with pytest.raises(Problem) as refusal:
        applying.vote(
            runtime, cast.steward, applying.item(runtime, made.id).id, Choice.REJECT, "123456789"
        )

    assert refusal.value.extra["field"] == "reason"
