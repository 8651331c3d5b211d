"""Passports of ours: who gets one, what stands in it, and that others can verify it."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

import jwt as pyjwt
import pytest
from flask import Flask
from flask.testing import FlaskClient

from gateway import ids
from gateway.access.grants import revoke, suspend
from gateway.access.models import Grant
from gateway.agreements.models import AgreementVersion
from gateway.app import create_app
from gateway.catalog.models import Dataset
from gateway.clock import FixedClock
from gateway.config import Settings
from gateway.identity import passwords
from gateway.identity.models import (
    Attestation,
    AttestationKind,
    Membership,
    MembershipKind,
    Organisation,
    Person,
    Role,
)
from gateway.identity.oauth.models import AuthMethod, ClientKind
from gateway.identity.oauth.vocabulary import Scope
from gateway.identity.service_memberships import end_membership
from gateway.identity.service_people import suspend as suspend_person
from gateway.provider_settings import IdentityProvider
from gateway.runtime import Runtime
from tests import oauth_peer as peers
from tests import people
from tests import world as worlds
from tests.oauth_peer import Peer
from tests.world import World

Browser = Callable[..., FlaskClient]
PASSPORT = "urn:ga4gh:params:oauth:token-type:passport"
UNIVERSITY = uuid.UUID("01932b5e-0000-7000-8000-000000000001")
SCOPE = "openid ga4gh_passport_v1 read"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """An operator has vouched for the domain of one organisation."""
    provider = IdentityProvider.model_validate(
        {
            "id": "campus", "label_ko": "캠퍼스", "label_en": "Campus",
            "issuer": "https://sso.uni.example", "client_id": "x", "client_secret": "y" * 20,
            "organisation_claim": "email", "organisation_match": "domain",
            "organisations": {"uni.example": str(UNIVERSITY)},
        }
    )  # fmt: skip
    return settings.model_copy(update={"identity_providers": (provider,), "visa_issuers": ()})


@pytest.fixture
def app(runtime: Runtime) -> Flask:
    """The whole application: grants and agreements live on higher floors."""
    app = create_app(runtime)
    app.testing = True
    return app


@pytest.fixture
def world(runtime: Runtime) -> World:
    return worlds.build(runtime)


@pytest.fixture
def holder(runtime: Runtime, world: World) -> Person:
    hashed = passwords.HASHER.hash(passwords.normal(people.PASSWORD))
    worlds.change(runtime, Person, world.person, password_hash=hashed)
    with runtime.db.read() as session:
        return session.get_one(Person, world.person)


@pytest.fixture
def signed_in(browser: Browser, holder: Person) -> FlaskClient:
    client = browser()
    people.sign_in(client, holder)
    return client


@pytest.fixture
def portal(runtime: Runtime, browser: Browser) -> Peer:
    return peers.web(runtime, browser(), people.make_person(runtime, "manager"))


def access(peer: Peer, signed_in: FlaskClient, scope: str = SCOPE, **how: Any) -> str:
    answer = peer.redeem(peer.code(signed_in, scope=scope), **how)
    assert answer.status_code == 200, answer.text
    return str(answer.json["access_token"])


def exchange(peer: Peer, token: str, *, dpop: bool = False, **changes: Any) -> Any:
    body = {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "requested_token_type": PASSPORT,
        "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
        "subject_token": token,
    } | changes  # fmt: skip
    given = {name: value for name, value in body.items() if value is not None}
    return peer.token(dpop=dpop, **given)


def opened(peer: Peer, token: str) -> dict[str, Any]:
    """What PyJWT reads with the keys at the address that the token or the metadata names."""
    header = pyjwt.get_unverified_header(token)
    path = header.get("jku", f"{peer.issuer}/oauth2/jwks").removeprefix(peer.issuer)
    keys = pyjwt.PyJWKSet.from_dict(peer.http.get(path).json)
    options = {"verify_exp": False, "verify_iat": False, "verify_aud": False}
    claims: dict[str, Any] = pyjwt.decode(
        token, keys[header["kid"]], ["RS256", "ES256"], issuer=peer.issuer, options=options
    )
    return {**claims, "typ": header["typ"], "alg": header["alg"]}


def visas(peer: Peer, answer: Any) -> dict[str, dict[str, Any]]:
    """The visas of a passport by type."""
    assert answer.status_code == 200, answer.text
    passport = opened(peer, answer.json["access_token"])
    read = [opened(peer, each) for each in passport["ga4gh_passport_v1"]]
    return {each["ga4gh_visa_v1"]["type"]: each for each in read}


def belongs(runtime: Runtime, one: Person, *, official: bool = False) -> uuid.UUID:
    """A confirmed place in the university whose domain is known."""
    now = runtime.clock.now()
    confirmer = people.person(runtime, "dean")
    kind = MembershipKind.SIGNING_OFFICIAL if official else MembershipKind.MANAGER
    place = ids.new(runtime.clock)
    with runtime.db.write() as session:
        session.add(
            Organisation(
                id=UNIVERSITY, name="한국대학교", kind="university", country="KR",
                status="verified", created_by=confirmer.id, created_at=now,
            )
        )  # fmt: skip
        session.flush()
        for who, what in ((confirmer.id, kind), (one.id, MembershipKind.MEMBER)):
            session.add(
                Membership(
                    id=place if who == one.id else ids.new(runtime.clock), person_id=who,
                    organisation_id=UNIVERSITY, kind=what, confirmed_by=confirmer.id,
                    started_at=now,
                )
            )  # fmt: skip
    return place


def checked(runtime: Runtime, one: Person, level: int = 3) -> None:
    now, dean = runtime.clock.now(), people.person(runtime, "dean")
    with runtime.db.write() as session:
        session.add(
            Attestation(
                id=ids.new(runtime.clock), kind=AttestationKind.IDENTITY, person_id=one.id,
                issuer="PASS", reference="1", level=level, valid_from=now,
                valid_until=now + timedelta(minutes=20), checked_at=now, created_at=now,
                checked_by=dean.id,
            )
        )  # fmt: skip


def test_a_live_grant_and_a_signed_agreement_become_visas(
    portal: Peer, signed_in, holder, world, runtime: Runtime, events: list[Any]
) -> None:
    answer = exchange(portal, access(portal, signed_in))

    body = answer.json
    assert (body["issued_token_type"], body["token_type"]) == (PASSPORT, "Bearer")
    assert answer.headers["Cache-Control"] == "no-store"
    passport = opened(portal, body["access_token"])
    assert passport["typ"] == "vnd.ga4gh.passport+jwt"
    assert passport["sub"] == str(holder.id)
    assert passport["exp"] - passport["iat"] == body["expires_in"] == 600
    found = visas(portal, answer)
    base = portal.issuer
    with runtime.db.read() as session:
        version = session.get_one(AgreementVersion, world.agreement)
        slug = session.get_one(Dataset, world.dataset).slug
    grant, terms = found["ControlledAccessGrants"], found["AcceptedTermsAndPolicies"]
    assert grant["ga4gh_visa_v1"]["value"] == f"{base}/datasets/{slug}"
    assert (grant["ga4gh_visa_v1"]["by"], grant["ga4gh_visa_v1"]["source"]) == ("dac", base)
    address = f"{base}/agreements/{version.code}/v{version.number}.jsonld"
    assert terms["ga4gh_visa_v1"]["value"] == address
    assert portal.http.get(address.removeprefix(base)).status_code == 200
    for visa in found.values():
        assert visa["typ"] == "vnd.ga4gh.visa+jwt"
        assert visa["sub"] == str(holder.id)
        assert 0 < visa["exp"] - visa["iat"] <= 3600
        assert {"jti", "iat", "exp", "iss"} <= visa.keys()
    (event,) = [event for event in events if event.action == "passport.issued"]
    assert event.detail["types"] == "AcceptedTermsAndPolicies,ControlledAccessGrants"
    assert (event.detail["visas"], event.detail["client"]) == (2, portal.client_id)


def test_a_visa_never_outlives_its_grant(
    portal: Peer, signed_in, world, runtime: Runtime, clock: FixedClock
) -> None:
    ends = clock.now() + timedelta(minutes=7)
    worlds.change(runtime, Grant, world.grant, ends_at=ends)

    found = visas(portal, exchange(portal, access(portal, signed_in)))

    assert found["ControlledAccessGrants"]["exp"] == int(ends.timestamp())


@pytest.mark.parametrize("how", [revoke, suspend])
def test_a_grant_that_is_stopped_is_in_no_passport(
    portal: Peer, signed_in, world, runtime: Runtime, how
) -> None:
    token = access(portal, signed_in)
    assert "ControlledAccessGrants" in visas(portal, exchange(portal, token))
    steward = people.make_person(runtime, "a.steward")
    people.grant(runtime, steward, Role.STEWARD)

    how(runtime, people.acting_as(steward), world.grant, "근거를 확인하고 적은 사유입니다.")

    assert "ControlledAccessGrants" not in visas(portal, exchange(portal, token))


def test_a_leaver_loses_the_visa_of_a_grant_through_the_organisation(
    portal: Peer, signed_in, holder, world, runtime: Runtime
) -> None:
    token = access(portal, signed_in)

    end_membership(runtime, people.acting_as(holder), world.membership)

    assert visas(portal, exchange(portal, token)).keys() == {"AcceptedTermsAndPolicies"}


@pytest.mark.parametrize(("official", "by"), [(False, "system"), (True, "so")])
def test_a_place_in_an_organisation_with_a_known_domain_becomes_a_visa(
    portal: Peer, signed_in, holder, runtime: Runtime, official: bool, by: str
) -> None:
    place = belongs(runtime, holder, official=official)
    token = access(portal, signed_in)

    said = visas(portal, exchange(portal, token))["AffiliationAndRole"]["ga4gh_visa_v1"]
    end_membership(runtime, people.acting_as(holder), place)

    assert (said["value"], said["source"]) == ("member@uni.example", "https://uni.example")
    assert said["by"] == by
    assert "AffiliationAndRole" not in visas(portal, exchange(portal, token))


def test_a_researcher_is_somebody_known_who_belongs(
    portal: Peer, signed_in, holder, world, runtime: Runtime
) -> None:
    token = access(portal, signed_in)
    worlds.change(runtime, Membership, world.membership, ended_at=runtime.clock.now())
    checked(runtime, holder)
    assert "ResearcherStatus" not in visas(portal, exchange(portal, token))

    belongs(runtime, holder)

    visa = visas(portal, exchange(portal, token))["ResearcherStatus"]
    value = visa["ga4gh_visa_v1"]["value"]
    assert value == f"{portal.issuer}/passports/researcher"
    assert visa["exp"] - visa["iat"] <= 1200
    page = portal.http.get("/passports/researcher?lang=en")
    assert "compared an official identity check" in page.text


def test_an_identity_check_of_a_lower_level_makes_no_researcher(
    portal: Peer, signed_in, holder, runtime: Runtime
) -> None:
    belongs(runtime, holder)
    checked(runtime, holder, level=2)

    assert "ResearcherStatus" not in visas(portal, exchange(portal, access(portal, signed_in)))


def test_es256_where_the_program_was_registered_so(
    runtime: Runtime, browser: Browser, signed_in
) -> None:
    manager = people.make_person(runtime, "manager2")
    peer = peers.web(runtime, browser(), manager, id_token_alg="ES256")

    answer = exchange(peer, access(peer, signed_in))

    assert {each["alg"] for each in visas(peer, answer).values()} == {"ES256"}


def test_a_passport_for_one_place_names_it(portal: Peer, signed_in) -> None:
    token = access(portal, signed_in)

    answer = exchange(portal, token, resource="https://drs.example.org/objects")

    assert opened(portal, answer.json["access_token"])["aud"] == ["https://drs.example.org/objects"]


ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"
BAD = {
    "another token type": ({"requested_token_type": ID_TOKEN}, "invalid_request"),
    "no token type": ({"requested_token_type": None}, "invalid_request"),
    "an id_token as subject": ({"subject_token_type": ID_TOKEN}, "invalid_request"),
    "a made-up token": ({"subject_token": "sat_made-up"}, "invalid_request"),
    "no token": ({"subject_token": None}, "invalid_request"),
    "a token without end": ({"subject_token": "sat_" + "x" * 5000}, "invalid_request"),
    "on behalf of": ({"actor_token": "x", "actor_token_type": "y"}, "invalid_request"),
    "an audience": ({"audience": "somebody"}, "invalid_request"),
    "another scope": ({"scope": "openid"}, "invalid_request"),
    "a resource that is no address": ({"resource": "drs"}, "invalid_target"),
    "a resource without TLS": ({"resource": "http://drs.example.org"}, "invalid_target"),
    "a resource with a fragment": ({"resource": "https://drs.example.org/#a"}, "invalid_target"),
    "a resource without end": ({"resource": "https://d.example/" + "a" * 2000}, "invalid_target"),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "error"), BAD.values(), ids=BAD)
def test_a_wrong_exchange_gives_nothing_and_says_why(
    portal: Peer, signed_in, changes, error: str, events: list[Any]
) -> None:
    answer = exchange(portal, access(portal, signed_in), **changes)

    assert (answer.status_code, answer.json["error"]) == (400, error)
    assert answer.json["error_description"]
    assert not [event for event in events if event.action == "passport.issued"]


@pytest.mark.parametrize("scope", ["openid read", "ga4gh_passport_v1 read"])
def test_both_scopes_are_needed(portal: Peer, signed_in, scope: str) -> None:
    answer = exchange(portal, access(portal, signed_in, scope))

    assert (answer.status_code, answer.json["error"]) == (400, "invalid_scope")


def test_a_token_of_another_program_is_refused(
    portal: Peer, signed_in, runtime: Runtime, browser: Browser
) -> None:
    other = peers.web(runtime, browser(), people.make_person(runtime, "manager2"))

    answer = exchange(other, access(portal, signed_in))

    assert answer.json["error"] == "invalid_request"


def test_a_refresh_token_and_a_revoked_token_are_refused(portal: Peer, signed_in) -> None:
    scope = f"{SCOPE} offline_access"
    got = portal.redeem(portal.code(signed_in, scope=scope)).json
    refused = exchange(portal, got["refresh_token"])
    revoked = portal.http.post(
        "/oauth2/revoke", data={"token": got["access_token"]}, headers=portal._basic()
    )

    assert revoked.status_code == 200
    assert refused.json["error"] == "invalid_request"
    assert exchange(portal, got["access_token"]).json["error"] == "invalid_request"


def test_a_suspended_person_gets_no_passport(
    portal: Peer, signed_in, holder, runtime: Runtime
) -> None:
    token = access(portal, signed_in)
    first, _second = people.operators(runtime)

    suspend_person(runtime, people.acting_as(first), holder.id, "근거를 확인했습니다.")

    assert exchange(portal, token).json["error"] == "invalid_request"


def test_an_app_without_secret_or_key_gets_no_passport(
    runtime: Runtime, browser: Browser, signed_in
) -> None:
    manager = people.make_person(runtime, "manager2")
    app = peers.web(
        runtime, browser(), manager, kind=ClientKind.NATIVE, auth_method=AuthMethod.NONE
    )

    answer = exchange(app, access(app, signed_in))

    assert (answer.status_code, answer.json["error"]) == (401, "invalid_client")


def test_a_bound_token_needs_a_proof_of_its_key(
    runtime: Runtime, browser: Browser, signed_in
) -> None:
    peer = peers.web(runtime, browser(), people.make_person(runtime, "manager2"))
    got = peer.token(
        dpop=True, grant_type="authorization_code", code=peer.code(signed_in, scope=SCOPE),
        redirect_uri=peers.BACK, code_verifier=peers.VERIFIER,
    )  # fmt: skip
    token = got.json["access_token"]

    bare = exchange(peer, token)
    proved = exchange(peer, token, dpop=True)
    peer.proof_key = peers.ECKey.generate_key("P-256")
    other = exchange(peer, token, dpop=True)

    assert (bare.json["error"], other.json["error"]) == ("invalid_request", "invalid_request")
    assert proved.status_code == 200, proved.text


def test_a_passport_scoped_token_carries_no_ga4gh_claims_itself(portal: Peer, signed_in) -> None:
    got = portal.redeem(portal.code(signed_in, scope=SCOPE)).json

    told = portal.get("/oauth2/userinfo", got["access_token"]).json

    assert "ga4gh_passport_v1" not in told
    assert "ga4gh_passport_v1" not in opened(portal, got["id_token"])
    assert got["access_token"].count(".") == 0


def test_the_consent_page_says_what_a_passport_is_for(portal: Peer, signed_in) -> None:
    ask = portal.ask(scope=SCOPE)

    assert "proves your grants and affiliation elsewhere" in signed_in.get(f"{ask}&lang=en").text
    assert "증명하는 패스포트" in signed_in.get(f"{ask}&lang=ko").text


def test_the_example_in_the_docs_reads_a_visa(
    portal: Peer, signed_in, holder: Person, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As whoever reads the docs would run it; only the clock and the way to the keys are ours."""
    text = (Path(__file__).parents[4] / "docs" / "passports.md").read_text("utf-8")
    (example,) = re.findall(r"```python\n(.+?)```", text, re.DOTALL)
    passport = opened(portal, exchange(portal, access(portal, signed_in)).json["access_token"])
    seen: list[str] = []

    def fetched(keys: pyjwt.PyJWKClient) -> Any:
        seen.append(keys.uri)
        return portal.http.get(keys.uri.removeprefix(portal.issuer)).json

    class Now(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:
            return runtime.clock.now()

    monkeypatch.setattr(pyjwt.PyJWKClient, "fetch_data", fetched)
    monkeypatch.setattr("jwt.api_jwt.datetime", Now)
    names: dict[str, Any] = {"GATE": portal.issuer, "visa": passport["ga4gh_passport_v1"][0]}
    exec(example, names)

    assert seen == [f"{portal.issuer}/oauth2/jwks"]
    assert names["statement"]["by"] in {"dac", "self", "so", "system"}


def test_metadata_names_the_exchange(portal: Peer) -> None:
    told = portal.http.get("/.well-known/openid-configuration").json

    assert "urn:ietf:params:oauth:grant-type:token-exchange" in told["grant_types_supported"]
    assert Scope.PASSPORT in told["scopes_supported"]
    assert "ga4gh_passport_v1" not in told["claims_supported"]


def test_a_person_sees_what_would_be_stated_and_so_does_a_program(
    portal: Peer, signed_in, world, runtime: Runtime
) -> None:
    with runtime.db.read() as session:
        value = f"{portal.issuer}/datasets/{session.get_one(Dataset, world.dataset).slug}"
    answer = portal.get("/api/v1/passports", access(portal, signed_in))

    assert value in {each["value"] for each in answer.json["issued"]}
    assert value in signed_in.get("/account?lang=ko").text
    assert "데이터셋 이용 권한" in signed_in.get("/account?lang=ko").text
    english = signed_in.get("/account/passports?lang=en").text
    assert "Right to a dataset" in english
    assert "No outside issuer of visas is trusted here" in english


def test_nobody_sees_the_visas_of_somebody_else(
    runtime: Runtime, client: FlaskClient, world: World
) -> None:
    other = people.make_person(runtime, "somebody")

    answer = client.get("/api/v1/passports", headers=people.bearer(client, other))

    assert answer.json == {"issued": [], "brought": []}
