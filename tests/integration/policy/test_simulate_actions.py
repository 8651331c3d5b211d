"""A change names whoever loses any act that they may do now; on both databases."""

from __future__ import annotations

import pytest

from gateway.access.models import Grant
from gateway.journal import Actor
from gateway.policy import service_releases as releases
from gateway.policy.loading import engine_for, in_force
from gateway.rehearsal.service_simulate import Simulation, simulate
from gateway.rehearsal.standing_now import everything_held
from gateway.runtime import Runtime
from gateway.zones.models import Zone
from policies import rules
from policies.vocabulary import Action
from tests import world as made
from tests.integration.policy import held
from tests.world import World

OPERATOR = Actor.operator()
NEVER = """
@id("never")
@code("NEVER")
@ko("할 수 없습니다.")
@en("Never.")
@remedy_ko("방법이 없습니다.")
@remedy_en("There is none.")
@actor("nobody")
@source("A test")
forbid (principal, action in [{actions}], resource);
"""


@pytest.fixture
def world(runtime: Runtime) -> World:
    found = made.build(runtime)
    releases.sync_program(runtime)
    return found


@pytest.fixture
def reader(runtime: Runtime) -> World:
    """A holder whose dataset is read at the seats of a zone."""
    found = made.build(runtime, delivery="safe_zone")
    releases.sync_program(runtime)
    held.zone(runtime, found)
    return found


def without(runtime: Runtime, *actions: Action) -> str:
    """A release of the rules that forbids these acts; its hash."""
    named = ", ".join(f'Action::"{action}"' for action in actions)
    texts = rules.texts() | {"99-never.cedar": NEVER.format(actions=named)}
    return releases.propose(runtime, OPERATOR, texts).sha256


def rehearsed(runtime: Runtime, release: str) -> Simulation:
    engine = engine_for(runtime.db, release)
    return simulate(runtime, OPERATOR, engine, runtime.clock.now())


def lost(simulation: Simulation) -> set[tuple[str, str]]:
    assert all(one.codes == ("NEVER",) for one in simulation.losing)
    return {(one.account, one.action) for one in simulation.losing}


def possible(runtime: Runtime) -> set[str]:
    """The acts that somebody may do now, as the one door answers."""
    engine = in_force(runtime.db)
    return {
        str(action)
        for one in everything_held(runtime, runtime.clock.now())
        for action in one.actions
        if engine.decide(action, one.facts).allowed
    }


def test_whoever_has_an_export_to_fetch_is_named_once(runtime: Runtime, world: World) -> None:
    held.export(runtime, world)
    held.export(runtime, world)

    simulation = rehearsed(runtime, without(runtime, Action.FETCH_EXPORT))

    assert lost(simulation) == {("holder", "fetch_export")}
    assert len(simulation.affected) == 1


def test_an_export_that_waits_for_review_is_not_lost(runtime: Runtime, world: World) -> None:
    held.export(runtime, world, state="held")

    assert rehearsed(runtime, without(runtime, Action.FETCH_EXPORT)).affected == ()


def test_whoever_may_bring_files_into_a_zone_is_named(runtime: Runtime, reader: World) -> None:
    simulation = rehearsed(runtime, without(runtime, Action.IMPORT_TO_ZONE, Action.READ_IN_ZONE))

    assert lost(simulation) == {("holder", "import_to_zone"), ("holder", "read_in_zone")}


def test_where_no_zone_is_open_for_the_dataset_nothing_in_it_is_lost(
    runtime: Runtime, world: World
) -> None:
    zone = held.zone(runtime, world)
    made.change(runtime, Zone, zone, closed_at=runtime.clock.now())

    assert rehearsed(runtime, without(runtime, Action.READ_IN_ZONE)).affected == ()


@pytest.mark.parametrize("state", ["draft", "in_review", "returned"])
def test_whoever_has_an_application_under_way_is_named(
    runtime: Runtime, world: World, state: str
) -> None:
    held.application(runtime, world, state)

    simulation = rehearsed(runtime, without(runtime, Action.APPLY))

    assert lost(simulation) == {("holder", "apply")}


def test_an_application_that_is_over_is_not_lost(runtime: Runtime, world: World) -> None:
    held.application(runtime, world, "approved")

    assert rehearsed(runtime, without(runtime, Action.APPLY)).affected == ()


def test_a_grant_that_has_ended_takes_its_exports_along(runtime: Runtime, world: World) -> None:
    held.export(runtime, world)
    made.change(runtime, Grant, world.grant, ended_at=runtime.clock.now(), end_reason="revoked")

    assert rehearsed(runtime, without(runtime, Action.FETCH_EXPORT)).affected == ()


def test_putting_it_in_force_cuts_off_exactly_those_who_were_named(
    runtime: Runtime, world: World
) -> None:
    held.export(runtime, world)
    held.application(runtime, world)
    before = possible(runtime)
    release = without(runtime, Action.FETCH_EXPORT, Action.APPLY, Action.PACKAGE)

    named = {action for _account, action in lost(rehearsed(runtime, release))}
    releases.put_in_force(runtime, OPERATOR, release)

    assert before - possible(runtime) == named == {"fetch_export", "apply", "package"}
