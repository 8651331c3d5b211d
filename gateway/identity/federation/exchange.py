"""From a provider's answer to a proven identity: code, tokens, profile.

Code flow with PKCE S256 (RFC 7636) for every provider, `iss` in answers (RFC 9207), one redirect
address for each provider, so that no answer can be handed to another one.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from gateway.clock import Clock
from gateway.errors import OperatorError
from gateway.identity.federation import directory, id_tokens, strict
from gateway.identity.federation.directory import Directory, Metadata
from gateway.identity.federation.refusals import Refusal, Refused
from gateway.provider_settings import ClientAuthentication, IdentityProvider, OrganisationMatch

LONGEST_CODE = 4096
LONGEST_ACCESS_TOKEN = 16 * 1024
LONGEST_NAME = 120
LONGEST_EMAIL = 254
LONGEST_CLAIM = 200
MOST_ORGANISATIONS = 10
MOST_METHODS = 10
MOST_VISAS = 64
LONGEST_VISA = 8 * 1024
VISAS = "ga4gh_passport_v1"
METHOD_LENGTH = 40


@dataclass(frozen=True, slots=True)
class Secrets:
    """What binds one flow to one browser; everything follows from `browser`, which is its cookie.

    The database keeps hashes only, and neither verifier nor nonce.
    """

    browser: str
    state: str

    @property
    def verifier(self) -> str:
        """The PKCE code verifier: 43 characters."""
        return self._derived("verifier")

    @property
    def nonce(self) -> str:
        """What the id_token must repeat."""
        return self._derived("nonce")

    def _derived(self, purpose: str) -> str:
        digest = hmac.digest(self.browser.encode(), f"{purpose}|{self.state}".encode(), "sha256")
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")


@dataclass(frozen=True, slots=True)
class Answer:
    """The query with which a provider sends the browser back."""

    code: str = ""
    state: str = ""
    iss: str | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Proven:
    """Somebody a provider vouches for. `organisations` are values of the configured claim.

    Name and e-mail only fill a form; nothing is ever decided by them. `visas` are signed tokens
    that nobody has looked at yet.
    """

    provider: str
    issuer: str
    subject: str
    signed: bool
    name: str = ""
    email: str = ""
    organisations: tuple[str, ...] = ()
    acr: str = ""
    amr: tuple[str, ...] = field(default=())
    visas: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Exchange:
    """The gateway as the client of one provider."""

    provider: IdentityProvider
    directory: Directory
    redirect_uri: str
    clock: Clock

    def address(self, secrets: Secrets) -> str:
        """Where the person goes to show who they are. Raises Refused."""
        metadata = self.directory.metadata(self.provider)
        extra = {"nonce": secrets.nonce} if self.provider.signed else {}
        found: str = prepare_grant_uri(
            metadata.authorization_endpoint,
            client_id=self.provider.client_id,
            response_type="code",
            redirect_uri=self.redirect_uri,
            scope=" ".join(self.provider.scopes) or None,
            state=secrets.state,
            code_challenge=create_s256_code_challenge(secrets.verifier),
            code_challenge_method="S256",
            **extra,
        )
        return found

    def proven(self, answer: Answer, secrets: Secrets) -> Proven:
        """Who the answer is about. Raises Refused unless everything holds."""
        metadata = self.directory.metadata(self.provider)
        self._issuer(answer, metadata)
        if answer.error:
            cancelled = answer.error == "access_denied"
            raise Refused(Refusal.CANCELLED if cancelled else Refusal.PROVIDER_ERROR)
        if not 0 < len(answer.code) <= LONGEST_CODE:
            raise Refused(Refusal.ANSWER, "no code")
        tokens = self._tokens(metadata, answer, secrets)
        access = self._access_token(tokens)
        if not self.provider.signed:
            return self._profile(access)
        claims = self._claims(tokens, access, secrets)
        if metadata.userinfo_endpoint:
            claims = self._userinfo(metadata.userinfo_endpoint, access, claims) | claims
        return _described(self.provider, claims)

    def _issuer(self, answer: Answer, metadata: Metadata) -> None:
        if answer.iss is None and metadata.names_itself:
            raise Refused(Refusal.ISSUER_MISSING)
        if answer.iss is not None and answer.iss != self.provider.issuer:
            raise Refused(Refusal.ISSUER)

    def _tokens(self, metadata: Metadata, answer: Answer, secrets: Secrets) -> dict[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": answer.code,
            "redirect_uri": self.redirect_uri,
            "code_verifier": secrets.verifier,
        }
        headers, shown = self._authentication()
        if not self.provider.signed:
            # Naver asks for the state again.
            shown = shown | {"state": secrets.state}
        body = urlencode(form | shown).encode()
        url = metadata.token_endpoint
        return directory.fetch(self.provider, url, Refusal.TOKEN_ANSWER, headers, body)

    def _authentication(self) -> tuple[dict[str, str], dict[str, str]]:
        """Headers and form fields that show the gateway to the provider."""
        try:
            client_id, secret = self.provider.client_id, self.provider.secret()
        except OperatorError as error:
            raise Refused(Refusal.UNREACHABLE, str(error)) from error
        if self.provider.authentication is ClientAuthentication.POST:
            return {}, {"client_id": client_id, "client_secret": secret}
        # RFC 6749 §2.3.1: both are form-encoded before they are joined.
        pair = f"{quote(client_id, safe='')}:{quote(secret, safe='')}"
        return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}, {}

    def _access_token(self, tokens: Mapping[str, Any]) -> str:
        found = strict.text(tokens.get("access_token"), LONGEST_ACCESS_TOKEN)
        kind = tokens.get("token_type")
        if (
            not found
            or not found.isascii()
            or not isinstance(kind, str)
            or kind.lower() != "bearer"
        ):
            raise Refused(Refusal.TOKEN_ANSWER, "no bearer token")
        return found

    def _claims(self, tokens: Mapping[str, Any], access: str, secrets: Secrets) -> dict[str, Any]:
        token = tokens.get("id_token")
        if not isinstance(token, str) or not token:
            raise Refused(Refusal.NO_ID_TOKEN)
        provider = self.provider
        expected = id_tokens.Expected(
            provider.issuer, provider.client_id, secrets.nonce, provider.algorithms, access,
            self.clock.now(),
        )  # fmt: skip
        return id_tokens.verify(
            token, expected, lambda kid, algorithm: self.directory.key(provider, kid, algorithm)
        )

    def _userinfo(self, url: str, access: str, claims: Mapping[str, Any]) -> dict[str, Any]:
        found = self._bearer(url, access)
        if found.get("sub") != claims["sub"]:
            raise Refused(Refusal.USERINFO)
        # Whether an address is verified is said of the address beside it, not of another one.
        beside = {"email", "email_verified"} if "email" in claims else set()
        return {name: value for name, value in found.items() if name not in beside}

    def _profile(self, access: str) -> Proven:
        """Naver's profile: `{"resultcode": "00", "response": {"id": …}}`, over TLS but unsigned."""
        found = self._bearer(self.provider.profile_endpoint, access)
        profile = found.get("response")
        if found.get("resultcode") != "00" or not isinstance(profile, dict):
            raise Refused(Refusal.USERINFO)
        return _described(self.provider, {**profile, "sub": profile.get("id")})

    def _bearer(self, url: str, access: str) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {access}"}
        return directory.fetch(self.provider, url, Refusal.USERINFO, headers)


def _described(provider: IdentityProvider, claims: Mapping[str, Any]) -> Proven:
    given, family = claims.get("given_name"), claims.get("family_name")
    joined = " ".join(part for part in (given, family) if isinstance(part, str))
    return Proven(
        provider.id,
        provider.issuer,
        id_tokens.subject(claims),
        provider.signed,
        strict.text(claims.get("name"), LONGEST_NAME) or strict.text(joined, LONGEST_NAME),
        strict.text(claims.get("email"), LONGEST_EMAIL),
        _organisations(provider, claims),
        strict.text(claims.get("acr"), METHOD_LENGTH),
        _texts(claims.get("amr"), METHOD_LENGTH)[:MOST_METHODS],
        _texts(claims.get(VISAS), LONGEST_VISA)[:MOST_VISAS],
    )


def _organisations(provider: IdentityProvider, claims: Mapping[str, Any]) -> tuple[str, ...]:
    name = provider.organisation_claim
    # An address says where somebody can be reached only if the provider has made sure of it.
    if not name or (name == "email" and claims.get("email_verified") is not True):
        return ()
    found = _texts(claims.get(name), LONGEST_CLAIM)
    if provider.organisation_match is OrganisationMatch.DOMAIN:
        found = tuple(value.rpartition("@")[2].lower() for value in found)
    known = (value for value in dict.fromkeys(found) if value in provider.organisations)
    return tuple(known)[:MOST_ORGANISATIONS]


def _texts(value: Any, longest: int) -> tuple[str, ...]:
    listed = value if isinstance(value, list) else [value]
    return tuple(text for text in (strict.text(each, longest) for each in listed) if text)
