"""An identity-check agency that speaks the plain format of docs/crowd-work.md.

`POST /v1/checks` with `{"return_url"}` answers 201 `{"check", "start_url"}`, and
`GET /v1/checks/<check>` 200 `{"check", "status", "name", "ci", "level", "checked_at"}`. Both carry
the key as `Authorization: Bearer`. Real agencies stand behind a small adapter of this form.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlsplit

from gateway.config import Settings
from gateway.identity.identity_verifier import CheckDeclined, CheckFailed, Started, Verified
from gateway.identity.service_attestations import HIGHEST_LEVEL
from gateway.security.outbound import Outbound, Reply, Unreachable

# 64 bytes in base64: the length that the agencies agreed on.
CI = re.compile(r"[A-Za-z0-9+/]{86}==")
REFERENCE = re.compile(r"[A-Za-z0-9._-]{1,100}")
PASSED = "passed"


@dataclass(frozen=True, slots=True)
class Agency:
    """The IdentityVerifier behind SUMUN_IDENTITY_CHECK_URL."""

    url: str
    key: str
    outbound: Outbound

    @classmethod
    def of(cls, settings: Settings) -> Agency:
        """As configured."""
        key = settings.identity_check_key.get_secret_value()
        return cls(
            settings.identity_check_url.rstrip("/"), key, Outbound(settings.outbound_networks)
        )

    @property
    def ready(self) -> bool:
        """Whether there are an address and a key."""
        return bool(self.url and self.key)

    @property
    def name(self) -> str:
        """How the record names it: its host."""
        return urlsplit(self.url).hostname or ""

    def start(self, return_address: str) -> Started:
        """As the protocol; the start address must be the agency's own."""
        body = json.dumps({"return_url": return_address}).encode()
        told = _object(self._call("POST", "/v1/checks", body), 201)
        reference, address = _text(told, "check"), _text(told, "start_url")
        if not REFERENCE.fullmatch(reference) or _origin(address) != _origin(self.url):
            raise CheckFailed("the check was begun elsewhere")
        return Started(reference, address)

    def result(self, reference: str) -> Verified:
        """As the protocol."""
        path = f"/v1/checks/{quote(reference, safe='')}"
        told = _object(self._call("GET", path, None), 200)
        if _text(told, "check") != reference:
            raise CheckFailed("the answer is about another check")
        if _text(told, "status") != PASSED:
            raise CheckDeclined("the agency did not pass the check")
        ci = _text(told, "ci")
        if not CI.fullmatch(ci):
            raise CheckFailed("the answer has no CI")
        return Verified(self.name, _level(told), _moment(told), _text(told, "name"), ci)

    def _call(self, method: str, path: str, body: bytes | None) -> Reply:
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        try:
            return self.outbound.send(method, self.url + path, body, headers)
        except Unreachable as error:
            raise CheckFailed("unreachable") from error


def _object(reply: Reply, status: int) -> dict[str, Any]:
    if reply.status != status:
        raise CheckFailed(f"status {reply.status}")
    try:
        found = json.loads(reply.body)
    except (ValueError, RecursionError) as error:
        raise CheckFailed("malformed") from error
    if not isinstance(found, dict):
        raise CheckFailed("malformed")
    return found


def _text(told: dict[str, Any], name: str) -> str:
    value = told.get(name)
    return value if isinstance(value, str) else ""


def _level(told: dict[str, Any]) -> int:
    level = told.get("level")
    if type(level) is not int or not 1 <= level <= HIGHEST_LEVEL:
        raise CheckFailed("the level is unknown")
    return level


def _moment(told: dict[str, Any]) -> datetime:
    try:
        moment = datetime.fromisoformat(_text(told, "checked_at"))
    except ValueError as error:
        raise CheckFailed("the time is unknown") from error
    if moment.tzinfo is None:
        raise CheckFailed("the time has no zone")
    return moment


def _origin(address: str) -> tuple[str, str]:
    try:
        parts = urlsplit(address)
        return parts.scheme, parts.netloc
    except ValueError:
        return "", ""
