"""Under which agreement, for what purpose and by which rule: beside every access."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gateway.agreements.models import Acceptance
from gateway.clock import FixedClock
from gateway.oversight.context import contexts, projects, release
from gateway.oversight.directory import Directory
from gateway.oversight.entries import Seen, see
from gateway.oversight.reading import reading
from gateway.runtime import Runtime
from tests.integration.oversight import reviewing
from tests.world import World, build, change


@pytest.fixture
def world(runtime: Runtime) -> World:
    return build(runtime)


def seen(runtime: Runtime, *indexes: int) -> list[Seen]:
    with reading(runtime) as opened:
        rows = [opened.log.get(index) for index in indexes]
        directory = Directory(runtime.vault)
        return [see(row, opened, runtime.vault, directory) for row in rows if row is not None]


def test_an_access_has_its_purpose_project_and_the_agreement_signed_then(
    runtime: Runtime, world: World
) -> None:
    rows = seen(runtime, reviewing.download(runtime, world))

    with reading(runtime) as opened:
        found = contexts(opened.session, rows)[rows[0].index]

    assert (found.purpose, found.project) == ("academic_research", "연구과제")
    assert (found.agreement, found.agreement_number) == ("open-test", 1)


def test_a_signature_that_came_later_is_not_the_one_it_was_done_under(
    runtime: Runtime, world: World, clock: FixedClock
) -> None:
    rows = seen(runtime, reviewing.download(runtime, world))
    later = clock.now() + timedelta(days=1)
    change(runtime, Acceptance, world.acceptance, accepted_at=later)

    with reading(runtime) as opened:
        found = contexts(opened.session, rows)[rows[0].index]

    assert found.purpose == "academic_research"
    assert found.agreement is None


def test_what_refers_to_no_grant_has_no_context(runtime: Runtime, world: World) -> None:
    rows = seen(
        runtime,
        reviewing.download(runtime, world, ref=None),
        reviewing.download(runtime, world, ref="grant:not-an-id"),
        reviewing.download(runtime, world, ref="export:00000000-0000-7000-8000-000000000000"),
    )

    with reading(runtime) as opened:
        assert contexts(opened.session, rows) == {}
        assert projects(opened.session, [row.ref for row in rows]) == {}


def test_the_release_is_told_where_it_allowed_and_not_where_a_rule_refused(
    runtime: Runtime, world: World
) -> None:
    detail = {"policy_release": "ab" * 32}
    refused = reviewing.download(runtime, world, reason="GRANT_EXPIRED", detail=detail)
    allowed = reviewing.download(runtime, world, detail=detail)

    assert [release(one) for one in seen(runtime, refused, allowed)] == [None, "ab" * 32]
