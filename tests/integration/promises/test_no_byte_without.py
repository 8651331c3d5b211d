"""No sequence of actions yields a byte without a live acceptance, a live grant and an event."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from gateway.catalog import service as catalog
from gateway.catalog import service_versions
from gateway.clock import FixedClock
from gateway.errors import Problem, ProblemCode
from gateway.identity import service_people
from gateway.identity.service_memberships import end_membership
from gateway.runtime import Runtime
from tests.applying import REASON
from tests.integration.promises.evidence import downloads, missing, unwritable_log
from tests.integration.promises.stage import DATA, Stage, Url

EXAMPLES, STEPS, NEWEST = 12, 25, 2
MOMENTS = (
    timedelta(minutes=20),
    timedelta(hours=2),
    timedelta(days=2),
    timedelta(days=7),
    timedelta(days=11),
)
NUMBER = st.integers(0, 99)


class Gate(RuleBasedStateMachine):
    """A researcher, the people around them, and the clock, in any order."""

    def __init__(
        self, runtime: Runtime, app: Flask, clock: FixedClock, answers: Counter[int]
    ) -> None:
        super().__init__()
        self.stage = Stage(runtime, app, clock)
        self.client = app.test_client(use_cookies=False)
        self.answers = answers

    @initialize()
    def begin(self) -> None:
        self.stage.build()
        self.stage.sign()
        self.stage.apply_and_approve()
        self.issue(0, 0, "a.txt")
        self.fetch_everything()

    @rule()
    def sign(self) -> None:
        self.stage.sign()

    @rule()
    def supersede(self) -> None:
        self.stage.supersede()

    @precondition(lambda self: len(self.stage.held) < 3)
    @rule()
    def apply(self) -> None:
        try:
            self.stage.apply_and_approve()
        except Problem:
            assert not (self.stage.active and self.stage.member and not self.stage.withdrawn)

    @rule(which=NUMBER)
    def revoke(self, which: int) -> None:
        held = pick(self.stage.held, which)
        if not held.ended and self.stage.now < held.ends_at:
            self.stage.revoke(held)

    @rule(which=NUMBER, for_a_moment=st.booleans())
    def suspend_or_resume(self, which: int, for_a_moment: bool) -> None:
        held = pick(self.stage.held, which)
        if held.ended or self.stage.now >= held.ends_at:
            return
        if not held.suspended:
            self.stage.suspend(held)
            if not for_a_moment:
                return
        # What was issued before stays dead, although the grant lives again.
        self.stage.resume(held)
        self.fetch_everything()

    @rule(step=st.sampled_from(MOMENTS))
    def time_passes(self, step: timedelta) -> None:
        self.stage.clock.advance(step)
        self.stage.work()
        for held in self.stage.held:
            held.ended = held.ended or self.stage.now >= held.ends_at

    @rule()
    def suspend_or_resume_the_person(self) -> None:
        stage = self.stage
        if stage.active:
            service_people.suspend(stage.runtime, stage.decider, stage.holder.id, REASON)
        else:
            service_people.resume(stage.runtime, stage.decider, stage.holder.id)
        stage.active = not stage.active

    @precondition(lambda self: self.stage.member)
    @rule(really=st.integers(0, 3))
    def end_membership(self, really: int) -> None:
        if really == 0:
            stage = self.stage
            assert stage.membership is not None
            end_membership(stage.runtime, stage.decider, stage.membership)
            stage.member = False

    @rule(which=NUMBER, really=st.integers(0, 2))
    def withdraw_a_version(self, which: int, really: int) -> None:
        stage, label = self.stage, pick(list(self.stage.versions), which)
        if really == 0 and stage.versions[label]:
            service_versions.withdraw_version(
                stage.runtime, stage.decider, stage.slug, label, REASON
            )
            stage.versions[label] = False

    @rule()
    def deliver_another_version(self) -> None:
        self.stage.deliver()

    @precondition(lambda self: not self.stage.withdrawn)
    @rule(really=st.integers(0, 5))
    def withdraw_the_dataset(self, really: int) -> None:
        if really == 0:
            stage = self.stage
            catalog.withdraw_dataset(stage.runtime, stage.decider, stage.slug, REASON)
            stage.withdrawn = True

    @rule(which=NUMBER, version=NUMBER, path=st.sampled_from(sorted(DATA)))
    def issue(self, which: int, version: int, path: str) -> None:
        held, label = pick(self.stage.held, which), pick(list(self.stage.versions), version)
        expected = self.stage.usable(held, label)
        assert allowed(lambda: self.stage.issue(held, label, path)) is expected

    @rule(which=NUMBER, version=NUMBER)
    def package(self, which: int, version: int) -> None:
        held, label = pick(self.stage.held, which), pick(list(self.stage.versions), version)
        made: list[Any] = []
        expected = self.stage.usable(held, label)
        assert allowed(lambda: made.append(self.stage.package(held, label))) is expected
        for export_id in made:
            assert self.stage.export(export_id).state == "released"
            self.stage.issue_export(held, label, export_id)

    @invariant()
    def the_newest_addresses_are_as_promised(self) -> None:
        """After every step, so that no change hides behind the next."""
        for url in self.stage.urls[-NEWEST:]:
            self.fetch(url)

    @rule()
    def fetch_everything(self) -> None:
        for url in self.stage.urls:
            self.fetch(url)

    @rule(which=NUMBER)
    def the_log_breaks(self, which: int) -> None:
        url = pick(self.stage.urls, which)
        opens = self.stage.opens(url)
        with unwritable_log(self.stage.runtime):
            answer = self.client.get(url.target, buffered=True)
        # A no that is one of a flood is counted, and written with the others once the log is back.
        assert answer.status_code == 503 or (answer.status_code == 403 and not opens)
        assert not any(data[:10] in answer.data for data in DATA.values())

    def fetch(self, url: Url) -> None:
        """Ask for the bytes; what leaves, and what does not, is as promised."""
        stage, before = self.stage, len(downloads(self.stage, url.item))
        expected, lacking = stage.opens(url), missing(stage, url)
        answer = self.client.get(url.target)
        self.answers[answer.status_code] += 1
        after = len(downloads(stage, url.item))
        assert (answer.status_code == 200) is expected, (answer.status_code, lacking)
        if expected:
            assert lacking == []
            # The body is still unread: the event was there before the first byte of it.
            assert after == before + 1
            assert answer.data == url.content or url.content is None
            assert answer.data
        else:
            assert (answer.status_code, after) == (403, before)
            assert answer.mimetype == "application/problem+json"
        answer.close()

    def teardown(self) -> None:
        self.fetch_everything()


def pick(options: Any, which: int) -> Any:
    """One of `options`."""
    return options[which % len(options)]


def allowed(attempt: Any) -> bool:
    """Whether the attempt went through; a refusal is one of access."""
    try:
        attempt()
    except Problem as problem:
        if problem.code is not ProblemCode.ACCESS_DENIED:
            raise
        return False
    return True


@pytest.mark.filterwarnings("ignore::hypothesis.errors.NonInteractiveExampleWarning")
def test_no_sequence_of_actions_yields_a_byte_without_acceptance_grant_and_event(
    runtime: Runtime, app: Flask, clock: FixedClock
) -> None:
    answers: Counter[int] = Counter()

    run_state_machine_as_test(
        lambda: Gate(runtime, app, clock, answers),
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )

    # Neither a gate that is always shut nor one that is always open was tried.
    assert answers[200] >= EXAMPLES
    assert answers[403]
