"""Whose terms bind: those that were signed, until the notice is over; on both databases."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from gateway.access import service as access
from gateway.access.ask import Ask, Stated
from gateway.access.binding import terms_of_grant
from gateway.access.models import Grant
from gateway.agreements import service
from gateway.agreements.models import Acceptance, AgreementState, AgreementVersion
from gateway.clock import FixedClock
from gateway.errors import OperatorError
from gateway.runtime import Runtime
from policies import agreements as files
from policies.agreements import AgreementText
from policies.terms import Change
from policies.vocabulary import Action, Condition, Purpose
from tests import world as made
from tests.integration.agreements.publishing import (
    DAY,
    SYSTEM,
    bring,
    codes,
    publish,
    sign_version,
    text,
)
from tests.world import World

MOMENT = timedelta(milliseconds=1)
FEWER = (Purpose.STATISTICS,)


@pytest.fixture
def world(runtime: Runtime) -> World:
    return made.build(runtime)


def term_days(runtime: Runtime, world: World) -> int:
    with runtime.db.read() as session:
        terms = terms_of_grant(session, world.grant, runtime.clock.now())
    assert terms is not None
    return terms.zone_term_days


def first_says(runtime: Runtime, world: World, **terms: Any) -> None:
    """Let the signed first version say something else, under another hash."""
    said = made.terms(**terms)
    digest = hashlib.sha256(str(said).encode()).hexdigest()
    made.change(runtime, AgreementVersion, world.agreement, terms=said, sha256=digest)


def test_a_stricter_version_binds_only_whoever_signs_it_or_lets_the_notice_pass(
    runtime: Runtime, world: World, clock: FixedClock
) -> None:
    bring(runtime, 2, Change.ADVERSE, purposes=FEWER)

    clock.advance(30 * DAY - MOMENT)
    assert codes(runtime, world) == ()
    clock.advance(MOMENT)
    assert codes(runtime, world) == ("PURPOSE_NOT_PERMITTED", "AGREEMENT_SUPERSEDED")
    sign_version(runtime, world, 2)
    assert codes(runtime, world) == ("PURPOSE_NOT_PERMITTED",)


def test_signing_a_stricter_version_early_binds_at_once(runtime: Runtime, world: World) -> None:
    bring(runtime, 2, Change.ADVERSE, purposes=FEWER)
    sign_version(runtime, world, 2)

    assert codes(runtime, world) == ("PURPOSE_NOT_PERMITTED",)


def test_a_looser_version_allows_nothing_that_was_not_signed(
    runtime: Runtime, world: World
) -> None:
    first_says(runtime, world, third_party_processing="forbidden")
    made.change(runtime, Grant, world.grant, uses=["third_party_processing"])
    bring(runtime, 2, Change.MATERIAL, third_party_processing=Condition.ALLOWED)

    assert codes(runtime, world) == ("THIRD_PARTY_PROCESSING",)
    sign_version(runtime, world, 2)
    assert codes(runtime, world) == ()


def test_without_a_signature_the_version_that_there_is_to_sign_is_told(
    runtime: Runtime, world: World
) -> None:
    bring(runtime, 2, Change.ADVERSE, purposes=FEWER)
    stated = Stated("academic_research")
    ask = Ask(Action.APPLY, person_id=world.other, dataset_id=world.dataset, stated=stated)

    _gathered, decision = access.consider(runtime, ask)

    assert "PURPOSE_NOT_PERMITTED" in decision.codes


def test_a_signature_that_ran_out_leaves_the_terms_in_force(
    runtime: Runtime, world: World, clock: FixedClock
) -> None:
    made.change(runtime, Acceptance, world.acceptance, expires_at=clock.now() + DAY)
    bring(runtime, 2, Change.ADVERSE, purposes=FEWER)

    clock.advance(DAY - MOMENT)
    assert codes(runtime, world) == ()
    clock.advance(MOMENT)
    assert codes(runtime, world) == ("PURPOSE_NOT_PERMITTED", "ACCEPTANCE_NOT_LIVE")


def test_a_signature_for_another_organisation_brings_no_terms_along(
    runtime: Runtime, world: World
) -> None:
    other = made.Organisation(
        id=made.ids.new(runtime.clock), name="다른 기관", kind="university", country="KR",
        status="verified", created_by=world.other, created_at=runtime.clock.now(),
    )  # fmt: skip
    with runtime.db.write() as session:
        session.add(other)
    made.change(runtime, Acceptance, world.acceptance, organisation_id=other.id)
    bring(runtime, 2, Change.ADVERSE, purposes=FEWER)

    assert codes(runtime, world) == ("PURPOSE_NOT_PERMITTED", "ACCEPTANCE_NOT_LIVE")


def test_whoever_signed_the_version_between_keeps_its_terms_through_the_next_notice(
    runtime: Runtime, world: World, clock: FixedClock
) -> None:
    bring(runtime, 2, Change.MATERIAL, zone_term_days=20)
    sign_version(runtime, world, 2)
    bring(runtime, 3, Change.ADVERSE, zone_term_days=5, purposes=FEWER)

    assert (codes(runtime, world), term_days(runtime, world)) == ((), 20)
    clock.advance(30 * DAY)
    assert term_days(runtime, world) == 5


def test_a_shorter_term_in_the_safe_zone_waits_for_the_notice_as_well(
    runtime: Runtime, world: World, clock: FixedClock
) -> None:
    first_says(runtime, world, zone_term_days=25)
    bring(runtime, 2, Change.ADVERSE, zone_term_days=5)

    assert term_days(runtime, world) == 25
    clock.advance(30 * DAY)
    assert term_days(runtime, world) == 5


def carrying(monkeypatch: pytest.MonkeyPatch, texts: Sequence[AgreementText]) -> None:
    """Let the program carry these texts and no others."""
    monkeypatch.setattr(files, "load", lambda: tuple(texts))


def signed(runtime: Runtime, world: World) -> None:
    bring(runtime, 2, Change.MATERIAL)
    sign_version(runtime, world, 2)


def announced(runtime: Runtime, world: World) -> None:
    made.change(
        runtime, AgreementVersion, publish(runtime, 2, Change.MATERIAL), state=AgreementState.SHADOW
    )


def withdrawn_after_signing(runtime: Runtime, world: World) -> None:
    second = bring(runtime, 2, Change.MATERIAL)
    sign_version(runtime, world, 2)
    service.withdraw(runtime, SYSTEM, second)


@pytest.mark.parametrize("happened", [signed, announced, withdrawn_after_signing])
def test_a_version_whose_folder_is_gone_stops_the_start_and_is_named(
    runtime: Runtime, world: World, monkeypatch: pytest.MonkeyPatch, happened: Any
) -> None:
    happened(runtime, world)
    first = dataclasses.replace(text(1, Change.FIRST), sha256="8" * 64)
    carrying(monkeypatch, [*files.load(), first])

    with pytest.raises(OperatorError, match=r"policies/agreements/open-test/v2: .*gone"):
        service.sync_files(runtime)


def test_a_deleted_folder_hides_no_altered_record(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.sync_files(runtime)
    with runtime.db.read() as session:
        health = service.version_named(session, "health/v1")
    assert health is not None
    made.change(runtime, AgreementVersion, health.id, text_en="Anything goes.")
    carrying(monkeypatch, [each for each in files.load() if each.code != "health"])

    with pytest.raises(OperatorError, match="policies/agreements/health/v1"):
        service.sync_files(runtime)


def test_a_draft_that_nobody_signed_may_go_with_its_folder(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.sync_files(runtime)
    real = next(each for each in files.load() if each.code == "health")
    terms = dataclasses.replace(real.terms, version=2, change=Change.MINOR)
    second = dataclasses.replace(real, version=2, terms=terms, sha256="8" * 64)
    service.register(runtime, [second])

    assert service.sync_files(runtime) == []
