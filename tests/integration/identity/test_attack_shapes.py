"""JSON in shapes that no honest program sends, from people nobody knows: refused, and cheaply."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from flask.testing import FlaskClient
from joserfc.jwk import ECKey

from gateway.identity import flood
from gateway.identity.oauth.vocabulary import ASSERTION_TYPE
from gateway.runtime import Runtime
from gateway.web.forms import MOST_ERRORS, MOST_NAMES
from tests import people
from tests.oauth_peer import b64

Browser = Callable[..., FlaskClient]
CLAIMS = {
    "half a character": b'{"sub":"\\ud800","htu":"\\udfff"}',
    "half a character as a name": b'{"\\ud800":1,"sub":"x"}',
    "a zero": b'{"sub":"\\u0000"}',
    "no object": b"[1]",
    "no number": b'{"iat":NaN,"sub":"x"}',
    "a number without end": b'{"iat":' + b"9" * 4400 + b',"sub":"x"}',
    "lists in lists": b'{"sub":"x","a":' + b"[" * 2500 + b"]" * 2500 + b"}",
    "a little too deep": b'{"sub":"x","a":' + b"[" * 90 + b"]" * 90 + b"}",
    "objects in objects": b'{"a":' * 900 + b"1" + b"}" * 900,
    "a name twice": b'{"sub":"x","sub":"y"}',
}
HEADERS: dict[str, dict[str, Any]] = {
    "typ is a list": {"typ": ["dpop+jwt"]},
    "typ is an object": {"typ": {}},
    "typ is a number": {"typ": 1},
    "typ is empty": {"typ": ""},
    "alg is a list": {"alg": ["ES256"]},
    "alg is an object": {"alg": {}},
    "alg is nothing": {"alg": None},
    "kid is a list": {"kid": [1]},
    "jwk is a list": {"jwk": []},
    "n is a number": {"alg": "RS256", "jwk": {"kty": "RSA", "n": 5, "e": "AQAB"}},
    "e is a list": {"alg": "RS256", "jwk": {"kty": "RSA", "n": "_" * 400, "e": []}},
    "half a character": {"kid": "\ud800"},
}


@pytest.fixture
def stranger(app: Any, browser: Browser) -> FlaskClient:
    """A client that sees what the server answers, errors included."""
    app.config["PROPAGATE_EXCEPTIONS"] = False
    return browser()


def signed(header: bytes, claims: bytes, key: ECKey) -> str:
    """A compact JWS of whatever bytes."""
    text = f"{b64(header)}.{b64(claims)}"
    der = key.private_key.sign(text.encode(), ec.ECDSA(hashes.SHA256()))
    numbers = utils.decode_dss_signature(der)
    return f"{text}.{b64(b''.join(each.to_bytes(32, 'big') for each in numbers))}"


def header(key: ECKey, **changes: Any) -> bytes:
    given = {"alg": "ES256", "typ": "dpop+jwt", "jwk": key.as_dict(private=False)} | changes
    return json.dumps(given).encode()


def with_proof(client: FlaskClient, proof: str) -> Any:
    given = {"grant_type": "refresh_token", "client_id": "sumun-cli", "refresh_token": "x"}
    return client.post("/oauth2/token", data=given, headers={"DPoP": proof})


@pytest.mark.parametrize("claims", CLAIMS.values(), ids=CLAIMS)
def test_the_assertion_of_a_client_is_refused(stranger: FlaskClient, claims: bytes) -> None:
    key = ECKey.generate_key("P-256")
    given = {
        "grant_type": "client_credentials",
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": signed(header(key, typ="JWT"), claims, key),
    }

    answer = stranger.post("/oauth2/token", data=given)

    assert (answer.status_code, answer.json["error"]) == (401, "invalid_client")


@pytest.mark.parametrize("claims", CLAIMS.values(), ids=CLAIMS)
def test_a_proof_is_refused_though_its_key_signed_it(stranger: FlaskClient, claims: bytes) -> None:
    key = ECKey.generate_key("P-256")

    answer = with_proof(stranger, signed(header(key), claims, key))

    assert (answer.status_code, answer.json["error"]) == (400, "invalid_dpop_proof")


@pytest.mark.parametrize("changes", HEADERS.values(), ids=HEADERS)
def test_a_proof_with_another_header_is_refused(
    stranger: FlaskClient, changes: dict[str, Any]
) -> None:
    key = ECKey.generate_key("P-256")

    answer = with_proof(stranger, signed(header(key, **changes), b'{"jti":"x"}', key))

    assert (answer.status_code, answer.json["error"]) == (400, "invalid_dpop_proof")


@pytest.mark.parametrize("claims", CLAIMS.values(), ids=CLAIMS)
def test_the_same_as_bodies_of_the_api_and_of_passkeys(
    stranger: FlaskClient, claims: bytes
) -> None:
    token = people.csrf(stranger)

    answers = [
        stranger.post(path, data=claims, content_type="application/json")
        for path in ("/api/v1/session", "/scim/v2/Users")
    ]
    form = {"csrf_token": token, "credential": claims.decode()}
    answers.append(stranger.post("/sign-in/passkey", data=form))

    assert all(400 <= answer.status_code < 500 for answer in answers), answers


def test_a_body_of_many_names_gets_a_short_answer(stranger: FlaskClient) -> None:
    many = json.dumps({f"k{number}": 1 for number in range(70_000)})
    some = json.dumps({f"k{number}": 1 for number in range(MOST_NAMES)})
    nested = json.dumps({"account": {f"k{number}": 1 for number in range(MOST_NAMES + 1)}})

    began = time.process_time()
    answers = [
        stranger.post("/api/v1/session", data=body, content_type="application/json")
        for body in (many, some, nested)
    ]
    took = time.process_time() - began

    assert [answer.status_code for answer in answers] == [413, 422, 400]
    assert len(answers[1].json["errors"]) == MOST_ERRORS
    assert all(len(answer.data) < 10_000 for answer in answers)
    assert took < 2


def test_a_form_of_many_names_is_refused(stranger: FlaskClient) -> None:
    token = people.csrf(stranger)
    fields = {f"k{number}": "1" for number in range(MOST_NAMES + 1)} | {"csrf_token": token}

    assert stranger.post("/sign-up", data=fields).status_code == 400


@pytest.mark.parametrize("path", sorted(flood.BOUNDED))
def test_nobody_types_a_sign_in_of_many_pages(stranger: FlaskClient, path: str) -> None:
    long = "x" * (flood.MOST_BODY + 1)
    form = {"csrf_token": people.csrf(stranger), "password": long}
    as_json = path.startswith("/api/")

    answer = stranger.post(path, json=form) if as_json else stranger.post(path, data=form)

    assert answer.status_code == 413


def test_a_form_of_a_program_is_bounded_as_well(stranger: FlaskClient, runtime: Runtime) -> None:
    for path in ("token", "revoke", "introspect"):
        many = "&".join(f"k{number}=1" for number in range(100_000))
        kind = "application/x-www-form-urlencoded"
        assert stranger.post(f"/oauth2/{path}", data=many, content_type=kind).status_code == 413
