"""Checking a passport of ten visas: what a clearinghouse does when somebody comes with one.

The baselines verify the same eleven signatures with `cryptography` alone, with keys already read,
and look at nothing else: what no clearinghouse in Python can go below.
"""

from __future__ import annotations

import base64
import json
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric import ec, padding, utils
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

from bench.harness import Comparison, compare
from gateway.clock import FixedClock
from gateway.identity.passports.clearinghouse import Clearinghouse
from gateway.identity.passports.keyring import KeyRing, _Kept
from gateway.identity.passports.tokens import Trust
from gateway.visa_settings import VisaIssuer

VISAS, PASSPORTS, ROUNDS = 10, 20, 10
ISSUER, JKU, SOURCE = "https://visas.example.org", "https://visas.example.org/jwks", "https://u.org"
NOW = datetime(2026, 11, 2, tzinfo=UTC)
Key = RSAKey | ECKey


class _Ring(KeyRing):
    """Keys that were fetched a moment ago."""

    def __init__(self, key: Key) -> None:
        super().__init__(FixedClock(NOW))
        self._kept[JKU] = _Kept((key.as_dict(private=False),), NOW)


def run() -> list[Comparison]:
    """The comparisons `identity.passports.*`: passports per second of processor time."""
    return [_of(algorithm, key) for algorithm, key in _keys().items()]


def _keys() -> dict[str, Key]:
    return {
        "ES256": ECKey.generate_key("P-256", {"kid": "k"}),
        "RS256": RSAKey.generate_key(2048, {"kid": "k"}),
    }


def _of(algorithm: str, key: Key) -> Comparison:
    house, held = _house(key), {(ISSUER, "ada"): uuid.uuid4()}
    passports = [_passport(algorithm, key) for _ in range(PASSPORTS)]
    bare = [_bare(algorithm, key, each) for each in passports]

    def ours(number: int) -> None:
        found = house.cleared([passports[number % PASSPORTS]], held, NOW)
        assert len(found.believed) == VISAS

    return compare(
        f"identity.passports.{algorithm.lower()}",
        "passports/s",
        lambda: _per_second(ours),
        lambda: _per_second(lambda number: bare[number % PASSPORTS]()),
        baseline_name="the same 11 signatures with bare cryptography",
        target=0.3,
        better="higher",
        conditions=f"{VISAS} visas, {algorithm}, keys at hand, one thread, processor time",
        limit=500.0,
    )


def _house(key: Key) -> Clearinghouse:
    trusted = VisaIssuer(
        id="u", name="U", issuer=ISSUER, jku=(JKU,), sources=(SOURCE,), by=("so",),
        types=("ControlledAccessGrants",),
    )  # fmt: skip
    return Clearinghouse(Trust({ISSUER: trusted}, _Ring(key), "https://gate.example"))


def _passport(algorithm: str, key: Key) -> str:
    visas = [_visa(algorithm, key, number) for number in range(VISAS)]
    return _signed(algorithm, key, {"typ": "vnd.ga4gh.passport+jwt"}, {"ga4gh_passport_v1": visas})


def _visa(algorithm: str, key: Key, number: int) -> str:
    said = {
        "type": "ControlledAccessGrants", "value": f"https://u.org/data/{number}",
        "source": SOURCE, "by": "so", "asserted": int(NOW.timestamp()) - 60,
    }  # fmt: skip
    header = {"typ": "vnd.ga4gh.visa+jwt", "jku": JKU}
    return _signed(algorithm, key, header, {"ga4gh_visa_v1": said})


def _signed(algorithm: str, key: Key, header: dict[str, str], claims: dict[str, object]) -> str:
    now = int(NOW.timestamp())
    whole = {"iss": ISSUER, "sub": "ada", "jti": "1", "iat": now, "exp": now + 600} | claims
    head = {"alg": algorithm, "kid": "k"} | header
    return str(jws.serialize_compact(head, json.dumps(whole).encode(), key, [algorithm]))


def _bare(algorithm: str, key: Key, passport: str) -> Callable[[], None]:
    """Verifies a passport's signatures; parsing was done before."""
    inside = json.loads(_decoded(passport.split(".")[1]))["ga4gh_passport_v1"]
    public = key.public_key
    pairs = []
    for token in (passport, *inside):
        text, _dot, signature = token.rpartition(".")
        raw = _decoded(signature)
        if algorithm == "ES256":
            halves = (int.from_bytes(half, "big") for half in (raw[:32], raw[32:]))
            raw = utils.encode_dss_signature(*halves)
        pairs.append((raw, text.encode()))

    def verify() -> None:
        for signature, text in pairs:
            if algorithm == "ES256":
                public.verify(signature, text, ec.ECDSA(SHA256()))
            else:
                public.verify(signature, text, padding.PKCS1v15(), SHA256())

    return verify


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _per_second(check: Callable[[int], None]) -> float:
    started = time.process_time()
    for number in range(PASSPORTS * ROUNDS):
        check(number)
    return PASSPORTS * ROUNDS / (time.process_time() - started)
