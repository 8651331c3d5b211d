"""id_tokens that hold are believed: each algorithm, the edges of time, a further audience."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OKPKey, RSAKey

from gateway.identity.federation import strict
from gateway.identity.federation.directory import fits, imported
from gateway.identity.federation.id_tokens import Expected, _Pinned, verify
from gateway.identity.federation.refusals import Refused

NOW = datetime(2026, 11, 2, 1, 0, tzinfo=UTC)
AT = int(NOW.timestamp())
EXPECTED = Expected(
    "https://id.example", "sumun", "nonce", ("RS256", "ES256", "PS256", "EdDSA"), "access", NOW
)
RSA = RSAKey.generate_key(2048)
KEYS: dict[str, Any] = {
    "RS256": RSA,
    "PS256": RSA,
    "ES256": ECKey.generate_key("P-256"),
    "EdDSA": OKPKey.generate_key("Ed25519"),
}
HONEST = {
    "iss": "https://id.example", "sub": "1", "aud": "sumun", "nonce": "nonce", "iat": AT,
    "exp": AT + 300,
}  # fmt: skip


def believed(algorithm: str = "RS256", **changed: Any) -> dict[str, Any]:
    key = KEYS[algorithm]
    registry = _Pinned(algorithms=[algorithm])
    token = jwt.encode({"alg": algorithm}, HONEST | changed, key, registry=registry)
    public = key.as_dict(private=False)
    assert fits(public, None, algorithm)
    return verify(token, EXPECTED, lambda _kid, _algorithm: imported(public))


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256", "EdDSA"])
def test_each_pinned_algorithm_is_understood(algorithm: str) -> None:
    assert believed(algorithm)["sub"] == "1"


@pytest.mark.parametrize(
    "changed",
    [
        {"iat": AT - 300, "exp": AT - 59},
        {"iat": AT + 60},
        {"nbf": AT + 60},
        {"aud": ["sumun"]},
        {"aud": ["another-client", "sumun"], "azp": "sumun"},
        {"azp": "sumun"},
        {"sub": "x" * 255},
    ],
)
def test_the_edges_hold(changed: dict[str, Any]) -> None:
    assert believed(**changed)["iss"] == "https://id.example"


@pytest.mark.parametrize(("algorithm", "hashed"), [("ES256", "sha256"), ("EdDSA", "sha512")])
def test_the_hash_of_the_access_token_goes_with_the_algorithm(algorithm: str, hashed: str) -> None:
    digest = hashlib.new(hashed, b"access").digest()
    half = base64.urlsafe_b64encode(digest[: len(digest) // 2]).decode().rstrip("=")

    assert believed(algorithm, at_hash=half)["at_hash"] == half


def test_an_algorithm_that_this_provider_does_not_use_is_refused() -> None:
    token = jwt.encode({"alg": "ES256"}, HONEST, KEYS["ES256"], algorithms=["ES256"])
    narrow = Expected("https://id.example", "sumun", "nonce", ("RS256",), "access", NOW)

    with pytest.raises(Refused):
        verify(token, narrow, lambda _kid, _algorithm: KEYS["ES256"])


@pytest.mark.parametrize(
    "data", [b"[]", b"1", b'{"a": 1, "a": 2}', b'{"a": NaN}', b"\xff", b"{", b'{"a":' * 100_000]
)
def test_json_that_is_not_one_plain_object_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 — that it is one is the contract
        strict.parse_object(data)


@pytest.mark.parametrize("value", [None, 1, "a\nb", "a\x00", "x" * 11, ["a"]])
def test_text_that_is_not_a_short_line_counts_as_none(value: Any) -> None:
    assert strict.text(value, 10) == ""
