"""Signing in without a password on this machine: the device flow (RFC 8628), bound to a key."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx2

from gateway.client.address import NO_PROXY_IN_PLAIN, checked
from gateway.client.errors import ClientError, Unreachable
from gateway.client.proof import Prover

CLIENT_ID = "sumun-cli"
SCOPE = "profile email organisation read write download access_log offline_access"
GRANT = "urn:ietf:params:oauth:grant-type:device_code"
SLOWER = 5
WAITING = frozenset({"authorization_pending", "slow_down"})
WHY = {
    "access_denied": "the sign-in was refused in the browser",
    "expired_token": "the code has run out; run: sumun login",
    "invalid_grant": "the gateway has ended this sign-in; run: sumun login",
}


@dataclass(frozen=True, slots=True)
class Waiting:
    """What the person must open and type. `interval` is in seconds."""

    address: str
    address_with_code: str
    code: str
    device_code: str
    interval: int
    expires_in: int


@dataclass(frozen=True, slots=True)
class Tokens:
    """What the gateway issued; `expires_in` is in seconds."""

    access: str
    refresh: str
    expires_in: int


class Provider:
    """The OAuth endpoints of one gateway, as the command uses them."""

    def __init__(self, server: str, key: str, transport: httpx2.BaseTransport | None = None):
        self.server = server
        self._http = httpx2.Client(
            base_url=checked(server),
            auth=Prover(key),
            timeout=httpx2.Timeout(30.0, connect=10.0),
            transport=transport,
            follow_redirects=False,
            mounts=NO_PROXY_IN_PLAIN,
        )

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def begin(self) -> Waiting:
        """Ask for a code that the person types in a browser anywhere."""
        found = self._post("device_authorization", {"client_id": CLIENT_ID, "scope": SCOPE})
        try:
            return Waiting(
                str(found["verification_uri"]),
                str(found.get("verification_uri_complete", found["verification_uri"])),
                str(found["user_code"]),
                str(found["device_code"]),
                int(found["interval"]),
                int(found["expires_in"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise _strange(self.server) from error

    def wait(self, waiting: Waiting, sleep: Callable[[float], object] = time.sleep) -> Tokens:
        """Poll until the person has answered. Raises ClientError for a no or no answer."""
        interval, left = waiting.interval, float(waiting.expires_in)
        while left > 0:
            sleep(interval)
            left -= interval
            body = {"grant_type": GRANT, "device_code": waiting.device_code}
            found = self._post("token", body | {"client_id": CLIENT_ID}, WAITING)
            if "error" not in found:
                return _tokens(self.server, found)
            interval += SLOWER if found["error"] == "slow_down" else 0
        raise ClientError(WHY["expired_token"])

    def refresh(self, token: str) -> Tokens:
        """New tokens for a refresh token, which is worthless afterwards."""
        body = {"grant_type": "refresh_token", "refresh_token": token, "client_id": CLIENT_ID}
        return _tokens(self.server, self._post("token", body))

    def _post(
        self, endpoint: str, body: dict[str, str], expected: frozenset[str] = frozenset()
    ) -> dict[str, Any]:
        try:
            response = self._http.post(f"/oauth2/{endpoint}", data=body)
            found = response.json()
        except httpx2.HTTPError as error:
            raise Unreachable(f"{self.server} cannot be reached: {error}") from error
        except ValueError as error:
            raise _strange(self.server) from error
        if not isinstance(found, dict):
            raise _strange(self.server)
        error_code = str(found.get("error") or found.get("code") or "")
        if response.is_success or error_code in expected:
            return found
        raise ClientError(WHY.get(error_code, f"{self.server} refused to sign in [{error_code}]"))


def _tokens(server: str, found: dict[str, Any]) -> Tokens:
    try:
        return Tokens(
            str(found["access_token"]), str(found["refresh_token"]), int(found["expires_in"])
        )
    except (KeyError, TypeError, ValueError) as error:
        raise _strange(server) from error


def _strange(server: str) -> ClientError:
    return ClientError(f"{server} does not answer as a Sumun gateway")
