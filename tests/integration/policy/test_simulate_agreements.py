"""What a new version of an agreement will change is what it then does; on both databases."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from gateway import ids
from gateway.agreements import service
from gateway.agreements.models import Acceptance, OrganisationAcceptance
from gateway.clock import FixedClock
from gateway.errors import OperatorError
from gateway.journal import Actor
from gateway.policy import service_releases as releases
from gateway.policy.loading import in_force
from gateway.rehearsal.new_agreement import as_if_in_force
from gateway.rehearsal.service_simulate import simulate
from gateway.rehearsal.standing_now import everything_held
from gateway.runtime import Runtime
from policies.facts import Facts
from policies.terms import Change, Signature
from policies.vocabulary import Purpose
from tests import world as made
from tests.integration.agreements.publishing import (
    DAY,
    SYSTEM,
    bring,
    publish,
    sign_version,
    version,
)
from tests.integration.policy import held
from tests.world import World

FEWER = (Purpose.STATISTICS,)
Story = Callable[[Runtime, World], object]


@pytest.fixture
def world(runtime: Runtime) -> World:
    found = made.build(runtime)
    releases.sync_program(runtime)
    return found


def facts(runtime: Runtime, days: int) -> list[Facts]:
    at = runtime.clock.now() + days * DAY
    return [one.facts for one in everything_held(runtime, at)]


def foreseen(runtime: Runtime, number: int, days: int) -> list[Facts]:
    """The facts in some days if this version came into force now."""
    now = runtime.clock.now()
    alter = as_if_in_force(runtime, version(runtime, number), now)
    return [alter(one) for one in everything_held(runtime, now + days * DAY)]


def named(runtime: Runtime, number: int, days: int) -> set[tuple[str, bool, tuple[str, ...]]]:
    """Who is named for a download or for reading in a zone: the act, whether gained, and why."""
    now = runtime.clock.now()
    alter = as_if_in_force(runtime, version(runtime, number), now)
    at = now + days * DAY
    found = simulate(runtime, Actor.operator(), in_force(runtime.db), at, alter).affected
    wanted = ("download", "read_in_zone")
    return {(one.action, one.gains, one.codes) for one in found if one.action in wanted}


def plain(runtime: Runtime, world: World) -> None:
    publish(runtime, 2, Change.MATERIAL)


def stricter(runtime: Runtime, world: World) -> None:
    publish(runtime, 2, Change.ADVERSE, purposes=FEWER, training_only=True)


def skipping(runtime: Runtime, world: World) -> None:
    publish(runtime, 2, Change.ADVERSE, purposes=FEWER)
    publish(runtime, 3, Change.MINOR, purposes=FEWER)


def within_a_notice(runtime: Runtime, world: World) -> None:
    bring(runtime, 2, Change.MATERIAL)
    publish(runtime, 3, Change.ADVERSE, purposes=FEWER)


def signed_between(runtime: Runtime, world: World) -> None:
    bring(runtime, 2, Change.MATERIAL)
    sign_version(runtime, world, 2)
    publish(runtime, 3, Change.ADVERSE, purposes=FEWER)


def after_a_gap(runtime: Runtime, world: World) -> None:
    service.withdraw(runtime, SYSTEM, world.agreement)
    publish(runtime, 2, Change.MATERIAL)


def running_out(runtime: Runtime, world: World) -> None:
    made.change(runtime, Acceptance, world.acceptance, expires_at=runtime.clock.now() + 3 * DAY)
    publish(runtime, 2, Change.MATERIAL, purposes=FEWER)


def organisation(runtime: Runtime, world: World, **changes: Any) -> None:
    """The official has signed the first version; the second asks for it."""
    now = runtime.clock.now()
    values: dict[str, Any] = {
        "method": "mailed_link", "official_name": "대표", "official_title": "대표",
        "language": "ko", "accepted_at": now, "expires_at": now + 365 * DAY, "confirmed_at": now,
    }  # fmt: skip
    row = OrganisationAcceptance(
        id=ids.new(runtime.clock), organisation_id=world.organisation,
        agreement_version_id=world.agreement, code="open-test", sha256="a" * 64,
        **(values | changes),
    )  # fmt: skip
    with runtime.db.write() as session:
        session.add(row)
    signature = Signature.PERSONAL_AND_ORGANISATION
    publish(runtime, 2, Change.MATERIAL, signature=signature)


def unconfirmed_organisation(runtime: Runtime, world: World) -> None:
    organisation(runtime, world, confirmed_at=None)


def shorter_in_the_zone(runtime: Runtime, world: World) -> None:
    held.session(runtime, world, held.zone(runtime, world), runtime.clock.now() - 6 * DAY)
    publish(runtime, 2, Change.MATERIAL, zone_term_days=5)


STORIES = {
    plain: 2, stricter: 2, skipping: 3, within_a_notice: 3, signed_between: 3, after_a_gap: 2,
    running_out: 2, organisation: 2, unconfirmed_organisation: 2, shorter_in_the_zone: 2,
}  # fmt: skip


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_every_fact_comes_out_as_it_was_foreseen(
    runtime: Runtime, world: World, clock: FixedClock, story: Story
) -> None:
    held.export(runtime, world)
    held.application(runtime, world)
    story(runtime, world)
    number, moments = STORIES[story], (0, 1, 4, 7, 10, 30, 31)
    before = {days: foreseen(runtime, number, days) for days in moments}

    service.put_in_force(runtime, SYSTEM, version(runtime, number).id)

    assert {days: facts(runtime, days) for days in moments} == before


def test_a_minor_version_over_a_skipped_draft_cuts_off_when_the_draft_would_have(
    runtime: Runtime, world: World
) -> None:
    publish(runtime, 2, Change.ADVERSE)
    publish(runtime, 3, Change.MINOR)

    assert named(runtime, 3, 29) == set()
    assert named(runtime, 3, 31) == {("download", False, ("AGREEMENT_SUPERSEDED",))}


def test_a_longer_notice_gives_nothing_back_to_whoever_missed_the_one_before(
    runtime: Runtime, world: World
) -> None:
    bring(runtime, 2, Change.MATERIAL)
    publish(runtime, 3, Change.ADVERSE)

    assert named(runtime, 3, 10) == set()


def test_a_shorter_term_in_the_zone_names_those_whom_it_ends(
    runtime: Runtime, clock: FixedClock
) -> None:
    world = made.build(runtime, delivery="safe_zone")
    releases.sync_program(runtime)
    held.session(runtime, world, held.zone(runtime, world), clock.now() - timedelta(days=6))
    publish(runtime, 2, Change.MATERIAL, zone_term_days=5)

    assert named(runtime, 2, 6) == set()
    sign = ("AGREEMENT_SUPERSEDED",)
    assert named(runtime, 2, 7) == {("read_in_zone", False, ("SAFE_ZONE_SESSION_OVER", *sign))}


@pytest.mark.parametrize(("days", "cut"), [(6, set()), (7, {"holder"})])
def test_a_new_version_cuts_off_whoever_has_not_signed_when_the_notice_is_over(
    runtime: Runtime, world: World, days: int, cut: set[str]
) -> None:
    publish(runtime, 2, Change.MATERIAL)
    now = runtime.clock.now()
    alter = as_if_in_force(runtime, version(runtime, 2), now)
    at = now + days * DAY

    simulation = simulate(runtime, Actor.operator(), in_force(runtime.db), at, alter)

    assert {one.account for one in simulation.losing} == cut
    assert all(one.codes == ("AGREEMENT_SUPERSEDED",) for one in simulation.losing)


def test_a_stricter_version_names_nobody_within_its_notice(runtime: Runtime, world: World) -> None:
    publish(runtime, 2, Change.ADVERSE, purposes=FEWER)

    assert named(runtime, 2, 29) == set()


def test_a_version_of_another_agreement_changes_nothing(runtime: Runtime, world: World) -> None:
    publish(runtime, 2, Change.ADVERSE, purposes=FEWER)
    made.change(runtime, made.Dataset, world.dataset, agreement_code="another")

    assert named(runtime, 2, 31) == set()


def test_the_version_in_force_changes_nothing(runtime: Runtime, world: World) -> None:
    bring(runtime, 2, Change.MATERIAL)

    assert named(runtime, 2, 10) == set()


def test_a_version_that_was_in_force_before_cannot_be_simulated(
    runtime: Runtime, world: World
) -> None:
    bring(runtime, 2, Change.MATERIAL)

    with pytest.raises(OperatorError, match="open-test/v1 can no longer come into force"):
        as_if_in_force(runtime, version(runtime, 1), runtime.clock.now())
