"""Proof of possession for the client's tokens (RFC 9449): each request carries a proof of a key
that never leaves this machine, so a token that is copied is worth nothing."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Generator
from dataclasses import dataclass, field

import httpx2
from joserfc import jwt
from joserfc.jwk import ECKey

from gateway.client.errors import ClientError

ALGORITHM = "ES256"
NONCE = "DPoP-Nonce"


def new_key() -> str:
    """A fresh private key as JSON."""
    return json.dumps(ECKey.generate_key("P-256").as_dict(private=True))


@dataclass
class Prover(httpx2.Auth):
    """Signs what a key sends; `token` is empty where none is needed yet. Learns the nonce."""

    key_json: str
    token: str = ""
    _nonce: str = ""
    _key: ECKey = field(init=False)

    def __post_init__(self) -> None:
        try:
            self._key = ECKey.import_key(json.loads(self.key_json))
        except ValueError as error:
            raise ClientError("the stored key cannot be read; run: sumun login") from error

    def auth_flow(
        self, request: httpx2.Request
    ) -> Generator[httpx2.Request, httpx2.Response, None]:
        """Send with a proof, once more where the gateway asks for its nonce."""
        self._sign(request)
        response = yield request
        asked = self._asks_for_nonce(response)
        self._nonce = response.headers.get(NONCE, self._nonce)
        if asked:
            self._sign(request)
            yield request

    def _sign(self, request: httpx2.Request) -> None:
        claims = {
            "htm": request.method,
            "htu": str(request.url.copy_with(query=None, fragment=None)),
            "jti": secrets.token_urlsafe(16),
            "iat": int(time.time()),
        }
        if self._nonce:
            claims["nonce"] = self._nonce
        if self.token:
            claims["ath"] = _url64(hashlib.sha256(self.token.encode()).digest())
            request.headers["Authorization"] = f"DPoP {self.token}"
        header = {"alg": ALGORITHM, "typ": "dpop+jwt", "jwk": self._key.as_dict(private=False)}
        request.headers["DPoP"] = jwt.encode(header, claims, self._key, [ALGORITHM])

    def _asks_for_nonce(self, response: httpx2.Response) -> bool:
        if response.status_code not in {400, 401} or NONCE not in response.headers:
            return False
        if response.status_code == 401:
            return "use_dpop_nonce" in response.headers.get("WWW-Authenticate", "")
        # The token endpoint says it in its body, which was not read yet.
        return response.headers[NONCE] != self._nonce


def _url64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
