"""Forged provider answers: whatever a provider, or somebody in its name, says wrongly, nobody is
signed in, nothing waits, and the refusal is an event."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select

from gateway.identity.models import SignInSession
from gateway.identity.models_federation import LinkedIdentity, WaitingIdentity
from gateway.runtime import Runtime
from tests.integration.identity.federation.conftest import Traveller
from tests.parts.provider import (
    CLIENT_ID,
    CLIENT_SECRET,
    SUBJECT,
    Lies,
    Provider,
    ec_key,
    other_rsa,
    own_rsa,
)
from tests.people import make_person, post

FORGERIES: dict[str, tuple[Callable[[Provider], Lies], str]] = {}


def forgery(reason: str) -> Callable[[Callable[[Provider], Lies]], Callable[[Provider], Lies]]:
    """Put a lie into the table, with the reason for which it must be refused."""

    def add(lie: Callable[[Provider], Lies]) -> Callable[[Provider], Lies]:
        FORGERIES[lie.__name__] = (lie, reason)
        return lie

    return add


def b64(data: Any) -> str:
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def claims(**changed: Any) -> Lies:
    """The honest claims with some changed; None takes one away."""

    def change(honest: dict[str, Any]) -> dict[str, Any]:
        merged = honest | changed
        return {name: value for name, value in merged.items() if value is not None}

    return Lies(claims=change)


def moved(provider: Provider, **seconds: int) -> Lies:
    now = int(provider.clock.now().timestamp())
    return claims(**{name: now + offset for name, offset in seconds.items()})


def unsigned(token: str) -> str:
    return f"{b64({'alg': 'none', 'kid': 'one'})}.{token.split('.')[1]}."


def by_hmac(material: bytes) -> Callable[[str], str]:
    """The same claims, signed by hand: the library refuses to make this mistake."""

    def sign(token: str) -> str:
        signed = f"{b64({'alg': 'HS256', 'kid': 'one'})}.{token.split('.')[1]}"
        return f"{signed}.{b64(hmac.digest(material, signed.encode(), 'sha256'))}"

    return sign


@forgery("algorithm_not_allowed")
def algorithm_none(_: Provider) -> Lies:
    return Lies(token=unsigned)


@forgery("algorithm_not_allowed")
def algorithm_none_that_the_metadata_lists(_: Provider) -> Lies:
    listed = {"id_token_signing_alg_values_supported": ["none", "RS256"]}
    return Lies(token=unsigned, metadata=lambda honest: honest | listed)


@forgery("algorithm_not_allowed")
def algorithm_hmac_with_the_public_key(_: Provider) -> Lies:
    return Lies(token=by_hmac(own_rsa().as_pem(private=False)))


@forgery("algorithm_not_allowed")
def algorithm_hmac_with_the_client_secret(_: Provider) -> Lies:
    return Lies(token=by_hmac(CLIENT_SECRET.encode()))


@forgery("algorithm_not_allowed")
def algorithm_that_is_not_pinned(_: Provider) -> Lies:
    return Lies(header=lambda _: {"alg": "RS512", "kid": "one"})


@forgery("algorithm_not_allowed")
def algorithm_missing(_: Provider) -> Lies:
    return Lies(token=lambda token: f"{b64({'kid': 'one'})}.{token.split('.', 1)[1]}")


@forgery("signature_wrong")
def another_key_under_the_same_id(_: Provider) -> Lies:
    return Lies(signing_key=other_rsa())


@forgery("key_unknown")
def a_key_id_nobody_published(_: Provider) -> Lies:
    return Lies(header=lambda _: {"alg": "RS256", "kid": "two"}, signing_key=other_rsa())


@forgery("key_unknown")
def a_key_brought_along(_: Provider) -> Lies:
    jwk = other_rsa().as_dict(private=False)
    return Lies(header=lambda honest: honest | {"jwk": jwk}, signing_key=other_rsa())


@forgery("key_unknown")
def an_address_of_keys_brought_along(provider: Provider) -> Lies:
    url = f"{provider.issuer}/evil"
    header = {"alg": "RS256", "jku": url, "kid": "one"}
    return Lies(token=lambda token: f"{b64(header)}.{token.split('.', 1)[1]}")


@forgery("key_unknown")
def a_header_that_must_be_understood(_: Provider) -> Lies:
    header = {"alg": "RS256", "kid": "one", "crit": ["b64"], "b64": False}
    return Lies(token=lambda token: f"{b64(header)}.{token.split('.', 1)[1]}")


@forgery("key_unknown")
def a_key_that_is_for_encryption(_: Provider) -> Lies:
    return Lies(keys=lambda honest: {"keys": [honest["keys"][0] | {"use": "enc"}]})


@forgery("key_unknown")
def two_keys_under_one_id(_: Provider) -> Lies:
    second = other_rsa().as_dict(private=False)
    return Lies(keys=lambda honest: {"keys": [*honest["keys"], second]})


@forgery("key_unknown")
def an_elliptic_token_for_an_rsa_key(_: Provider) -> Lies:
    return Lies(header=lambda _: {"alg": "ES256", "kid": "one"}, signing_key=ec_key("one"))


@forgery("keys_unusable")
def a_key_that_is_too_short(_: Provider) -> Lies:
    from cryptography.hazmat.primitives.asymmetric import rsa

    numbers = rsa.generate_private_key(65537, 1024).public_key().public_numbers()
    modulus = b64(numbers.n.to_bytes(128, "big"))
    short = {"kty": "RSA", "kid": "one", "n": modulus, "e": "AQAB"}
    return Lies(keys=lambda _: {"keys": [short]})


@forgery("keys_unusable")
def no_keys_at_all(_: Provider) -> Lies:
    return Lies(keys=lambda _: {"keys": []})


@forgery("signature_wrong")
def claims_changed_after_signing(provider: Provider) -> Lies:
    def change(token: str) -> str:
        head, _, signature = token.split(".")
        return f"{head}.{b64(provider.honest_claims() | {'sub': 'somebody-else'})}.{signature}"

    return Lies(token=change)


@forgery("signature_wrong")
def the_signature_taken_away(_: Provider) -> Lies:
    return Lies(token=lambda token: token.rpartition(".")[0] + ".")


@forgery("id_token_malformed")
def an_encrypted_token(_: Provider) -> Lies:
    return Lies(token=lambda token: f"{token}.a.b")


@forgery("id_token_malformed")
def a_token_of_another_type(_: Provider) -> Lies:
    return Lies(header=lambda honest: honest | {"typ": "at+jwt"})


@forgery("id_token_malformed")
def a_token_that_never_ends(_: Provider) -> Lies:
    return claims(padding="x" * 20_000)


@forgery("id_token_missing")
def no_id_token(_: Provider) -> Lies:
    return Lies(answer=lambda honest: {k: v for k, v in honest.items() if k != "id_token"})


@forgery("id_token_missing")
def an_empty_id_token(_: Provider) -> Lies:
    return Lies(token=lambda _: "")


@forgery("issuer_wrong")
def another_issuer_in_the_token(_: Provider) -> Lies:
    return claims(iss="https://accounts.example")


@forgery("issuer_wrong")
def the_issuer_with_a_slash(provider: Provider) -> Lies:
    return claims(iss=f"{provider.issuer}/")


@forgery("audience_wrong")
def another_audience(_: Provider) -> Lies:
    return claims(aud="another-client")


@forgery("audience_wrong")
def another_audience_with_us_as_authorized_party(_: Provider) -> Lies:
    return claims(aud="another-client", azp=CLIENT_ID)


@forgery("audience_wrong")
def no_audience(_: Provider) -> Lies:
    return claims(aud=None)


@forgery("audience_wrong")
def an_audience_that_contains_our_name(_: Provider) -> Lies:
    return claims(aud=f"{CLIENT_ID}-staging")


@forgery("authorized_party_wrong")
def a_further_audience_without_authorized_party(_: Provider) -> Lies:
    return claims(aud=[CLIENT_ID, "another-client"])


@forgery("authorized_party_wrong")
def a_further_audience_for_another_party(_: Provider) -> Lies:
    return claims(aud=[CLIENT_ID, "another-client"], azp="another-client")


@forgery("authorized_party_wrong")
def our_audience_for_another_party(_: Provider) -> Lies:
    return claims(azp="another-client")


@forgery("expired")
def expired(provider: Provider) -> Lies:
    return moved(provider, iat=-400, exp=-61)


@forgery("times_wrong")
def without_an_end(_: Provider) -> Lies:
    return claims(exp=None)


@forgery("times_wrong")
def with_an_end_that_is_text(_: Provider) -> Lies:
    return claims(exp="9999999999")


@forgery("times_wrong")
def without_a_beginning(_: Provider) -> Lies:
    return claims(iat=None)


@forgery("times_wrong")
def issued_in_the_future(provider: Provider) -> Lies:
    return moved(provider, iat=61)


@forgery("times_wrong")
def not_valid_yet(provider: Provider) -> Lies:
    return moved(provider, nbf=61)


@forgery("nonce_wrong")
def without_a_nonce(_: Provider) -> Lies:
    return claims(nonce=None)


@forgery("nonce_wrong")
def with_the_nonce_of_another_sign_in(_: Provider) -> Lies:
    return claims(nonce="x" * 43)


@forgery("access_token_hash_wrong")
def beside_another_access_token(_: Provider) -> Lies:
    return claims(at_hash="77QmUPtjPfzWtF2AnpK9RQ")


@forgery("subject_wrong")
def about_nobody(_: Provider) -> Lies:
    return claims(sub=None)


@forgery("subject_wrong")
def about_an_empty_name(_: Provider) -> Lies:
    return claims(sub=" ")


@forgery("subject_wrong")
def about_an_endless_name(_: Provider) -> Lies:
    return claims(sub="x" * 256)


@forgery("subject_wrong")
def about_a_number(_: Provider) -> Lies:
    return claims(sub=1)


@forgery("issuer_missing")
def an_answer_without_the_promised_issuer(_: Provider) -> Lies:
    return Lies(back=lambda honest: {k: v for k, v in honest.items() if k != "iss"})


@forgery("issuer_wrong")
def an_answer_of_another_issuer(_: Provider) -> Lies:
    return Lies(back=lambda honest: honest | {"iss": "https://accounts.example"})


@forgery("issuer_wrong")
def an_error_of_another_issuer(_: Provider) -> Lies:
    return Lies(back=lambda honest: honest | {"iss": "https://a.example", "error": "access_denied"})


@forgery("answer_malformed")
def an_answer_without_a_code(_: Provider) -> Lies:
    return Lies(back=lambda honest: honest | {"code": ""})


@forgery("token_answer_wrong")
def a_code_of_somebody_else(_: Provider) -> Lies:
    return Lies(back=lambda honest: honest | {"code": "other-code"})


@forgery("token_answer_wrong")
def tokens_of_another_type(_: Provider) -> Lies:
    return Lies(answer=lambda honest: honest | {"token_type": "mac"})


def at_token_endpoint(change: Callable[[int, dict[str, str], Any], Any]) -> Lies:
    def reply(sent: tuple[int, dict[str, str], str, Any]) -> Any:
        status, headers, path, data = sent
        if path != "/token":
            return sent
        status, headers, data = change(status, headers, data)
        return status, headers, path, data

    return Lies(reply=reply)


@forgery("token_answer_wrong")
def a_token_endpoint_that_sends_us_elsewhere(provider: Provider) -> Lies:
    away = {"Location": f"{provider.issuer}/elsewhere"}
    return at_token_endpoint(lambda _status, _headers, data: (302, away, data))


@forgery("token_answer_wrong")
def a_token_endpoint_that_answers_a_page(_: Provider) -> Lies:
    page = {"Content-Type": "text/html"}
    return at_token_endpoint(lambda status, _headers, data: (status, page, data))


@forgery("token_answer_wrong")
def a_token_endpoint_that_repeats_a_name(_: Provider) -> Lies:
    def twice(status: int, headers: dict[str, str], data: Any) -> Any:
        text = json.dumps(data)
        return status, headers, (text[:-1] + ', "id_token": "a.b.c"}').encode()

    return at_token_endpoint(twice)


@forgery("token_answer_wrong")
def a_token_endpoint_that_never_ends(_: Provider) -> Lies:
    return at_token_endpoint(
        lambda status, headers, data: (status, headers, data | {"x": "y" * 300_000})
    )


FORGED_METADATA: dict[str, Callable[[Provider], dict[str, Any]]] = {
    "another issuer": lambda _: {"issuer": "https://accounts.example"},
    "the issuer with a slash": lambda provider: {"issuer": f"{provider.issuer}/"},
    "keys without TLS": lambda _: {"jwks_uri": "http://keys.example/jwks"},
    "a token endpoint without TLS": lambda _: {"token_endpoint": "http://a.example/token"},
    "an endpoint that is a script": lambda _: {"authorization_endpoint": "javascript:alert(1)"},
    "plain PKCE alone": lambda _: {"code_challenge_methods_supported": ["plain"]},
    "no algorithm of ours": lambda _: {"id_token_signing_alg_values_supported": ["none", "HS256"]},
}


@pytest.fixture
def dialect() -> str:
    """Answers are refused before any database is asked, so one of them is enough."""
    return "sqlite"


def nothing_came_of_it(runtime: Runtime) -> bool:
    with runtime.db.read() as session:
        tables = (SignInSession, WaitingIdentity, LinkedIdentity)
        counts = [session.scalar(select(func.count()).select_from(table)) for table in tables]
    return counts == [0, 0, 1]


@pytest.fixture
def linked(runtime: Runtime, provider: Provider) -> None:
    """Somebody whom a believed answer would sign in."""
    owner = make_person(runtime, "hong")
    now = runtime.clock.now()
    with runtime.db.write() as session:
        session.add(
            LinkedIdentity(
                id=owner.id, person_id=owner.id, provider="campus", issuer=provider.issuer,
                subject=SUBJECT, label="hong", linked_at=now,
            )
        )  # fmt: skip


@pytest.mark.usefixtures("linked")
def test_an_honest_answer_signs_in(traveller: Traveller) -> None:
    answer = traveller.go()

    assert (answer.status_code, traveller.signed_in) == (303, True)


def test_the_table_is_as_long_as_it_has_to_be() -> None:
    assert len(FORGERIES) + len(FORGED_METADATA) >= 29


@pytest.mark.usefixtures("linked")
@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_answer_is_refused(
    runtime: Runtime, traveller: Traveller, events: list[Any], name: str
) -> None:
    lie, reason = FORGERIES[name]
    address = traveller.leave()
    traveller.provider.lies = lie(traveller.provider)

    answer = traveller.come_back(address)

    assert answer.status_code in (403, 503)
    assert nothing_came_of_it(runtime)
    last = events[-1]
    assert (last.action, last.outcome, last.reason) == ("identity.refused", "deny", reason)


@pytest.mark.parametrize("name", FORGED_METADATA)
def test_forged_metadata_sends_nobody_anywhere(
    traveller: Traveller, events: list[Any], name: str
) -> None:
    changed = FORGED_METADATA[name](traveller.provider)
    traveller.provider.lies = Lies(metadata=lambda honest: honest | changed)

    answer = post(traveller.client, "/sign-in/with/campus")

    assert answer.status_code == 503
    assert (events[-1].action, events[-1].reason) == ("identity.refused", "metadata_wrong")
