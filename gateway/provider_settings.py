"""Outside identity providers as `sumun.toml` describes them: `[[identity_providers]]` tables.

What is pinned here is pinned for good: the issuer, the algorithms, the way the client shows itself.
A provider's own metadata may narrow that, never widen it.
"""

from __future__ import annotations

import ipaddress
import re
import stat
import uuid
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from gateway.errors import OperatorError

_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
LOCAL_NAME = "localhost"
MAX_SECRET_BYTES = 4096
Label = Annotated[str, Field(min_length=1, max_length=60)]
Algorithm = Literal["RS256", "ES256", "PS256", "EdDSA"]


def _plain(value: str) -> str:
    if not _ID.fullmatch(value):
        raise ValueError("write 1 to 32 of a-z, 0-9 and hyphens")
    return value


Id = Annotated[str, AfterValidator(_plain)]


class ProviderKind(StrEnum):
    """Which settings are ready. `naver` is OAuth 2.0 with a profile, without a signed answer."""

    ORCID = "orcid"
    KEYCLOAK = "keycloak"
    KAKAO = "kakao"
    NAVER = "naver"
    OIDC = "oidc"


class ClientAuthentication(StrEnum):
    """How the gateway shows its secret at the token endpoint (RFC 6749 §2.3.1)."""

    BASIC = "client_secret_basic"
    POST = "client_secret_post"


class OrganisationMatch(StrEnum):
    """What of the claim names the organisation: all of it, or what stands after its last @."""

    VALUE = "value"
    DOMAIN = "domain"


READY: dict[str, dict[str, Any]] = {
    ProviderKind.ORCID: {
        "issuer": "https://orcid.org", "label_ko": "ORCID", "label_en": "ORCID",
        "authentication": ClientAuthentication.POST, "algorithms": ("RS256",),
        "scopes": ("openid",),
    },
    ProviderKind.KEYCLOAK: {},
    ProviderKind.KAKAO: {
        "issuer": "https://kauth.kakao.com", "label_ko": "카카오", "label_en": "Kakao",
        "authentication": ClientAuthentication.POST, "algorithms": ("RS256",),
        "scopes": ("openid",),
    },
    ProviderKind.NAVER: {
        "issuer": "https://nid.naver.com", "label_ko": "네이버", "label_en": "Naver",
        "authentication": ClientAuthentication.POST, "scopes": (),
        "authorization_endpoint": "https://nid.naver.com/oauth2.0/authorize",
        "token_endpoint": "https://nid.naver.com/oauth2.0/token",
        "profile_endpoint": "https://openapi.naver.com/v1/nid/me",
    },
    ProviderKind.OIDC: {},
}  # fmt: skip


class IdentityProvider(BaseModel):
    """One outside provider. Addresses are https; http only on loopback with `allow_private`.

    `organisations` maps a value of `organisation_claim` to the organisation's id in the gateway.
    The three endpoints are given for `naver` only: everybody else publishes metadata.
    """

    # Input stays out of errors: it may be a secret.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    id: Id
    kind: ProviderKind = ProviderKind.OIDC
    label_ko: Label
    label_en: Label
    issuer: str
    client_id: Annotated[str, Field(min_length=1, max_length=255)]
    client_secret: SecretStr | None = None
    client_secret_file: Path | None = None
    authentication: ClientAuthentication = ClientAuthentication.BASIC
    algorithms: Annotated[tuple[Algorithm, ...], Field(min_length=1)] = (
        "RS256", "ES256", "PS256", "EdDSA",
    )  # fmt: skip
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    userinfo: bool = False
    allow_private: bool = False
    organisation_claim: str = ""
    organisation_match: OrganisationMatch = OrganisationMatch.VALUE
    organisations: dict[str, uuid.UUID] = {}
    authorization_endpoint: str = ""
    token_endpoint: str = ""
    profile_endpoint: str = ""

    @model_validator(mode="before")
    @classmethod
    def _ready(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        kind = given.get("kind", ProviderKind.OIDC)
        return (READY.get(kind, {}) if isinstance(kind, str) else {}) | given

    @model_validator(mode="after")
    def _whole(self) -> IdentityProvider:
        if (self.client_secret is None) == (self.client_secret_file is None):
            raise ValueError("give either client_secret or client_secret_file")
        own = (self.authorization_endpoint, self.token_endpoint, self.profile_endpoint)
        if self.signed == any(own) or not (self.signed or all(own)):
            raise ValueError("kind naver has three endpoints of its own, every other kind none")
        if self.signed and "openid" not in self.scopes:
            raise ValueError("scopes must name openid")
        if not self.signed and self.organisation_claim:
            raise ValueError("an unsigned answer vouches for no organisation")
        if bool(self.organisation_claim) != bool(self.organisations):
            raise ValueError("give organisation_claim and organisations together")
        for url in (self.issuer, *filter(None, own)):
            self.check(url)
        return self

    @property
    def signed(self) -> bool:
        """Whether it vouches for a person by a signed id_token."""
        return self.kind is not ProviderKind.NAVER

    def label(self, language: str) -> str:
        """Its name on pages in "ko" or "en"."""
        return self.label_ko if language == "ko" else self.label_en

    def check(self, url: str) -> str:
        """`url` if the gateway may call it, or send people there. Raises ValueError."""
        parts = urlsplit(url)
        plain = url.isascii() and url.isprintable() and " " not in url
        if not plain or not parts.hostname or parts.username is not None or parts.fragment:
            raise ValueError("an address is plain ASCII with a host, no user and no fragment")
        parts.port  # noqa: B018 — reading it raises ValueError for what is no port
        local = self.allow_private and parts.scheme == "http" and is_loopback(parts.hostname)
        if parts.scheme != "https" and not local:
            raise ValueError("an address is https, or http on loopback with allow_private")
        return url

    def secret(self) -> str:
        """The client secret. Raises OperatorError for a file that is missing or open to others."""
        if self.client_secret is not None:
            return self.client_secret.get_secret_value()
        path = Path(str(self.client_secret_file))
        try:
            if stat.S_IMODE(path.stat().st_mode) & 0o077:
                raise OperatorError(f"{path} is readable by others; run: chmod 600 {path}")
            found = path.read_bytes()[:MAX_SECRET_BYTES].decode("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise OperatorError(f"the secret of {self.id} cannot be read from {path}") from error
        if not found:
            raise OperatorError(f"{path} is empty; it should hold the secret of {self.id}")
        return found


def is_loopback(host: str) -> bool:
    """Whether a host is this machine."""
    if host == LOCAL_NAME:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
