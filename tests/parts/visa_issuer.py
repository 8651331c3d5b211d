"""A visa issuer on loopback: publishes its keys, signs what a test tells it to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from joserfc import jws
from joserfc.jwk import ECKey

from gateway.clock import Clock
from tests.parts.wsgi import serving

SOURCE = "https://uni.example.org"
BONA_FIDE = "https://doi.org/10.1038/s41431-018-0219-y"
SUBJECT = "ada"


@dataclass
class VisaIssuer:
    """Signs with `key`; counts the calls for its keys. `status` is what they are answered with."""

    clock: Clock
    port: int = 0
    status: int = 200
    called: int = 0
    key: ECKey = field(default_factory=lambda: ECKey.generate_key("P-256", {"kid": "one"}))

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def jku(self) -> str:
        return f"{self.issuer}/keys"

    def __call__(self, environ: Any, start: Any) -> list[bytes]:
        self.called += 1
        start(f"{self.status} x", [("Content-Type", "application/json")])
        return [json.dumps({"keys": [self.key.as_dict(private=False)]}).encode()]

    def settings(self, **changes: Any) -> dict[str, Any]:
        """The table of `sumun.toml`."""
        rule = {
            "type": "ResearcherStatus", "value": BONA_FIDE, "counts_as": "identity", "level": 3,
            "max_age_days": 30,
        }  # fmt: skip
        training = {
            "type": "AcceptedTermsAndPolicies", "value": "https://uni.example.org/ethics",
            "counts_as": "training", "max_age_days": 365,
        }  # fmt: skip
        return {
            "id": "uni", "name": "한국대학교 비자", "issuer": self.issuer, "jku": [self.jku],
            "sources": [SOURCE], "by": ["so", "system"], "allow_private": True,
            "types": ["ResearcherStatus", "AcceptedTermsAndPolicies", "AffiliationAndRole"],
            "takes": [rule, training],
        } | changes  # fmt: skip

    def visa(self, said: dict[str, Any] | None = None, **changes: Any) -> str:
        """A visa that holds, unless `changes` of its claims or `said` make it otherwise."""
        now = int(self.clock.now().timestamp())
        stated = {
            "type": "ResearcherStatus", "value": BONA_FIDE, "source": SOURCE, "by": "so",
            "asserted": now - 3600,
        } | (said or {})  # fmt: skip
        claims = {
            "iss": self.issuer, "sub": SUBJECT, "jti": "one", "iat": now, "exp": now + 7200,
            "ga4gh_visa_v1": stated,
        } | changes  # fmt: skip
        return self._signed({"typ": "vnd.ga4gh.visa+jwt", "jku": self.jku}, claims)

    def passport(self, *visas: str, **changes: Any) -> str:
        now = int(self.clock.now().timestamp())
        claims = {
            "iss": self.issuer, "sub": SUBJECT, "iat": now, "exp": now + 600,
            "ga4gh_passport_v1": list(visas),
        } | changes  # fmt: skip
        return self._signed({"typ": "vnd.ga4gh.passport+jwt"}, claims)

    def _signed(self, header: dict[str, Any], claims: dict[str, Any]) -> str:
        head = {"alg": "ES256", "kid": "one"} | header
        return jws.serialize_compact(head, json.dumps(claims).encode(), self.key, ["ES256"])


@contextmanager
def issuing(clock: Clock) -> Iterator[VisaIssuer]:
    """An issuer that listens."""
    issuer = VisaIssuer(clock)
    with serving(issuer) as port:
        issuer.port = port
        yield issuer
