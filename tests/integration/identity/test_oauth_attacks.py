"""The provider against forged, changed, replayed and raced requests: each must fail."""

from __future__ import annotations

import base64
import json
import re
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from gateway.clock import FixedClock
from gateway.errors import Problem
from gateway.identity.oauth import server
from gateway.identity.oauth import service_devices as devices
from gateway.identity.oauth import service_grants as grants
from gateway.identity.oauth import service_tokens as tokens
from gateway.identity.oauth.clients import find_client
from gateway.identity.oauth.models import AuthMethod, ClientKind
from gateway.identity.oauth.service_clients import NewClient, register
from gateway.identity.oauth.service_tokens import Issued
from gateway.identity.oauth.vocabulary import ASSERTION_TYPE, DEVICE_GRANT, Scope
from gateway.identity.service_sessions import list_sessions
from gateway.runtime import Runtime
from tests import oauth_peer as peers
from tests import people
from tests.oauth_peer import BACK, Peer, b64, challenge

Browser = Callable[..., FlaskClient]
THREADS, ROUNDS = 8, 50


def unsigned(header: dict[str, Any], claims: dict[str, Any]) -> str:
    return f"{b64(json.dumps(header).encode())}.{b64(json.dumps(claims).encode())}."


def claims_of(token: str) -> dict[str, Any]:
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def signed(header: dict[str, Any], claims: dict[str, Any], key: Any) -> str:
    return jwt.encode(header, claims, key, [header["alg"]])


OTHER = ECKey.generate_key("P-256")
P384 = ECKey.generate_key("P-384")
HMAC_KEY = OctKey.generate_key(256)
HEAD = {"alg": "ES256", "typ": "JWT"}
ASSERTIONS: dict[str, Callable[[Peer], str]] = {
    "no algorithm": lambda p: unsigned({"alg": "none"}, claims_of(p.assertion())),
    "no algorithm in capitals": lambda p: unsigned({"alg": "NONE"}, claims_of(p.assertion())),
    "another key": lambda p: signed(HEAD, claims_of(p.assertion()), OTHER),
    "a key of its own in the header": lambda p: signed(
        HEAD | {"jwk": OTHER.as_dict(private=False)}, claims_of(p.assertion()), OTHER
    ),
    "a key by address": lambda p: p.assertion({"jku": "https://evil.example/jwks"}),
    "a certificate by address": lambda p: p.assertion({"x5u": "https://evil.example/x"}),
    "a symmetric algorithm": lambda p: signed({"alg": "HS256"}, claims_of(p.assertion()), HMAC_KEY),
    "the typ of an access token": lambda p: p.assertion({"typ": "at+jwt"}),
    "the typ of a proof": lambda p: p.assertion({"typ": "dpop+jwt"}),
    "another audience": lambda p: p.assertion(aud="https://other.example"),
    "several audiences": lambda p: p.assertion(aud=[p.issuer, "https://other.example"]),
    "no audience": lambda p: p.assertion(aud=None),
    "another issuer": lambda p: p.assertion(iss="somebody"),
    "no issuer": lambda p: p.assertion(iss=None),
    "another subject": lambda p: p.assertion(sub="sumun-cli"),
    "expired": lambda p: p.assertion(exp=p.now() - 31),
    "no expiry": lambda p: p.assertion(exp=None),
    "an expiry years ahead": lambda p: p.assertion(exp=p.now() + 10 * 365 * 86400),
    "an expiry that is text": lambda p: p.assertion(exp="soon"),
    "an expiry that is true": lambda p: p.assertion(exp=True),
    "made in the future": lambda p: p.assertion(iat=p.now() + 3600),
    "not valid yet": lambda p: p.assertion(nbf=p.now() + 3600),
    "no jti": lambda p: p.assertion(jti=None),
    "an empty jti": lambda p: p.assertion(jti=""),
    "a changed payload": lambda p: _changed(p.assertion()),
    "a cut signature": lambda p: p.assertion()[:-8],
    "no token at all": lambda p: "nothing",
    "a very long one": lambda p: p.assertion(padding="x" * 9000),
}


def _changed(token: str) -> str:
    head, _body, signature = token.split(".")
    return f"{head}.{b64(json.dumps(claims_of(token) | {'x': 1}).encode())}.{signature}"


def credentials(robot: Peer, assertion: str, **changes: Any) -> Any:
    body = {
        "grant_type": "client_credentials", "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": assertion,
    } | changes  # fmt: skip
    return robot.http.post("/oauth2/token", data=body)


@pytest.mark.parametrize("forge", ASSERTIONS.values(), ids=ASSERTIONS)
def test_a_forged_assertion_is_refused(forge: Callable[[Peer], str], robot: Peer) -> None:
    answer = credentials(robot, forge(robot))

    assert (answer.status_code, answer.json["error"]) == (401, "invalid_client")


def test_an_assertion_counts_once(robot: Peer) -> None:
    assertion = robot.assertion()
    assert credentials(robot, assertion).status_code == 200

    assert credentials(robot, assertion).json["error"] == "invalid_client"


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "sumun-cli"},
        {"client_assertion_type": "urn:example"},
        {"client_secret": "x"},
    ],
)
def test_an_assertion_with_something_else_beside_it_is_refused(changes, robot: Peer) -> None:
    assert credentials(robot, robot.assertion(), **changes).status_code in {400, 401}


def test_a_machine_gets_no_wider_scope(robot: Peer) -> None:
    answer = credentials(robot, robot.assertion(), scope="write")

    assert answer.json["error"] == "invalid_scope"


CHALLENGES: tuple[dict[str, Any], ...] = (
    {"code_challenge": None, "code_challenge_method": None},
    {"code_challenge_method": None},
    {"code_challenge_method": ""},
    {"code_challenge_method": "plain"},
    {"code_challenge_method": "s256"},
    {"code_challenge_method": "S256 plain"},
    {"code_challenge": ""},
    {"code_challenge": "short"},
    {"code_challenge": challenge()[:-1]},
    {"code_challenge": challenge() + "A"},
    {"code_challenge": challenge()[:-1] + "="},
    {"code_challenge": challenge()[:-1] + "+"},
    {"code_challenge": challenge()[:-1] + "\n"},
)


@pytest.mark.parametrize("changes", CHALLENGES, ids=str)
def test_pkce_with_s256_is_asked_of_every_client(changes, portal: Peer, signed_in) -> None:
    answer = signed_in.get(portal.ask(**changes))

    assert "error=invalid_request" in answer.headers["Location"]


@pytest.mark.parametrize("verifier", [None, "", "w" * 43, challenge(), "v" * 42, "v" * 129])
def test_a_wrong_verifier_gets_nothing_and_burns_the_code(verifier, portal, signed_in) -> None:
    code = portal.code(signed_in)

    assert portal.redeem(code, code_verifier=verifier).status_code == 400
    if verifier and 43 <= len(verifier) <= 128:
        assert portal.redeem(code).json["error"] == "invalid_grant"


REDIRECTS = (
    "https://evil.example/cb",
    BACK + "/",
    BACK + "?x=1",
    BACK + "?",
    BACK + "#x",
    BACK + "#",
    BACK.replace("https", "http"),
    BACK.replace("https", "HTTPS"),
    BACK.replace("rp.", "RP."),
    BACK.replace("/cb", "/CB"),
    BACK.replace("/cb", "/%63b"),
    BACK.replace("/cb", "//cb"),
    BACK.replace("/cb", "/cb/../evil"),
    BACK.replace("/cb", "/./cb"),
    BACK.replace("/cb", "/cb%2f..%2fevil"),
    BACK.replace("/cb", "/cb;x=1"),
    BACK.replace("/cb", "\\cb"),
    BACK.replace("/cb", ":443/cb"),
    BACK.replace("/cb", ":8443/cb"),
    BACK.replace("/cb", "./cb"),
    BACK.replace("/cb", "@evil.example/cb"),
    BACK.replace("/cb", ".evil.example/cb"),
    BACK.replace("rp.", "evil@rp."),
    BACK.replace("rp.", "evil.rp."),
    # A Cyrillic letter that looks like a Latin one, as it is and as browsers send it.
    BACK.replace("rp.", "r\u0440."),
    BACK.replace("rp.", "xn--r-2sb."),
    BACK.replace("rp.", "\uff52p."),
    BACK + " ",
    " " + BACK,
    BACK + "\n",
    BACK + "\x00",
    BACK + "," + BACK,
    "//rp.example.org/cb",
    "/cb",
    "http://127.0.0.1/cb",
    "http://localhost/cb",
    "javascript:alert(1)",
    "data:text/html,x",
    "urn:ietf:wg:oauth:2.0:oob",
    "",
)


@pytest.mark.parametrize("uri", REDIRECTS)
def test_only_the_registered_address_gets_an_answer(uri: str, portal: Peer, signed_in) -> None:
    answer = signed_in.get(portal.ask(redirect_uri=uri))

    assert answer.status_code == 400
    assert "Location" not in answer.headers


def test_another_address_at_the_token_endpoint_is_refused(portal: Peer, signed_in) -> None:
    code = portal.code(signed_in)

    assert portal.redeem(code, redirect_uri=BACK + "x").json["error"] == "invalid_grant"


def test_a_code_is_for_its_own_client(portal: Peer, signed_in, runtime, browser) -> None:
    other = peers.web(runtime, browser(), people.make_person(runtime, "other.manager"))

    assert other.redeem(portal.code(signed_in)).json["error"] == "invalid_grant"


def test_a_code_lives_a_minute(portal: Peer, signed_in, clock: FixedClock) -> None:
    code = portal.code(signed_in)
    clock.advance(timedelta(seconds=61))

    assert portal.redeem(code).json["error"] == "invalid_grant"


@pytest.mark.parametrize(
    "address",
    [
        lambda p: p.ask() + "&scope=openid",
        lambda p: p.ask() + "&state=two",
        lambda p: p.ask(scope="openid admin"),
        lambda p: p.ask(response_type="token"),
        lambda p: p.ask(response_type="co\\de"),
        lambda p: p.ask(scope='openid "read"'),
        lambda p: p.ask(scope="openid \u0440ead"),
        lambda p: p.ask(state="a\x00b"),
        lambda p: p.ask(nonce="a\x00b"),
        lambda p: p.ask(response_type="code id_token"),
        lambda p: p.ask(client_id="unknown"),
        lambda p: p.ask(request="e30."),
        lambda p: p.ask(request_uri="https://evil.example/request"),
        lambda p: p.ask(state="s" * 2000),
        lambda p: p.ask(dpop_jkt="nonsense"),
    ],
)
def test_a_malformed_request_is_never_asked_of_a_person(address, portal: Peer, signed_in) -> None:
    answer = signed_in.get(address(portal))

    refused = answer.status_code == 400 or "error=" in answer.headers.get("Location", "")
    assert refused, answer.text


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"client_id": "<b>unknown</b>"}, "not registered here"),
        ({"redirect_uri": "https://evil.example/<b>cb</b>"}, "address that is not registered"),
    ],
)
def test_the_person_reads_which_of_the_two_is_wrong_and_stays_here(
    change: dict[str, str], said: str, portal: Peer, signed_in
) -> None:
    answer = signed_in.get(f"{portal.ask(**change)}&lang=en")

    assert answer.status_code == 400
    assert "Location" not in answer.headers
    assert said in answer.text
    assert "evil.example" not in answer.text.partition("<main")[2].partition("</main>")[0]
    assert "<b>" not in answer.text


def test_a_machine_is_told_who_would_give_it_what_it_lacks(robot: Peer, runtime: Runtime) -> None:
    token = peers.credentials(robot, scope="read").json["access_token"]
    headers = {"Authorization": f"Bearer {token}"}

    bytes_ = robot.http.post("/api/v1/urls?lang=en", json={}, headers=headers)
    place = find_client(runtime, robot.client_id).organisation_id
    managing = robot.http.get(f"/api/v1/organisations/{place}/programs?lang=en", headers=headers)

    assert (bytes_.status_code, managing.status_code) == (403, 403)
    assert "A manager of the organisation registers" in bytes_.json["next"]
    assert managing.json["code"] == "machine_not_allowed"
    assert "the responsible person signs in themselves" in managing.json["next"]


def test_the_example_in_the_docs_gets_a_machine_its_token(
    robot: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (Path(__file__).parents[3] / "docs" / "oauth.md").read_text("utf-8")
    example = re.findall(r"```python\n(.+?)```", text, re.DOTALL)[-1]
    example = example.replace("time.time()", str(robot.now()))

    def post(url: str, data: dict[str, str]) -> SimpleNamespace:
        given = robot.http.post(url.removeprefix(robot.issuer), data=data)
        return SimpleNamespace(json=lambda: given.json)

    monkeypatch.setattr("httpx.post", post)
    assert robot.key is not None
    key = robot.key.as_pem(private=True)
    names: dict[str, Any] = {"GATE": robot.issuer, "CLIENT_ID": robot.client_id, "PRIVATE_KEY": key}
    exec(example, names)

    assert robot.http.get("/api/v1/me", headers=names["headers"]).status_code == 200


def test_a_machines_session_is_no_sign_in_of_whoever_answers_for_it(
    robot: Peer, runtime: Runtime
) -> None:
    peers.credentials(robot)
    responsible = find_client(runtime, robot.client_id).responsible_id

    with runtime.db.read() as session:
        assert list_sessions(session, responsible, runtime.clock.now()) == []


def test_consent_needs_the_form_token(portal: Peer, signed_in) -> None:
    assert signed_in.post(portal.ask(), data={"decision": "allow"}).status_code == 400


def test_the_consent_page_may_post_to_the_program_alone(portal: Peer, signed_in) -> None:
    policy = signed_in.get(portal.ask()).headers["Content-Security-Policy"]

    assert "form-action 'self' https://rp.example.org;" in policy
    assert "frame-ancestors 'none'" in policy


@pytest.mark.parametrize("where", ["query", "twice"])
def test_parameters_come_from_the_body_and_once(where: str, portal: Peer, signed_in) -> None:
    code = portal.code(signed_in)
    body = {
        "grant_type": "authorization_code", "code": code, "redirect_uri": BACK,
        "code_verifier": peers.VERIFIER,
    }  # fmt: skip
    headers = portal._basic()
    if where == "query":
        answer = portal.http.post("/oauth2/token", query_string=body, headers=headers)
    else:
        answer = portal.http.post(
            "/oauth2/token", data=body | {"code": [code, code]}, headers=headers
        )

    assert answer.status_code == 400


@pytest.mark.parametrize("name", ["grant_type", "client_id", "scope", "redirect_uri"])
@pytest.mark.parametrize("text", ["\\", '"', "\u0440", "\n", "\x00", "\x7f"])
def test_what_no_error_may_repeat_is_refused_without_one(name, text, portal: Peer) -> None:
    given = {"grant_type": "authorization_code", "code": "x", name: text}

    answer = portal.http.post("/oauth2/token", data=given, headers=portal._basic())

    assert answer.status_code in {400, 401}
    assert answer.json["error"] in {"invalid_request", "invalid_client"}


@pytest.mark.parametrize("secret", ["", "wrong", None])
def test_a_client_without_its_secret_gets_nothing(secret, portal: Peer, signed_in) -> None:
    code = portal.code(signed_in)
    portal.secret = secret

    assert portal.redeem(code).json["error"] == "invalid_client"


# -- tokens at the API


def forged_tokens(portal: Peer, real: str) -> dict[str, str]:
    claims = {
        "iss": portal.issuer, "sub": "x", "aud": portal.issuer, "exp": 9999999999, "scope": "read",
        "client_id": portal.client_id, "jti": "1", "iat": 1,
    }  # fmt: skip
    rsa = RSAKey.generate_key(2048)
    return {
        "no algorithm": unsigned({"alg": "none", "typ": "at+jwt"}, claims),
        "a key of its own": signed({"alg": "ES256", "typ": "at+jwt"}, claims, OTHER),
        "jwk header": signed({"alg": "ES256", "jwk": OTHER.as_dict(private=False)}, claims, OTHER),
        "jku header": signed({"alg": "ES256", "jku": "https://evil.example"}, claims, OTHER),
        "rsa": signed({"alg": "RS256"}, claims, rsa),
        "a symmetric one": signed({"alg": "HS256"}, claims, HMAC_KEY),
        "cut": real[:-1],
        "longer": real + "A",
        "another case": real.swapcase(),
        "prefix alone": "sat_",
        "random": "sat_" + secrets.token_urlsafe(32),
        "empty": "",
        "blank inside": real[:10] + " " + real[10:],
        "with a zero": real + "%00",
        "very long": "sat_" + "A" * 7000,
        "its own hash": "sat_" + tokens.digest(real),
        "an SQL condition": "sat_' OR '1'='1",
        "another alphabet": "sat_" + "\u00e9" * 10,
    }


def test_a_forged_token_opens_nothing(portal: Peer, signed_in) -> None:
    real = portal.redeem(portal.code(signed_in)).json
    forged = forged_tokens(portal, real["access_token"]) | {
        "an id token": real["id_token"],
        "a refresh token": real["refresh_token"],
    }

    answers = {}
    for name, token in forged.items():
        raw = f"Bearer {token}".encode().decode("latin-1")
        answers[name] = portal.http.get("/api/v1/me", headers={"Authorization": raw}).status_code

    assert len(forged) >= 17
    assert set(answers.values()) == {401}, answers
    assert portal.get("/api/v1/me", real["access_token"]).status_code == 200


# -- proof of possession


PROOFS: dict[str, dict[str, Any]] = {
    "another method": {"htm": "POST"},
    "another address": {"htu": "https://evil.example/api/v1/me"},
    "another path": {"path": "/api/v1/grants"},
    "no hash of the token": {"ath": None},
    "the hash of another token": {"ath": b64(b"x" * 32)},
    "made long ago": {"iat": 1},
    "made in the future": {"iat": 9999999999},
    "no jti": {"jti": None},
    "a jti that is too long": {"jti": "j" * 129},
    "no nonce": {"nonce": None},
    "a nonce of somebody else": {"nonce": "x"},
    "a nonce that is a number": {"nonce": 1},
    "another typ": {"typ": "JWT"},
    "no typ": {"typ": None},
    "no method": {"htm": None},
    "the method in small letters": {"htm": "get"},
    "no address": {"htu": None},
    "no time": {"iat": None},
    "a time that is text": {"iat": "now"},
    "an empty jti": {"jti": ""},
    "another curve in the header": {"jwk": P384.as_dict(private=False)},
    "another key": {"key": OTHER, "jwk": OTHER.as_dict(private=False)},
    "a signature of another key": {"key": OTHER},
    "a private key in the header": {"jwk": OTHER.as_dict(private=True), "key": OTHER},
    "a symmetric key in the header": {"jwk": HMAC_KEY.as_dict()},
    "no key in the header": {"jwk": None},
}


@pytest.mark.parametrize("changes", PROOFS.values(), ids=PROOFS)
def test_a_proof_that_does_not_fit_is_refused(changes, bound) -> None:
    peer, token = bound
    given = dict(changes)
    path = given.pop("path", "/api/v1/me")

    proof = peer.proof("GET", path, token, **given)
    answer = peer.get("/api/v1/me", token, dpop=True, proof=proof)

    assert answer.status_code == 401
    assert "DPoP" in answer.headers["WWW-Authenticate"]
    assert answer.headers["DPoP-Nonce"]


def test_a_proof_counts_once(bound) -> None:
    peer, token = bound
    proof = peer.proof("GET", "/api/v1/me", token)
    assert peer.get("/api/v1/me", token, dpop=True, proof=proof).status_code == 200

    assert peer.get("/api/v1/me", token, dpop=True, proof=proof).status_code == 401


def test_a_bound_token_is_worth_nothing_as_bearer(bound) -> None:
    peer, token = bound

    assert peer.get("/api/v1/me", token).status_code == 401


def test_an_unbound_token_is_not_accepted_under_the_other_scheme(portal, signed_in) -> None:
    got = portal.redeem(portal.code(signed_in)).json
    portal._learn({})

    assert portal.get("/api/v1/me", got["access_token"], dpop=True).status_code == 401


def test_two_proofs_are_refused(bound) -> None:
    peer, token = bound
    proofs = [("DPoP", peer.proof("GET", "/api/v1/me", token)) for _ in range(2)]

    answer = peer.http.get("/api/v1/me", headers=[("Authorization", f"DPoP {token}"), *proofs])

    assert answer.status_code == 401


def test_an_old_nonce_is_refused_with_a_new_one(bound, clock: FixedClock) -> None:
    peer, token = bound
    clock.advance(timedelta(minutes=11))

    answer = peer.get("/api/v1/me", token, dpop=True)

    assert 'error="use_dpop_nonce"' in answer.headers["WWW-Authenticate"]
    peer.nonce = answer.headers["DPoP-Nonce"]
    assert peer.get("/api/v1/me", token, dpop=True).status_code == 200


def test_a_bound_refresh_token_asks_for_its_key(portal: Peer, signed_in) -> None:
    got = portal.redeem(portal.code(signed_in), dpop=True).json

    portal.proof_key = OTHER

    assert portal.refresh(got["refresh_token"], dpop=True).json["error"] == "invalid_grant"


def test_a_code_that_was_bound_asks_for_its_key(portal: Peer, signed_in) -> None:
    code = portal.code(signed_in, dpop_jkt=OTHER.thumbprint())

    assert portal.redeem(code, dpop=True).json["error"] == "invalid_grant"


def test_the_command_must_prove_its_key(runtime, browser) -> None:
    cli = peers.native(runtime, browser())

    answer = cli.token(grant_type=DEVICE_GRANT, device_code="x")

    assert answer.json["error"] == "invalid_dpop_proof"


def test_guessing_a_devices_code_is_slowed_down(signed_in: FlaskClient) -> None:
    token = people.csrf(signed_in, "/oauth2/device")

    statuses = [
        signed_in.post("/oauth2/device", data={"csrf_token": token, "user_code": f"BCDFGHJ{end}"})
        for end in "BCDFGHJKLMNP"
    ]

    assert [each.status_code for each in statuses] == [422] * 10 + [429] * 2


def test_a_proof_without_a_signature_is_refused(bound) -> None:
    peer, token = bound
    jwk = peer.proof_key.as_dict(private=False)
    claims = claims_of(peer.proof("GET", "/api/v1/me", token))
    public = OctKey.import_key(json.dumps(jwk))

    for header, key in (
        ({"alg": "none", "typ": "dpop+jwt", "jwk": jwk}, None),
        ({"alg": "HS256", "typ": "dpop+jwt", "jwk": jwk}, public),
        ({"alg": "HS256", "typ": "dpop+jwt", "jwk": HMAC_KEY.as_dict()}, HMAC_KEY),
    ):
        proof = signed(header, claims, key) if key else unsigned(header, claims)
        assert peer.get("/api/v1/me", token, dpop=True, proof=proof).status_code == 401


def test_a_proof_for_one_request_is_none_for_another(bound) -> None:
    peer, token = bound
    read = peer.proof("GET", "/api/v1/me", token)
    headers = {"Authorization": f"DPoP {token}", "DPoP": read}

    assert peer.http.delete("/api/v1/session", headers=headers).status_code == 401
    assert peer.http.get("/api/v1/identities", headers=headers).status_code == 401


# -- the tables above are what the attacks are counted by


def test_the_tables_are_as_long_as_they_must_be(portal: Peer) -> None:
    assert len(ASSERTIONS) >= 17
    assert len(PROOFS) >= 10
    assert len(REDIRECTS) >= 15
    assert len(CHALLENGES) >= 6
    assert len(forged_tokens(portal, "sat_" + "x" * 43)) >= 17


# -- races: of eight at once, exactly one wins


def winners(verb: Callable[[], Any]) -> int:
    with ThreadPoolExecutor(THREADS) as pool:
        results = list(pool.map(lambda _n: verb(), range(THREADS)))
    return sum(isinstance(each, Issued | str) or each is True for each in results)


def client_of(peer: Peer):
    found = find_client(peer.runtime, peer.client_id)
    assert found is not None
    return found


def consented(peer: Peer, mina, session_id, **changes: Any) -> str:
    given = grants.Consent(
        client_of(peer), mina.id, session_id, BACK, "openid offline_access", "", challenge(), None,
        peer.runtime.clock.now(), **changes,
    )  # fmt: skip
    code = grants.consent(peer.runtime, people.acting_as(mina), given)
    assert code is not None
    return code


def session_of(runtime: Runtime, mina):
    from gateway.identity.service_sessions import list_sessions

    with runtime.db.read() as session:
        return list_sessions(session, mina.id, runtime.clock.now())[0].id


def test_of_raced_codes_one_wins(portal: Peer, signed_in, mina, runtime) -> None:
    client, place, who = client_of(portal), session_of(runtime, mina), people.visitor()

    for _ in range(ROUNDS):
        given = grants.Redemption(consented(portal, mina, place), BACK, peers.VERIFIER, None)
        assert winners(partial(grants.redeem, runtime, who, client, given)) == 1


def test_of_raced_refresh_tokens_one_wins(portal: Peer, signed_in, mina, runtime) -> None:
    client, place, who = client_of(portal), session_of(runtime, mina), people.visitor()

    for _ in range(ROUNDS):
        given = grants.Redemption(consented(portal, mina, place), BACK, peers.VERIFIER, None)
        issued = grants.redeem(runtime, who, client, given)
        token = issued.refresh_token
        assert winners(partial(tokens.refreshed, runtime, who, client, token, (None, None))) == 1


def test_of_raced_device_codes_one_wins(runtime, browser, mina) -> None:
    person, here = people.acting_as(mina), peers.browser_session(runtime, mina)

    for _ in range(ROUNDS):
        device, decided = peers.device(runtime), (True, here)
        decide = partial(devices.decide_device, runtime, person, device.waiting, decided)
        assert winners(decide) == 1
        assert winners(partial(device.poll, runtime)) == 1


def test_of_raced_pushed_requests_one_wins(portal: Peer, signed_in, mina, runtime) -> None:
    client, place = client_of(portal), session_of(runtime, mina)

    for _ in range(ROUNDS):
        uri, _life = grants.push(runtime, client, {"client_id": client.id})
        given = grants.Consent(
            client, mina.id, place, BACK, "openid", "", challenge(), None, runtime.clock.now(), uri
        )
        person = people.acting_as(mina)
        won = winners(partial(grants.consent, runtime, person, given))
        assert won == 1


def test_of_raced_identifiers_one_is_first(runtime: Runtime) -> None:
    from gateway.identity.oauth.seen import first_use

    until = runtime.clock.now() + timedelta(minutes=5)
    for number in range(ROUNDS):
        assert winners(partial(first_use, runtime, ("dpop", str(number)), until)) == 1


# -- registration


# A modulus of 1,024 bits, whose private half was thrown away.
WEAK = json.dumps(
    {
        "kty": "RSA",
        "e": "AQAB",
        "n": (
            "wOudciaY_PJEaJL5YrZD6QogQ6VA3udny7b0zdG8TU456qiK7OzGXs1hUNrq3r4cgQ2Kf6ONKu9GD3yd"
            "V9Iq7cHk48u4McVdD5vCXiXQ_7HlePpBcqzDTdkguo3ilZiYOnciLTZ9RIl367JsbLvcTOlxGAtEHtKf"
            "1F_hfEU6EVk"
        ),
    }
)

BAD_CLIENTS: dict[str, dict[str, Any]] = {
    "plain http": {"redirect_uris": ("http://rp.example.org/cb",)},
    "a fragment": {"redirect_uris": (BACK + "#x",)},
    "a star": {"redirect_uris": ("https://*.example.org/cb",)},
    "a script": {"redirect_uris": ("javascript:alert(1)",)},
    "credentials in the address": {"redirect_uris": ("https://u:p@rp.example.org/cb",)},
    "no address": {"redirect_uris": ()},
    "an app's scheme on a server": {"redirect_uris": ("com.example:/cb",)},
    "no scope": {"scopes": frozenset()},
    "a server without a secret": {"auth_method": AuthMethod.NONE},
    "an app with a secret": {"kind": ClientKind.NATIVE},
    "a machine with a secret": {"kind": ClientKind.MACHINE},
    "no key": {"auth_method": AuthMethod.PRIVATE_KEY_JWT, "jwks": ""},
    "a private key": {
        "auth_method": AuthMethod.PRIVATE_KEY_JWT, "jwks": json.dumps(OTHER.as_dict(private=True)),
    },
    "a weak key": {
        "auth_method": AuthMethod.PRIVATE_KEY_JWT,
        "jwks": WEAK,
    },
    "no network": {"networks": ("anywhere",)},
    "no name": {"name": " "},
}  # fmt: skip


@pytest.mark.parametrize("changes", BAD_CLIENTS.values(), ids=BAD_CLIENTS)
def test_a_program_that_would_be_unsafe_is_not_registered(changes, runtime: Runtime) -> None:
    manager = people.make_person(runtime, "manager")
    place = peers.organisation(runtime, manager)
    new = {
        "name": "Portal", "kind": ClientKind.WEB, "auth_method": AuthMethod.SECRET_BASIC,
        "scopes": frozenset({Scope.OPENID}), "redirect_uris": (BACK,),
    } | changes  # fmt: skip

    with pytest.raises(Problem) as refused:
        register(runtime, people.acting_as(manager), place, NewClient(**new))

    assert refused.value.code == "validation_failed"


def test_every_refusal_of_a_grant_says_what_to_do_next() -> None:
    folder = Path(server.__file__).parent
    passports = folder.parent / "passports"
    files = [*folder.glob("service_*.py"), Path(server.__file__)]
    files += [passports / "grant.py", passports / "service_exchange.py"]
    text = "".join(file.read_text("utf-8") for file in files)

    reasons = set(re.findall(r'Refused\("\w+", "(\w+)"\)', text))
    mismatches = {"other_redirect_uri", "wrong_verifier"}

    assert reasons | mismatches == set(server.WHAT_NEXT)


def test_only_a_manager_registers(runtime: Runtime) -> None:
    manager, member = people.make_person(runtime, "manager"), people.make_person(runtime, "member")
    place = peers.organisation(runtime, manager, member)
    new = NewClient(
        "Portal", ClientKind.WEB, AuthMethod.SECRET_BASIC, frozenset({Scope.OPENID}), (BACK,)
    )

    for one in (member, people.make_person(runtime, "stranger")):
        with pytest.raises(Problem) as refused:
            register(runtime, people.acting_as(one), place, new)
        assert refused.value.code == "forbidden"


def test_the_machine_of_a_stranger_is_not_registered(runtime: Runtime, browser) -> None:
    manager, stranger = (
        people.make_person(runtime, "manager"),
        people.make_person(runtime, "strange"),
    )
    place = peers.organisation(runtime, manager)
    new = NewClient(
        "Robot", ClientKind.MACHINE, AuthMethod.PRIVATE_KEY_JWT, frozenset({Scope.READ}),
        jwks=json.dumps(OTHER.as_dict(private=False)), responsible_id=stranger.id,
    )  # fmt: skip

    with pytest.raises(Problem) as refused:
        register(runtime, people.acting_as(manager), place, new)

    assert refused.value.extra["field"] == "responsible_id"


def test_an_app_may_come_back_to_any_port_of_this_machine(runtime: Runtime) -> None:
    manager = people.make_person(runtime, "manager")
    new = NewClient(
        "App", ClientKind.NATIVE, AuthMethod.NONE, frozenset({Scope.OPENID}),
        ("http://127.0.0.1/cb", "com.example.app:/cb"),
    )  # fmt: skip
    made = register(runtime, people.acting_as(manager), peers.organisation(runtime, manager), new)
    client = find_client(runtime, made.client_id)

    assert made.secret is None
    assert client.check_redirect_uri("http://127.0.0.1:49152/cb")
    assert client.check_redirect_uri("com.example.app:/cb")
    assert not client.check_redirect_uri("http://127.0.0.1:49152/other")
    assert not client.check_redirect_uri("http://127.0.0.1.evil.example/cb")
    assert not client.check_redirect_uri("https://127.0.0.1/cb")


def test_the_published_metadata_promises_what_is_kept(portal: Peer) -> None:
    known = portal.http.get("/.well-known/oauth-authorization-server").json
    resource = portal.http.get("/.well-known/oauth-protected-resource").json

    assert known == portal.http.get("/.well-known/openid-configuration").json
    assert known["code_challenge_methods_supported"] == ["S256"]
    assert "none" not in known["id_token_signing_alg_values_supported"]
    assert resource["authorization_servers"] == [known["issuer"]]
    for name, address in known.items():
        if name.endswith("_endpoint"):
            assert portal.http.options(urlsplit(address).path).status_code != 404
