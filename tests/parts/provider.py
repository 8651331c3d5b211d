"""An OpenID provider on loopback that is honest until a test makes it lie."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from gateway.clock import Clock
from tests.parts.wsgi import serving

CLIENT_ID, CLIENT_SECRET = "sumun", "shared between the two"
SUBJECT = "0000-0002-1825-0097"
ACCESS_TOKEN = "an-access-token"
Change = Callable[[Any], Any]


def _same(value: Any) -> Any:
    return value


@dataclass
class Lies:
    """What a test changes; each gets the honest value and gives back what is sent."""

    metadata: Change = _same
    header: Change = _same
    claims: Change = _same
    token: Change = _same
    keys: Change = _same
    answer: Change = _same
    reply: Change = _same
    userinfo: Change = _same
    back: Change = _same
    signing_key: Any = None


@dataclass
class Provider:
    """Keeps what it was asked, and answers as `lies` have it."""

    clock: Clock
    lies: Lies = field(default_factory=Lies)
    port: int = 0
    asked: dict[str, str] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    key: Any = field(
        default_factory=lambda: own_rsa()  # noqa: PLW0108 — defined below
    )
    name: str = "홍길동"

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def send_back(self, address: str) -> str:
        """What the browser brings home after the person has signed in here: the query."""
        given = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        self.asked = given
        query = {"code": "good-code", "state": given["state"], "iss": self.issuer}
        return urlencode(self.lies.back(query), doseq=True)

    def __call__(self, environ: Any, start: Any) -> list[bytes]:
        path = environ["PATH_INFO"]
        self.requests.append(path)
        size = int(environ.get("CONTENT_LENGTH") or 0)
        body = environ["wsgi.input"].read(size).decode()
        found = {
            "/.well-known/openid-configuration": self._metadata,
            "/authorize": lambda: self._authorize(environ["QUERY_STRING"]),
            "/token": lambda: self._token(body, environ.get("HTTP_AUTHORIZATION", "")),
            "/jwks": self._jwks,
            "/userinfo": self._userinfo,
            "/profile": self._profile,
        }
        status, headers, data = found[path]() if path in found else (404, {}, {})
        status, headers, sent = self._sent(status, headers, path, data)
        start(f"{status} x", list(({"Content-Type": "application/json"} | headers).items()))
        return [sent]

    def _sent(self, status: int, headers: dict[str, str], path: str, data: Any) -> Any:
        status, headers, _path, data = self.lies.reply((status, headers, path, data))
        return status, headers, data if isinstance(data, bytes) else json.dumps(data).encode()

    def _authorize(self, query: str) -> Any:
        """For browsers: whoever comes is known, and goes home at once."""
        home = parse_qs(query)["redirect_uri"][0]
        return 302, {"Location": f"{home}?{self.send_back(f'?{query}')}"}, {}

    def _metadata(self) -> Any:
        honest = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "code_challenge_methods_supported": ["S256"],
            "id_token_signing_alg_values_supported": ["RS256", "ES256"],
            "authorization_response_iss_parameter_supported": True,
        }
        return 200, {}, self.lies.metadata(honest)

    def _jwks(self) -> Any:
        return 200, {}, self.lies.keys({"keys": [self.key.as_dict(private=False)]})

    def _token(self, body: str, authorization: str) -> Any:
        form = {name: values[0] for name, values in parse_qs(body).items()}
        if not self._known(form, authorization) or form.get("code") != "good-code":
            return 400, {}, {"error": "invalid_grant"}
        answer = {"access_token": ACCESS_TOKEN, "token_type": "Bearer", "expires_in": 300}
        return 200, {}, self.lies.answer(answer | {"id_token": self._id_token()})

    def _known(self, form: dict[str, str], authorization: str) -> bool:
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        basic = base64.b64encode(f"{CLIENT_ID}:shared%20between%20the%20two".encode()).decode()
        shown = authorization == f"Basic {basic}" or form.get("client_secret") == CLIENT_SECRET
        return shown and challenge == self.asked["code_challenge"]

    def _id_token(self) -> str:
        claims = self.lies.claims(self.honest_claims())
        header = self.lies.header({"alg": "RS256", "kid": "one"})
        key = self.lies.signing_key or self.key
        token = jwt.encode(header, claims, key, algorithms=[header["alg"]])
        return str(self.lies.token(token))

    def honest_claims(self) -> dict[str, Any]:
        now = int(self.clock.now().timestamp())
        return {
            "iss": self.issuer, "sub": SUBJECT, "aud": CLIENT_ID, "nonce": self.asked.get("nonce"),
            "iat": now, "exp": now + 300, "name": self.name, "email": "hong@snu.ac.kr",
            "email_verified": True, "amr": ["pwd", "otp"], "acr": "urn:example:2",
        }  # fmt: skip

    def _userinfo(self) -> Any:
        return 200, {}, self.lies.userinfo({"sub": SUBJECT, "email": "hong@snu.ac.kr"})

    def _profile(self) -> Any:
        honest = {
            "resultcode": "00",
            "message": "success",
            "response": {"id": "naver-1", "name": self.name},
        }
        return 200, {}, self.lies.userinfo(honest)


@contextmanager
def providing(clock: Clock) -> Iterator[Provider]:
    """A provider that listens."""
    provider = Provider(clock)
    with serving(provider) as port:
        provider.port = port
        yield provider


@cache
def own_rsa() -> RSAKey:
    """The key that the provider signs with; made once, since that is slow."""
    return RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})


@cache
def other_rsa() -> RSAKey:
    """A key that the provider never published, under the id of the one it did."""
    return RSAKey.generate_key(2048, {"kid": "one"})


def ec_key(kid: str) -> ECKey:
    return ECKey.generate_key("P-256", {"kid": kid})
