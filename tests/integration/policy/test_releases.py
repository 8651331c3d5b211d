"""Releases of the rules on both databases: proved first, in force for everyone, back in a step."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from gateway.access import service
from gateway.access.ask import Ask
from gateway.errors import OperatorError, Problem, ProblemCode
from gateway.journal import Actor
from gateway.policy import service_releases as releases
from gateway.policy.loading import in_force, program_engine
from gateway.policy.models import Origin, PolicyRelease, ReleaseState
from gateway.policy.proving import ReleaseRefused
from gateway.runtime import Runtime
from policies import rules
from policies.vocabulary import Action
from tests import world as made
from tests.world import World

NOBODY = """
@id("holiday")
@code("HOLIDAY")
@ko("오늘은 쉽니다.")
@en("We are closed today.")
@remedy_ko("내일 다시 시도하십시오.")
@remedy_en("Try again tomorrow.")
@actor("operator")
@source("A test")
forbid (principal, action in Action::"take", resource);
"""


@pytest.fixture
def world(runtime: Runtime) -> World:
    return made.build(runtime)


def closed() -> dict[str, str]:
    """Rules under which nothing is downloaded."""
    return rules.texts() | {"99-holiday.cedar": NOBODY}


def decide(runtime: Runtime, world: World):
    return service.consider(runtime, Ask(Action.DOWNLOAD, grant_id=world.grant))[1]


def proposed(runtime: Runtime, files: dict[str, str]) -> PolicyRelease:
    return releases.propose(runtime, Actor.operator(), files, "why not")


def test_the_rules_of_the_program_come_into_force_once_and_with_their_proofs(runtime: Runtime):
    releases.sync_program(runtime)
    releases.sync_program(runtime)

    with runtime.db.read() as session:
        (release,) = releases.history(session)

    assert (release.state, release.origin) == (ReleaseState.IN_FORCE, Origin.PROGRAM)
    assert release.sha256 == program_engine().release == in_force(runtime.db).release
    assert release.proofs["I1"]["holds"]


def test_a_release_in_force_decides_the_next_request_and_a_rollback_the_one_after(
    runtime: Runtime, world: World
):
    releases.sync_program(runtime)
    release = proposed(runtime, closed())
    before = decide(runtime, world)

    releases.put_in_force(runtime, Actor.operator(), release.sha256[:12])
    during = decide(runtime, world)
    releases.roll_back(runtime, Actor.operator())
    after = decide(runtime, world)

    assert (before.allowed, during.codes, after.allowed) == (True, ("HOLIDAY",), True)
    assert during.release == release.sha256


def test_a_shadow_release_decides_nothing(runtime: Runtime, world: World):
    releases.sync_program(runtime)
    release = proposed(runtime, closed())

    releases.shadow(runtime, Actor.operator(), release.sha256)

    assert decide(runtime, world).allowed


def test_an_operators_release_stays_in_force_when_the_program_starts_again(
    runtime: Runtime, world: World
):
    releases.sync_program(runtime)
    release = proposed(runtime, closed())
    releases.put_in_force(runtime, Actor.operator(), release.sha256)

    releases.sync_program(runtime)

    assert in_force(runtime.db).release == release.sha256


BROKEN = [
    ("10-person.cedar", "forbid (principal", "forbid (prinzipal", "10-person.cedar:"),
    ("10-person.cedar", "principal.suspended", "principal.mood", "does not fit the schema"),
    ("10-person.cedar", '@remedy_en("Sign in.', '@remark("Sign in.', "@remedy_en is missing"),
    ("60-grant.cedar", '"revoked" }', '"other" }', "I3 is broken"),
]


@pytest.mark.parametrize(("file", "old", "new", "message"), BROKEN)
def test_rules_that_may_not_be_put_in_force_are_refused_with_the_place_or_a_counterexample(
    runtime: Runtime, file: str, old: str, new: str, message: str
):
    texts = rules.texts()
    texts[file] = texts[file].replace(old, new, 1)

    with pytest.raises(ReleaseRefused, match=message):
        proposed(runtime, texts)


def test_rules_whose_schema_does_not_fit_the_facts_are_refused(runtime: Runtime):
    texts = closed()
    schema = texts[rules.SCHEMA_FILE]
    texts[rules.SCHEMA_FILE] = schema.replace("  active: Bool,", "  active: Bool,\n  mood: Bool,")

    with pytest.raises(ReleaseRefused, match="not fit the facts"):
        proposed(runtime, texts)


def test_only_a_draft_is_rehearsed_and_only_once(runtime: Runtime):
    release = proposed(runtime, closed())
    releases.shadow(runtime, Actor.operator(), release.sha256)

    with pytest.raises(Problem) as caught:
        releases.shadow(runtime, Actor.operator(), release.sha256)

    assert caught.value.code == ProblemCode.WRONG_STATE


@pytest.mark.parametrize("name", ["", "abc", "0" * 64])
def test_a_release_that_is_not_there_is_named_as_missing(runtime: Runtime, name: str):
    with pytest.raises(Problem) as caught:
        releases.put_in_force(runtime, Actor.operator(), name)

    assert caught.value.code == ProblemCode.NOT_FOUND


def test_without_a_release_before_there_is_nothing_to_go_back_to(runtime: Runtime):
    releases.sync_program(runtime)

    with pytest.raises(Problem) as caught:
        releases.roll_back(runtime, Actor.operator())

    assert caught.value.code == ProblemCode.WRONG_STATE


def test_a_record_that_somebody_changed_decides_nothing(runtime: Runtime, world: World):
    another = NOBODY.replace("holiday", "weekend").replace("HOLIDAY", "WEEKEND")
    release = proposed(runtime, closed() | {"98-weekend.cedar": another})
    releases.put_in_force(runtime, Actor.operator(), release.sha256)
    with runtime.db.write() as session:
        row = session.scalars(select(PolicyRelease)).one()
        row.files = rules.texts()

    with pytest.raises(OperatorError, match="was changed"):
        decide(runtime, world)


def test_the_same_rules_are_registered_once(runtime: Runtime):
    first, second = proposed(runtime, closed()), proposed(runtime, closed())

    assert first.id == second.id


def test_every_step_of_a_release_is_in_the_log(runtime: Runtime, entries):
    release = proposed(runtime, closed())
    releases.shadow(runtime, Actor.operator(), release.sha256)
    releases.put_in_force(runtime, Actor.operator(), release.sha256)

    acts = [leaf.columns.action for leaf in entries(f"policy:{release.sha256[:12]}")]

    assert acts == ["policy.registered", "policy.shadowed", "policy.in_force"]
