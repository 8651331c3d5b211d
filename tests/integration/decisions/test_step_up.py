"""AuthZEN counts the passkey as the gateway itself does: a yes is a yes in this session."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from gateway.catalog.models import Dataset
from gateway.clock import FixedClock
from gateway.identity.models import SignInSession
from gateway.runtime import Runtime
from tests import world as made
from tests.integration.decisions.asked import action, decision, question, resource, results
from tests.world import World


@pytest.fixture
def health(runtime: Runtime, world: World) -> World:
    made.change(runtime, Dataset, world.dataset, content="health")
    return world


def confirmed(runtime: Runtime, world: World, at: datetime, **more: Any) -> None:
    with runtime.db.write() as session:
        mine = update(SignInSession).where(SignInSession.person_id == world.person)
        session.execute(mine.values(stepped_up_at=at, **more))


def test_ones_own_question_goes_by_ones_own_session(
    runtime: Runtime, health: World, holder: Any
) -> None:
    before = decision(holder("evaluation", question()))
    confirmed(runtime, health, runtime.clock.now())
    after = decision(holder("evaluation", question()))

    assert (before["decision"], after["decision"]) == (False, True)
    assert [each["code"] for each in before["context"]["reasons"]] == ["STEP_UP_DUE"]
    assert [each["code"] for each in before["context"]["path"]] == ["STEP_UP_DUE"]
    assert before["context"]["confirmed"] is True


def test_somebody_elses_question_goes_by_any_live_session_of_theirs(
    runtime: Runtime, health: World, holder: Any, auditor: Any, clock: FixedClock
) -> None:
    never = decision(auditor("evaluation", question()))
    confirmed(runtime, health, clock.now())
    lately = decision(auditor("evaluation", question()))
    confirmed(runtime, health, clock.now(), ended_at=clock.now())
    ended = decision(auditor("evaluation", question()))

    assert [each["decision"] for each in (never, lately, ended)] == [False, True, False]


def test_a_passkey_of_the_asker_does_not_count_for_others(
    runtime: Runtime, health: World, auditor: Any, clock: FixedClock
) -> None:
    with runtime.db.write() as session:
        session.execute(update(SignInSession).values(stepped_up_at=clock.now()))

    assert decision(auditor("evaluation", question()))["decision"] is False


def test_a_search_and_a_question_agree(
    runtime: Runtime, health: World, holder: Any, auditor: Any, clock: FixedClock
) -> None:
    def who() -> list[dict[str, str]]:
        wanted = {"subject": {"type": "person"}, "resource": resource(), "action": action()}
        return results(auditor("search/subject", wanted))

    before = who()
    confirmed(runtime, health, clock.now())
    lately = who()
    clock.advance(timedelta(minutes=15))

    assert (before, lately, who()) == ([], [{"type": "person", "id": "holder"}], [])
