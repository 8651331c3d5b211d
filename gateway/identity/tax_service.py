"""The National Tax Service's check of business numbers (odcloud, `nts-businessman` v1).

`POST /v1/status` takes `{"b_no": [...]}` and tells `b_stt_cd` for each: 01 operating, 02 suspended,
03 closed. `POST /v1/validate` takes `{"businesses": [{b_no, start_dt, p_nm}]}` and tells `valid`:
01 the same, 02 not. At most 100 a call. The service key is a query parameter, so addresses and the
errors that quote them are never logged.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import quote

import structlog

from gateway.config import Settings
from gateway.identity.verifier import BusinessState, Match
from gateway.security.outbound import Outbound, Unreachable

MOST = 100
JSON = "application/json"
STATES = {
    "01": BusinessState.OPERATING,
    "02": BusinessState.SUSPENDED,
    "03": BusinessState.CLOSED,
}
MATCHES = {"01": Match.SAME, "02": Match.DIFFERENT}
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class TaxService:
    """The OrganisationVerifier of Korean businesses."""

    url: str
    key: str
    outbound: Outbound

    @classmethod
    def of(cls, settings: Settings) -> TaxService:
        """As configured."""
        outbound = Outbound(settings.outbound_networks)
        key = settings.tax_service_key.get_secret_value()
        return cls(settings.tax_service_url.rstrip("/"), key, outbound)

    @property
    def ready(self) -> bool:
        """Whether there is a service key."""
        return bool(self.key)

    def states(self, numbers: Sequence[str]) -> Mapping[str, BusinessState]:
        """As the protocol; asks for 100 at a time, and a failed call leaves its own unknown."""
        found = dict.fromkeys(numbers, BusinessState.UNKNOWN)
        asked = sorted(found)
        for start in range(0, len(asked), MOST):
            part = asked[start : start + MOST]
            for number, row in self._rows("status", {"b_no": part}, part).items():
                found[number] = STATES.get(_text(row, "b_stt_cd"), BusinessState.UNKNOWN)
        return found

    def matches(self, number: str, opened_on: date, representative: str) -> Match:
        """As the protocol."""
        asked = {"b_no": number, "start_dt": f"{opened_on:%Y%m%d}", "p_nm": representative}
        rows = self._rows("validate", {"businesses": [asked]}, [number])
        return MATCHES.get(_text(rows.get(number, {}), "valid"), Match.UNKNOWN)

    def _rows(
        self, method: str, body: dict[str, Any], asked: Sequence[str]
    ) -> dict[str, dict[str, Any]]:
        """What the service says of each number that was asked for; {} for anything unclear."""
        address = f"{self.url}/v1/{method}?serviceKey={quote(self.key, safe='')}"
        sent = json.dumps(body, ensure_ascii=False).encode()
        try:
            reply = self.outbound.post(address, sent, JSON)
        except Unreachable:
            return self._failed(method, "unreachable")
        if reply.status != 200:
            return self._failed(method, f"status {reply.status}")
        rows = _parsed(reply.body, frozenset(asked))
        return rows if rows is not None else self._failed(method, "malformed")

    def _failed(self, method: str, why: str) -> dict[str, dict[str, Any]]:
        log.warning("tax_service.failed", method=method, why=why)
        return {}


def _parsed(body: bytes, asked: frozenset[str]) -> dict[str, dict[str, Any]] | None:
    """The rows of `data` by number; None unless each speaks of another number that was asked."""
    try:
        rows = json.loads(body)["data"]
        found = {row["b_no"]: row for row in rows}
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    if len(found) != len(rows) or not found.keys() <= asked:
        return None
    return found


def _text(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    return value if isinstance(value, str) else ""
