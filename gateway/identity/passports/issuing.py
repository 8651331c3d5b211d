"""Signs visas and the passport that holds them (GA4GH AAI 1.2, Passport 1.2).

Visas are document tokens: their header names with `jku` where our keys are. `sub` is the same as in
our id_tokens, and the algorithm that of the client's id_tokens, so nothing new has to be learnt.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from gateway.identity.oauth.keys import Algorithm, SigningKeys
from gateway.identity.passports.assertions import Assertion
from gateway.identity.passports.vocabulary import (
    PASSPORT_CLAIM,
    PASSPORT_LIFE,
    PASSPORT_TYP,
    VISA_CLAIM,
    VISA_LIFE,
    VISA_TYP,
)


@dataclass(frozen=True, slots=True)
class Press:
    """Keys, name, algorithm and time with which one passport is made."""

    keys: SigningKeys
    issuer: str
    algorithm: Algorithm
    now: datetime

    def visa(self, person_id: uuid.UUID, said: Assertion) -> str:
        """One visa: an hour at most, and never longer than what it states."""
        ends = self.now + VISA_LIFE
        claims = {
            "iss": self.issuer,
            "sub": str(person_id),
            "jti": str(uuid.uuid4()),
            "iat": int(self.now.timestamp()),
            "exp": int(min(ends, said.until or ends).timestamp()),
            VISA_CLAIM: {
                "type": str(said.type),
                "asserted": int(said.asserted_at.timestamp()),
                "value": said.value,
                "source": said.source,
                "by": str(said.by),
            },
        }
        jku = f"{self.issuer}/oauth2/jwks"
        return self.keys.sign(claims, self.algorithm, VISA_TYP, jku)

    def passport(
        self, person_id: uuid.UUID, jti: uuid.UUID, visas: Sequence[str], resource: str = ""
    ) -> str:
        """The passport; with `resource` it is for that place alone (`aud`)."""
        claims = {
            "iss": self.issuer,
            "sub": str(person_id),
            "jti": str(jti),
            "iat": int(self.now.timestamp()),
            "exp": int((self.now + PASSPORT_LIFE).timestamp()),
            PASSPORT_CLAIM: list(visas),
        }
        if resource:
            claims["aud"] = [resource]
        return self.keys.sign(claims, self.algorithm, PASSPORT_TYP)
