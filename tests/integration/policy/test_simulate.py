"""Who is cut off by a change: named before it is in force, and exactly those afterwards."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest

from gateway import ids
from gateway.access import service
from gateway.access.ask import Ask, Intent
from gateway.access.models import Grant
from gateway.agreements.models import AgreementVersion
from gateway.catalog.models import Dataset, DatasetVersion
from gateway.errors import Problem
from gateway.evidence.anonymise import anonymise
from gateway.identity.models import Person
from gateway.journal import Act, Actor, PartyKind, Place
from gateway.policy import service_releases as releases
from gateway.policy.loading import engine_for, in_force
from gateway.policy.models import PolicyFacts
from gateway.rehearsal import past as past_decisions
from gateway.rehearsal import service_replay
from gateway.rehearsal.service_simulate import simulate
from gateway.runtime import Runtime
from policies import rules
from policies.engine import Engine
from policies.vocabulary import Action
from tests import world as made
from tests.world import World

INTENT = Intent(Act.DOWNLOAD_AUTHORIZED, Act.DOWNLOAD_REFUSED, item="a.txt")
EDUCATION = """
@id("no-education")
@code("NO_EDUCATION")
@ko("교육 목적으로는 이용할 수 없습니다.")
@en("Not for education.")
@remedy_ko("다른 목적으로 신청하십시오.")
@remedy_en("Apply for another purpose.")
@actor("applicant")
@source("A test")
forbid (principal, action in Action::"take", resource)
when { principal.standing has purpose && principal.standing.purpose == "education" };
"""


@pytest.fixture
def world(runtime: Runtime) -> World:
    found = made.build(runtime)
    releases.sync_program(runtime)
    return found


def another(runtime: Runtime, world: World, account: str, purpose: str) -> uuid.UUID:
    """One more person with signature and grant; returns the grant's id."""
    person = made.person(runtime, account)
    now = runtime.clock.now()
    with runtime.db.write() as session:
        session.add(person)
        session.flush()
        old = session.get_one(Grant, world.grant)
        grant = Grant(
            id=ids.new(runtime.clock), person_id=person.id, dataset_id=world.dataset,
            project_id=old.project_id, purpose=purpose, starts_at=now,
            ends_at=now + timedelta(days=30), created_at=now,
        )  # fmt: skip
        session.add(grant)
        signed = session.get_one(made.Acceptance, world.acceptance)
        session.add(_copy(signed, ids.new(runtime.clock), person))
    return grant.id


def _copy(signed, new_id: uuid.UUID, person: Person):
    columns = {c.name: getattr(signed, c.name) for c in signed.__table__.columns}
    changed = {"id": new_id, "person_id": person.id, "organisation_id": None}
    return type(signed)(**(columns | changed))


def strict(runtime: Runtime) -> Engine:
    """Rules that end downloads for education."""
    texts = rules.texts() | {"99-education.cedar": EDUCATION}
    release = releases.propose(runtime, Actor.operator(), texts)
    return engine_for(runtime.db, release.sha256)


def allowed(runtime: Runtime, grant_id: uuid.UUID, action: Action = Action.DOWNLOAD) -> bool:
    return service.consider(runtime, Ask(action, grant_id=grant_id))[1].allowed


def knock(runtime: Runtime, grant_id: uuid.UUID, person: uuid.UUID) -> None:
    ask = Ask(Action.DOWNLOAD, grant_id=grant_id, request_bytes=10)
    service.authorize(runtime, Actor(PartyKind.PERSON, Place(), person), ask, INTENT)


def test_a_change_names_exactly_those_whom_it_then_cuts_off(runtime: Runtime, world: World):
    teacher = another(runtime, world, "teacher", "education")
    scholar = another(runtime, world, "scholar", "academic_research")
    proposal, now = strict(runtime), runtime.clock.now()
    grants = {"teacher": teacher, "scholar": scholar, "holder": world.grant}
    before = {who for who, grant in grants.items() if allowed(runtime, grant)}

    simulation = simulate(runtime, Actor.operator(), proposal, now)
    releases.put_in_force(runtime, Actor.operator(), proposal.release)

    after = {who for who, grant in grants.items() if allowed(runtime, grant)}
    downloads = [one for one in simulation.affected if one.action == "download"]
    assert {one.account for one in downloads} == before - after == {"teacher"}
    assert [(one.gains, one.codes) for one in downloads] == [(False, ("NO_EDUCATION",))]


def test_rules_that_change_nothing_affect_nobody(runtime: Runtime, world: World):
    simulation = simulate(runtime, Actor.operator(), in_force(runtime.db), runtime.clock.now())

    assert simulation.asked > 0
    assert simulation.affected == ()


def test_a_day_later_an_expired_grant_is_no_change_of_the_rules(runtime: Runtime, world: World):
    later = runtime.clock.now() + timedelta(days=400)

    simulation = simulate(runtime, Actor.operator(), in_force(runtime.db), later)

    assert simulation.affected == ()


def test_that_somebody_looked_is_in_the_log_with_those_who_were_named(
    runtime: Runtime, world: World, entries
):
    another(runtime, world, "teacher", "education")
    proposal = strict(runtime)

    simulate(runtime, Actor.operator(), proposal, runtime.clock.now())

    leaf = entries(f"policy:{proposal.release[:12]}")[-1]
    assert (leaf.columns.action, leaf.detail["affected"]) == ("policy.simulated", 1)
    assert len(leaf.subjects) == 1


def test_past_decisions_come_out_as_they_were_logged(runtime: Runtime, world: World):
    for _ in range(3):
        knock(runtime, world.grant, world.person)
    made.change(runtime, Grant, world.grant, suspended=True)
    with pytest.raises(Problem):
        knock(runtime, world.grant, world.person)

    checked = service_replay.check_past(runtime, 1000)

    assert (checked.decisions, checked.deviating) == (4, 0)


def test_a_past_decision_that_its_rules_do_not_give_is_named(runtime: Runtime, world: World):
    knock(runtime, world.grant, world.person)
    with runtime.db.write() as session:
        row = session.query(PolicyFacts).one()
        suspended = {**row.facts["subject"], "suspended": True}
        row.facts = {**row.facts, "subject": suspended}

    checked = service_replay.check_past(runtime, 1000)

    assert checked.deviating == 1
    (one,) = checked.deviations
    assert (one.action, one.logged, one.computed) == ("download", "allow", "deny")


def test_the_facts_behind_decisions_name_nobody_who_was_erased(runtime: Runtime, world: World):
    knock(runtime, world.grant, world.person)
    with runtime.db.write() as session:
        anonymise(session, runtime, session.get_one(Person, world.person))

    with runtime.db.read() as session:
        owners = [row.person_id for row in session.query(PolicyFacts)]
    checked = service_replay.check_past(runtime, 1000)

    assert owners == [None]
    assert (checked.decisions, checked.deviating) == (1, 0)


def test_other_rules_would_have_answered_past_questions_otherwise(runtime: Runtime, world: World):
    made.change(runtime, Grant, world.grant, purpose="education")
    knock(runtime, world.grant, world.person)
    knock(runtime, world.grant, world.person)

    compared = service_replay.compare_past(runtime, Actor.operator(), strict(runtime), 1000)

    (turned,) = compared.turned
    assert (turned.account, turned.action, turned.gains, turned.times) == (
        "holder", "download", False, 2,
    )  # fmt: skip


def test_full_blocks_are_kept_and_give_the_same_answers(
    runtime: Runtime, world: World, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(past_decisions, "BLOCK", 2)
    for _ in range(5):
        knock(runtime, world.grant, world.person)

    first = [past.index.tolist() for past in past_decisions.blocks(runtime, 1000)]
    kept = list((runtime.settings.home / "cache").rglob("*.npz"))
    second = [past.index.tolist() for past in past_decisions.blocks(runtime, 1000)]

    assert first == second
    assert kept
    assert sum(map(len, first)) == 5


def test_columns_of_past_decisions_decide_as_the_engine_does(runtime: Runtime, world: World):
    knock(runtime, world.grant, world.person)
    made.change(runtime, Dataset, world.dataset, originals=True)
    made.change(runtime, DatasetVersion, world.version, scanned_manifest=None)
    with pytest.raises(Problem):
        knock(runtime, world.grant, world.person)
    made.change(runtime, AgreementVersion, world.agreement, sha256="b" * 64)

    assert service_replay.check_past(runtime, 1000).deviating == 0
