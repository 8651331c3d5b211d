"""Which text bound an access, asked long after, on both databases."""

from __future__ import annotations

import json
import uuid

import pytest
from click.testing import CliRunner

from gateway.agreements.models import OrganisationAcceptance
from gateway.catalog.models import Dataset
from gateway.cli.main import root
from gateway.clock import FixedClock
from gateway.errors import Problem, ProblemCode
from gateway.identity.models import Person
from gateway.journal import Act, Actor, Entry
from gateway.oversight.bound import BoundAccess, bound_access, text_of
from gateway.oversight.directory import Directory
from gateway.oversight.service_search import Desk
from gateway.runtime import Runtime
from policies.terms import Change
from tests import world as made
from tests.integration.agreements.publishing import (
    DAY,
    bring,
    download,
    publish,
    sign_version,
    version,
)
from tests.world import World


@pytest.fixture
def world(runtime: Runtime) -> World:
    world = made.build(runtime)
    made.put_files(runtime, world, {"a.txt": b"data"})
    return world


def asked(runtime: Runtime, index: int) -> BoundAccess:
    return bound_access(Desk(runtime, Directory(runtime.vault), Actor.operator()), index)


def numbers(found: BoundAccess) -> tuple[int | None, int | None]:
    """The version that was signed, and the one in force, at that moment."""
    held = found.bound
    return (
        held.version.number if held.version else None,
        held.in_force.number if held.in_force else None,
    )


def test_each_access_keeps_the_text_that_was_signed_then(
    runtime: Runtime, world: World, clock: FixedClock
) -> None:
    first = download(runtime, world)
    clock.advance(DAY)
    bring(runtime, 2, Change.MATERIAL)
    within_notice = download(runtime, world)
    clock.advance(DAY)
    sign_version(runtime, world, 2)
    second = download(runtime, world)
    clock.advance(DAY)
    bring(runtime, 3, Change.ADVERSE)
    clock.advance(400 * DAY)

    found = [numbers(asked(runtime, index)) for index in (first, within_notice, second)]

    assert found == [(1, 1), (1, 2), (2, 2)]


def test_the_answer_holds_hash_text_and_acceptance(runtime: Runtime, world: World) -> None:
    index = download(runtime, world)

    held = asked(runtime, index).bound

    assert held.version is not None
    assert held.acceptance is not None
    assert held.acceptance.id == world.acceptance
    assert held.acceptance.sha256 == held.version.sha256 == version(runtime, 1).sha256
    assert [text_of(held.version, each) for each in ("ko", "en")] == ["본문", "text"]


def test_the_agreement_is_the_one_that_the_decision_read(runtime: Runtime, world: World) -> None:
    index = download(runtime, world)
    made.change(runtime, Dataset, world.dataset, agreement_code="another")

    assert numbers(asked(runtime, index)) == (1, 1)


def test_the_officials_signature_is_told_as_well(
    runtime: Runtime, world: World, clock: FixedClock
) -> None:
    row = OrganisationAcceptance(
        id=uuid.uuid4(), organisation_id=world.organisation, code="open-test",
        agreement_version_id=world.agreement, sha256=version(runtime, 1).sha256,
        method="mailed_link", official_name="홍길순", official_title="대표", language="ko",
        accepted_at=clock.now(), confirmed_at=clock.now(), expires_at=clock.now() + 30 * DAY,
    )  # fmt: skip
    with runtime.db.write() as session:
        session.add(row)
    index = download(runtime, world)
    clock.advance(DAY)
    made.change(runtime, OrganisationAcceptance, row.id, ended_at=clock.now())
    later = download(runtime, world)

    official = asked(runtime, index).bound.organisation

    assert official is not None
    assert official.id == row.id
    assert asked(runtime, later).bound.organisation is None


def test_an_entry_about_no_grant_is_bound_by_no_text(runtime: Runtime, world: World) -> None:
    index = runtime.journal.append(Entry(Actor.operator(), Act.BACKUP_MADE))

    for unknown in (index, 10**6):
        with pytest.raises(Problem) as caught:
            asked(runtime, unknown)
        assert caught.value.code is ProblemCode.NOT_FOUND


def test_the_command_answers_in_words_and_in_json(
    runtime: Runtime, world: World, clock: FixedClock
) -> None:
    index = download(runtime, world)
    publish(runtime, 2, Change.MATERIAL)
    home = ["--home", str(runtime.settings.home)]
    environment = {"SUMUN_DATABASE_URL": runtime.settings.database_url}
    ask = ["policy", "agreement", str(index), *home]

    words = CliRunner().invoke(root, [*ask, "--text", "en"], env=environment)
    told = CliRunner().invoke(root, [*ask, "--json"], env=environment)

    assert words.exit_code == told.exit_code == 0, words.output + told.output
    assert "bound by open-test/v1" in words.output
    assert words.output.rstrip().endswith("text")
    answer = json.loads(told.stdout)
    assert answer["signed"]["sha256"] == version(runtime, 1).sha256
    with runtime.db.read() as session:
        name = session.get_one(Person, world.person).name
    assert answer["acceptance"]["typed_name"] == name
