"""Visas that a provider hands over with an identity."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from gateway.clock import FixedClock
from gateway.config import Settings
from gateway.identity.federation import held_visas
from gateway.identity.federation.exchange import Proven
from gateway.identity.federation.service_entry import WAITS
from gateway.identity.models_federation import WaitingIdentity
from gateway.identity.models_passports import TakenVisa
from gateway.identity.oauth.beat_keep import forget_strangers
from gateway.identity.service_attestations import identity_level
from gateway.runtime import Runtime
from gateway.visa_settings import VisaIssuer as Trusted
from tests import people
from tests.integration.identity.federation.conftest import ID, Traveller
from tests.integration.identity.test_factors import add_app
from tests.parts.provider import SUBJECT, Provider
from tests.parts.visa_issuer import VisaIssuer, issuing


@pytest.fixture
def issuer(clock: FixedClock) -> Iterator[VisaIssuer]:
    with issuing(clock) as listening:
        yield listening


@pytest.fixture
def more() -> dict[str, Any]:
    return {"userinfo": True}


@pytest.fixture
def settings(settings: Settings, provider: Provider, issuer: VisaIssuer) -> Settings:
    trusted = Trusted.model_validate(issuer.settings(subjects_of=provider.issuer))
    return settings.model_copy(update={"visa_issuers": (trusted,)})


def level(runtime: Runtime, one: Any) -> int:
    with runtime.db.read() as session:
        return identity_level(session, one.id, runtime.clock.now())


def hand_over(provider: Provider, *visas: Any) -> None:
    provider.lies.userinfo = lambda honest: honest | {"ga4gh_passport_v1": list(visas)}


def test_visas_are_taken_when_somebody_links_and_when_they_sign_in(
    traveller: Traveller, provider: Provider, issuer: VisaIssuer, runtime: Runtime
) -> None:
    one = people.make_person(runtime, "hong")
    people.sign_in(traveller.client, one)
    hand_over(provider, issuer.visa(sub=SUBJECT))

    assert traveller.go(f"/account/identities/with/{ID}").status_code == 303
    assert level(runtime, one) == 3

    ethics = {"type": "AcceptedTermsAndPolicies", "value": "https://uni.example.org/ethics"}
    people.post(traveller.client, "/sign-out")
    hand_over(provider, issuer.visa(ethics, sub=SUBJECT))
    traveller.go()

    assert traveller.signed_in
    with runtime.db.read() as session:
        types = set(session.scalars(select(TakenVisa.type)))
    assert types == {"ResearcherStatus", "AcceptedTermsAndPolicies"}


@pytest.mark.parametrize("bad", ["forged", 7, "x" * 9000])
def test_a_visa_that_is_refused_stops_nobody_at_the_door(
    traveller: Traveller, provider: Provider, issuer: VisaIssuer, runtime: Runtime, bad: Any
) -> None:
    one = people.make_person(runtime, "hong")
    people.sign_in(traveller.client, one)
    traveller.go(f"/account/identities/with/{ID}")
    people.post(traveller.client, "/sign-out")
    hand_over(provider, bad, issuer.visa(sub="somebody else"), issuer.passport(sub="nobody"))

    traveller.go()

    assert traveller.signed_in
    assert level(runtime, one) == 0


def test_visas_of_an_identity_that_is_nobodys_are_not_kept(
    traveller: Traveller, provider: Provider, issuer: VisaIssuer, runtime: Runtime
) -> None:
    hand_over(provider, issuer.visa(sub=SUBJECT))

    traveller.go()

    with runtime.db.read() as session:
        kept = session.scalars(select(WaitingIdentity.proven)).one()
        assert session.scalars(select(TakenVisa.type)).all() == []
    assert kept["visas"] == []
    assert issuer.called == 0


def test_visas_are_taken_only_once_the_second_factor_is_shown(
    traveller: Traveller,
    provider: Provider,
    issuer: VisaIssuer,
    runtime: Runtime,
    clock: FixedClock,
) -> None:
    one = people.make_person(runtime, "hong")
    people.sign_in(traveller.client, one)
    traveller.go(f"/account/identities/with/{ID}")
    app, _codes = add_app(traveller.client, clock)
    people.post(traveller.client, "/sign-out")
    hand_over(provider, issuer.visa(sub=SUBJECT))

    traveller.go()
    wrong = people.post(traveller.client, "/sign-in/second", code="000000")
    assert (wrong.status_code, level(runtime, one), traveller.signed_in) == (401, 0, False)

    done = people.post(traveller.client, "/sign-in/second", code=app.at(clock.now()))
    assert (done.status_code, level(runtime, one), traveller.signed_in) == (303, 3, True)
    with runtime.db.read() as session:
        assert session.scalars(select(WaitingIdentity.proven)).all() == []


def test_what_is_held_is_found_by_its_sign_in_alone_and_forgotten(
    provider: Provider, runtime: Runtime, clock: FixedClock
) -> None:
    proven = Proven(ID, provider.issuer, SUBJECT, "라벨", visas=("token",))
    for pending in ("one", "two"):
        held_visas.hold(runtime, pending, proven)

    assert held_visas.released(runtime, "three") is None
    assert held_visas.released(runtime, "one") == (provider.issuer, SUBJECT, ("token",))
    assert held_visas.released(runtime, "one") is None
    clock.advance(WAITS)
    assert held_visas.released(runtime, "two") is None
    clock.advance(timedelta(hours=1))
    forget_strangers(runtime)
    with runtime.db.read() as session:
        assert session.scalars(select(WaitingIdentity.proven)).all() == []
