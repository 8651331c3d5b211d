"""Going back, and what a start leaves as an operator chose it, on both databases."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gateway.clock import FixedClock
from gateway.errors import Problem, ProblemCode
from gateway.policy import service_releases as releases
from gateway.policy.models import ReleaseState
from gateway.runtime import Runtime
from tests.integration.policy.writing import (
    OPERATOR,
    deciding,
    enforced,
    row_of,
    started,
)


def back(runtime: Runtime) -> str:
    return releases.roll_back(runtime, OPERATOR).sha256


def refusal(runtime: Runtime) -> Problem:
    with pytest.raises(Problem) as caught:
        releases.roll_back(runtime, OPERATOR)
    return caught.value


def test_each_roll_back_goes_further_back_and_never_forward(runtime: Runtime):
    first = started(runtime)
    second, _bad = enforced(runtime, "Second."), enforced(runtime, "Third.")

    passed = [back(runtime), back(runtime)]

    assert passed == [second, first]
    refused = refusal(runtime)
    assert refused.code is ProblemCode.WRONG_STATE
    assert (refused.detail_ko, refused.detail_en) != ("", "")


def test_going_back_by_name_is_no_step_forward_either(runtime: Runtime):
    first = started(runtime)
    enforced(runtime, "Bad.")

    releases.put_in_force(runtime, OPERATOR, first)

    assert refusal(runtime).code is ProblemCode.WRONG_STATE
    assert deciding(runtime) == first


def test_what_comes_after_a_roll_back_goes_back_past_what_was_left(runtime: Runtime):
    first = started(runtime)
    second, _bad = enforced(runtime, "Second."), enforced(runtime, "Third.")
    back(runtime)

    enforced(runtime, "Fourth.")

    assert [back(runtime), back(runtime)] == [second, first]


def test_a_withdrawn_release_comes_back_by_name_only(runtime: Runtime):
    first = started(runtime)
    second = enforced(runtime, "Second.")
    back(runtime)

    releases.put_in_force(runtime, OPERATOR, second)

    assert row_of(runtime, first).state == ReleaseState.WITHDRAWN
    assert (deciding(runtime), back(runtime)) == (second, first)


def test_the_release_in_force_is_not_put_in_force_again(runtime: Runtime):
    first = started(runtime)

    with pytest.raises(Problem) as caught:
        releases.put_in_force(runtime, OPERATOR, first)

    assert caught.value.code is ProblemCode.WRONG_STATE


def test_a_new_program_brings_its_rules_once(runtime: Runtime):
    started(runtime)

    newer = started(runtime, "Newer.")

    assert deciding(runtime) == newer


def test_a_start_leaves_the_earlier_program_s_rules_that_an_operator_went_back_to(
    runtime: Runtime,
):
    first, _newer = started(runtime), started(runtime, "Newer.")
    back(runtime)

    started(runtime, "Newer.")

    assert deciding(runtime) == first


def test_a_newer_program_replaces_earlier_rules_that_an_operator_went_back_to(runtime: Runtime):
    started(runtime), started(runtime, "Newer.")
    back(runtime)

    newest = started(runtime, "Newest.")

    assert deciding(runtime) == newest


def test_rules_of_an_operator_stay_and_those_of_a_new_program_wait(runtime: Runtime):
    started(runtime)
    own = enforced(runtime, "Own.")

    newer = started(runtime, "Newer.")

    assert deciding(runtime) == own
    assert row_of(runtime, newer).state == ReleaseState.DRAFT


def test_rules_that_waited_do_not_undo_a_later_roll_back(runtime: Runtime, clock: FixedClock):
    first = started(runtime)
    enforced(runtime, "Own.")
    started(runtime, "Newer.")
    clock.advance(timedelta(hours=1))
    back(runtime)

    started(runtime, "Newer.")

    assert deciding(runtime) == first


def test_a_start_that_was_killed_after_registering_is_made_good(
    runtime: Runtime, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
):
    def killed(*_given: object) -> None:
        raise KeyboardInterrupt

    started(runtime)
    clock.advance(timedelta(hours=1))
    with monkeypatch.context() as patched:
        patched.setattr(releases, "put_in_force", killed)
        with pytest.raises(KeyboardInterrupt):
            started(runtime, "Newer.")

    newer = started(runtime, "Newer.")

    assert deciding(runtime) == newer


def test_two_processes_that_start_at_once_agree(runtime: Runtime, monkeypatch: pytest.MonkeyPatch):
    bring = releases.put_in_force

    def late(*given: object) -> object:
        bring(*given)  # the other process, quicker
        return bring(*given)

    monkeypatch.setattr(releases, "put_in_force", late)

    assert started(runtime) == deciding(runtime)


def test_an_earlier_program_that_starts_again_leaves_the_newer_rules(runtime: Runtime):
    started(runtime)
    newer = started(runtime, "Newer.")

    started(runtime)

    assert deciding(runtime) == newer


def test_every_way_back_is_in_the_log(runtime: Runtime, entries):
    first = started(runtime)
    second = enforced(runtime, "Second.")
    back(runtime)

    (leaf,) = [
        leaf
        for leaf in entries(f"policy:{first[:12]}")
        if leaf.columns.action == "policy.rolled_back"
    ]

    assert leaf.detail["replaces"] == second
