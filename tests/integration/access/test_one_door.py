"""The one door on both databases: who gets through, who does not, and what the log says."""

from __future__ import annotations

import sqlite3
import uuid
from datetime import timedelta
from typing import Any

import pytest

from audit.event import Channel
from gateway.access import grants, service
from gateway.access.ask import Ask, Intent, Permit
from gateway.access.models import Grant
from gateway.agreements.models import Acceptance, AgreementState, AgreementVersion
from gateway.applications.models import ResearchProject
from gateway.catalog.models import Dataset, DatasetVersion
from gateway.clock import FixedClock
from gateway.errors import Problem, ProblemCode
from gateway.identity.models import (
    Attestation,
    AttestationKind,
    Membership,
    Organisation,
    Person,
)
from gateway.journal import Act, Actor, PartyKind, Place
from gateway.runtime import Runtime
from policies.vocabulary import Action
from tests import world as made
from tests.world import World

INTENT = Intent(Act.DOWNLOAD_AUTHORIZED, Act.DOWNLOAD_REFUSED, item="a.txt")


@pytest.fixture
def world(runtime: Runtime) -> World:
    return made.build(runtime)


def holder(world: World) -> Actor:
    return Actor(PartyKind.PERSON, Place(channel=Channel.API), world.person)


def steward(world: World) -> Actor:
    return Actor(PartyKind.PERSON, Place(channel=Channel.API), world.other)


def ask(world: World, size: int = 10, **changes: Any) -> Ask:
    found = {"grant_id": world.grant, "version_id": world.version, "request_bytes": size}
    return Ask(Action.DOWNLOAD, **(found | changes))


def knock(runtime: Runtime, world: World, size: int = 10) -> Permit:
    return service.authorize(runtime, holder(world), ask(world, size), INTENT)


def refusal(runtime: Runtime, world: World, size: int = 10) -> tuple[str, ...]:
    with pytest.raises(Problem) as caught:
        knock(runtime, world, size)
    assert caught.value.code is ProblemCode.ACCESS_DENIED
    return tuple(blocker["code"] for blocker in caught.value.extra["blockers"])


def log_size(runtime: Runtime) -> int:
    return runtime.journal.log.size()


def test_a_live_grant_lets_its_holder_through_and_the_event_is_there_first(
    runtime: Runtime, world: World
) -> None:
    before = log_size(runtime)
    permit = knock(runtime, world)
    assert permit.decision.allowed
    assert permit.gathered.version == "1.0"
    assert log_size(runtime) == before + 1


def test_every_refusal_is_an_event(runtime: Runtime, world: World) -> None:
    made.change(runtime, Person, world.person, status="suspended")
    before = log_size(runtime)
    assert "SUSPENDED" in refusal(runtime, world)
    assert log_size(runtime) == before + 1


CHANGES: list[tuple[str, type[Any], str, dict[str, Any]]] = [
    ("ACCOUNT_INACTIVE", Person, "person", {"status": "closed"}),
    ("SUSPENDED", Person, "person", {"status": "suspended"}),
    ("ORGANISATION_SUSPENDED", Organisation, "organisation", {"status": "suspended"}),
    ("GRANT_SUSPENDED", Grant, "grant", {"suspended": True}),
    ("DATASET_WITHDRAWN", DatasetVersion, "version", {"state": "withdrawn"}),
    ("VERSION_NOT_RELEASED", DatasetVersion, "version", {"state": "held"}),
    ("SCAN_STALE", DatasetVersion, "version", {"scanned_manifest": "0" * 64}),
    ("SCAN_STALE", DatasetVersion, "version", {"ruleset": None}),
    ("SAFE_ZONE_ONLY SAFE_ZONE_NO_DOWNLOAD", Dataset, "dataset", {"delivery": "safe_zone"}),
    ("NATIONALS_ONLY", Dataset, "dataset", {"nationals_only": True}),
    ("TRAINING_MISSING", Dataset, "dataset", {"training_required": True}),
    ("IDENTITY_TOO_WEAK", Dataset, "dataset", {"identity_level": 3}),
]


@pytest.mark.parametrize(("code", "kind", "name", "values"), CHANGES)
def test_a_change_of_any_fact_bites_on_the_next_request(
    runtime: Runtime,
    world: World,
    code: str,
    kind: type[Any],
    name: str,
    values: dict[str, Any],
) -> None:
    made.change(runtime, Person, world.person, korean_national=False)
    knock(runtime, world)
    made.change(runtime, kind, getattr(world, name), **values)
    assert refusal(runtime, world) == tuple(code.split())


@pytest.mark.parametrize(
    ("code", "kind", "name", "column"),
    [
        ("MEMBERSHIP_ENDED", Membership, "membership", "ended_at"),
        ("DATASET_WITHDRAWN", Dataset, "dataset", "withdrawn_at"),
        ("PROJECT_NOT_LIVE", ResearchProject, "project", "closed_at"),
        ("ACCEPTANCE_NOT_LIVE", Acceptance, "acceptance", "ended_at"),
        ("ACCEPTANCE_NOT_LIVE", Acceptance, "acceptance", "expires_at"),
    ],
)
def test_what_ends_now_is_over_now(
    runtime: Runtime, world: World, code: str, kind: type[Any], name: str, column: str
) -> None:
    knock(runtime, world)
    made.change(runtime, kind, getattr(world, name), **{column: runtime.clock.now()})
    assert refusal(runtime, world) == (code,)


def test_the_window_is_half_open(runtime: Runtime, world: World, clock: FixedClock) -> None:
    clock.advance(timedelta(days=180) - timedelta(microseconds=1000))
    knock(runtime, world)
    clock.advance(timedelta(microseconds=1000))
    assert refusal(runtime, world) == ("GRANT_EXPIRED",)


def identity_check(runtime: Runtime, world: World) -> uuid.UUID:
    """The world's dataset asks for level 3, and its person has it checked for an hour."""
    made.change(runtime, Dataset, world.dataset, identity_level=3)
    check = made.evidence(runtime, world, AttestationKind.IDENTITY, level=3)
    until = runtime.clock.now() + timedelta(hours=1)
    made.change(runtime, Attestation, check, valid_until=until)
    return check


def test_an_identity_check_counts_until_its_last_moment(
    runtime: Runtime, world: World, clock: FixedClock
) -> None:
    identity_check(runtime, world)
    clock.advance(timedelta(hours=1) - timedelta(milliseconds=1))
    knock(runtime, world)
    clock.advance(timedelta(milliseconds=1))
    assert refusal(runtime, world) == ("IDENTITY_TOO_WEAK",)


@pytest.mark.parametrize("flaw", ["unchecked", "ended", "later", "too low"])
def test_only_a_checked_live_identity_check_of_the_level_counts(
    runtime: Runtime, world: World, flaw: str
) -> None:
    check, now = identity_check(runtime, world), runtime.clock.now()
    knock(runtime, world)
    flaws: dict[str, dict[str, Any]] = {
        "unchecked": {"checked_at": None, "checked_by": None},
        "ended": {"ended_at": now},
        "later": {"valid_from": now + timedelta(minutes=1)},
        "too low": {"level": 1},
    }
    made.change(runtime, Attestation, check, **flaws[flaw])
    assert refusal(runtime, world) == ("IDENTITY_TOO_WEAK",)


def test_nobody_decides_about_their_own_grant(runtime: Runtime, world: World) -> None:
    reason = "자신의 권한을 스스로 멈춥니다"
    for verb in (
        lambda: grants.suspend(runtime, holder(world), world.grant, reason),
        lambda: grants.resume(runtime, holder(world), world.grant),
        lambda: grants.revoke(runtime, holder(world), world.grant, reason),
    ):
        with pytest.raises(Problem) as caught:
            verb()
        assert caught.value.code is ProblemCode.FORBIDDEN
    knock(runtime, world)
    grants.give_up(runtime, holder(world), world.grant)


def test_a_grant_that_starts_tomorrow_is_closed_today(runtime: Runtime, world: World) -> None:
    tomorrow = runtime.clock.now() + timedelta(days=1)
    made.change(runtime, Grant, world.grant, starts_at=tomorrow)
    assert refusal(runtime, world) == ("GRANT_NOT_STARTED",)


def test_a_new_agreement_version_asks_for_a_new_signature(runtime: Runtime, world: World) -> None:
    made.change(runtime, AgreementVersion, world.agreement, state=AgreementState.WITHDRAWN)
    with runtime.db.write() as session:
        session.add(
            AgreementVersion(
                id=uuid.uuid4(),
                code="open-test",
                number=2,
                sha256="b" * 64,
                text_ko="새 본문",
                text_en="new",
                terms=made.terms(),
                state=AgreementState.IN_FORCE,
                created_at=runtime.clock.now(),
            )
        )
    assert refusal(runtime, world) == ("AGREEMENT_SUPERSEDED",)


def test_a_signature_for_another_organisation_does_not_count(
    runtime: Runtime, world: World
) -> None:
    with runtime.db.write() as session:
        session.add(
            Organisation(
                id=(second := uuid.uuid4()),
                name="다른 기관",
                kind="company",
                country="KR",
                status="verified",
                created_by=world.other,
                created_at=runtime.clock.now(),
            )
        )
    made.change(runtime, Acceptance, world.acceptance, organisation_id=second)
    assert refusal(runtime, world) == ("ACCEPTANCE_NOT_LIVE",)


def test_without_irb_evidence_the_grant_waits_and_with_it_opens(
    runtime: Runtime, world: World
) -> None:
    made.change(runtime, Dataset, world.dataset, irb_required=True)
    assert set(refusal(runtime, world)) == {"GRANT_INACTIVE", "IRB_MISSING_OR_EXPIRED"}
    made.evidence(runtime, world, AttestationKind.IRB, uuid.uuid4())
    assert "IRB_MISSING_OR_EXPIRED" in refusal(runtime, world)
    made.evidence(runtime, world, AttestationKind.IRB, world.project)
    assert knock(runtime, world).decision.allowed


def test_a_newer_ruleset_closes_only_sensitive_sets_until_the_next_scan(
    runtime: Runtime, world: World
) -> None:
    made.change(runtime, DatasetVersion, world.version, ruleset="an older one")
    knock(runtime, world)
    made.change(runtime, Dataset, world.dataset, sensitivity="sensitive")
    assert refusal(runtime, world) == ("SCAN_STALE",)


def test_a_refusal_names_every_reason(runtime: Runtime, world: World) -> None:
    now = runtime.clock.now()
    made.change(runtime, Person, world.person, status="suspended")
    made.change(runtime, Membership, world.membership, ended_at=now)
    grants.revoke(runtime, steward(world), world.grant, "약정 위반이 확인되었습니다")
    assert set(refusal(runtime, world)) == {"SUSPENDED", "MEMBERSHIP_ENDED", "GRANT_REVOKED"}


def test_somebody_elses_grant_is_not_found(runtime: Runtime, world: World) -> None:
    with pytest.raises(Problem) as caught:
        service.consider(runtime, ask(world, person_id=world.other))
    assert caught.value.code is ProblemCode.NOT_FOUND


def test_a_stranger_may_ask_what_is_missing(runtime: Runtime, world: World) -> None:
    question = Ask(Action.DOWNLOAD, person_id=None, dataset_id=world.dataset)
    _gathered, decision = service.consider(runtime, question)
    assert {"NOT_SIGNED_IN", "GRANT_MISSING"} <= set(decision.codes)


def test_the_best_grant_of_a_person_is_found_by_dataset(runtime: Runtime, world: World) -> None:
    question = Ask(Action.DOWNLOAD, person_id=world.person, dataset_id=world.dataset)
    gathered, decision = service.consider(runtime, question)
    assert (gathered.grant_id, decision.allowed) == (world.grant, True)


def test_a_quota_is_reserved_before_and_settled_after(runtime: Runtime, world: World) -> None:
    made.change(runtime, Grant, world.grant, quota_bytes=100)
    permit = knock(runtime, world, 80)
    assert made.used_bytes(runtime, world.grant) == 80
    assert refusal(runtime, world, 21) == ("QUOTA_EXCEEDED",)
    service.settle(runtime, permit, 30)
    assert made.used_bytes(runtime, world.grant) == 30


def test_a_grant_without_quota_is_counted_only(runtime: Runtime, world: World) -> None:
    service.settle(runtime, knock(runtime, world, 2**50), 77)
    assert made.used_bytes(runtime, world.grant) == 77


def test_a_size_beyond_all_numbers_is_refused(runtime: Runtime, world: World) -> None:
    made.change(runtime, Grant, world.grant, quota_bytes=100)
    assert refusal(runtime, world, 2**63 - 1) == ("QUOTA_EXCEEDED",)


def test_when_the_log_cannot_be_written_the_answer_is_503_and_nothing_is_spent(
    runtime: Runtime, world: World
) -> None:
    made.change(runtime, Grant, world.grant, quota_bytes=100)
    break_log(runtime)
    with pytest.raises(Problem) as caught:
        knock(runtime, world, 50)
    assert caught.value.code is ProblemCode.LOG_UNAVAILABLE
    assert made.used_bytes(runtime, world.grant) == 0


def break_log(runtime: Runtime) -> None:
    """Take the log's tables away, as a full disk or a lost privilege would."""
    connection = runtime.db.connect_raw()
    connection.execute("ALTER TABLE audit_entries RENAME TO audit_entries_gone")
    connection.close()


def test_the_door_refuses_to_work_inside_a_write_transaction(
    runtime: Runtime, world: World
) -> None:
    with pytest.raises(AssertionError, match="write transaction"), runtime.db.write():
        knock(runtime, world)


def test_a_stream_stops_when_the_grant_ends_or_a_fact_changes(
    runtime: Runtime, world: World
) -> None:
    permit = knock(runtime, world)
    assert service.still_allowed(runtime, permit)
    grants.suspend(runtime, steward(world), world.grant, "확인이 필요하여 멈춥니다")
    assert not service.still_allowed(runtime, permit)
    grants.resume(runtime, steward(world), world.grant)
    assert not service.still_allowed(runtime, permit), "what was issued before stays dead"
    assert service.still_allowed(runtime, knock(runtime, world))


def test_a_spent_quota_does_not_stop_the_stream_that_spent_it(
    runtime: Runtime, world: World
) -> None:
    made.change(runtime, Grant, world.grant, quota_bytes=100)
    permit = knock(runtime, world, 100)
    assert service.still_allowed(runtime, permit)


def test_a_held_connection_that_broke_is_replaced(runtime: Runtime, world: World) -> None:
    knock(runtime, world)
    for held in list(runtime.db.hot._free):
        held.close()
    try:
        assert knock(runtime, world).decision.allowed
    except sqlite3.Error:
        pytest.fail("a broken connection reached the caller")
