"""Scopes, algorithms and lifetimes of the provider: what clients may ask for, and for how long."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Final

ACCESS_PREFIX: Final = "sat_"
REFRESH_PREFIX: Final = "srt_"
REQUEST_URI_PREFIX: Final = "urn:ietf:params:oauth:request_uri:"
DEVICE_GRANT: Final = "urn:ietf:params:oauth:grant-type:device_code"
EXCHANGE_GRANT: Final = "urn:ietf:params:oauth:grant-type:token-exchange"
ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

MACHINE_AMR: Final = "swk"
"""What the session of a machine rests on: a key in software (RFC 8176)."""

# Symmetric algorithms and `none` are absent: what verifies must never be able to sign.
CLIENT_ALGORITHMS: Final = ("ES256", "RS256", "PS256")

ACCESS_LIFE: Final = timedelta(hours=1)
CODE_LIFE: Final = timedelta(seconds=60)
PUSHED_LIFE: Final = timedelta(seconds=90)
DEVICE_LIFE: Final = timedelta(minutes=10)
DEVICE_INTERVAL: Final = 5
REFRESH_IDLE: Final = timedelta(days=30)
SESSION_LIFE: Final = timedelta(days=90)
ID_TOKEN_LIFE: Final = timedelta(minutes=10)
SKEW: Final = timedelta(seconds=30)


class Scope(StrEnum):
    """What a token allows. No scope carries a staff role: those act through the browser."""

    OPENID = "openid"
    PROFILE = "profile"
    EMAIL = "email"
    ORGANISATION = "organisation"
    OFFLINE_ACCESS = "offline_access"
    READ = "read"
    WRITE = "write"
    DOWNLOAD = "download"
    ACCESS_LOG = "access_log"
    PASSPORT = "ga4gh_passport_v1"


MACHINE_SCOPES: Final = frozenset({Scope.READ, Scope.WRITE, Scope.DOWNLOAD})


class Grant(StrEnum):
    """The grants of the token endpoint."""

    CODE = "authorization_code"
    REFRESH = "refresh_token"
    CLIENT_CREDENTIALS = "client_credentials"
    DEVICE = DEVICE_GRANT
    EXCHANGE = EXCHANGE_GRANT


def scopes(text: str) -> frozenset[str]:
    """The words of a scope value."""
    return frozenset(text.split())


def joined(words: frozenset[str]) -> str:
    """A scope value in the order of `Scope`."""
    return " ".join(each for each in Scope if each in words)
