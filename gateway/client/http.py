"""The API as the client sees it: JSON in, JSON out, problems as exceptions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import quote

import httpx2

from gateway.client.errors import ClientError, Refused

TIMEOUT = httpx2.Timeout(30.0, connect=10.0)
PAGE = 200


@dataclass(frozen=True, slots=True)
class Item:
    """One file of a version; `size` in bytes. A listing may leave the digest out."""

    path: str
    sha256: str | None
    size: int


@dataclass(frozen=True, slots=True)
class SignedUrl:
    """A download address and the file it is for."""

    url: str
    expires_at: str
    version: str
    item: Item


class Api:
    """A connection to one gateway. Use as a context manager; safe to share between threads."""

    def __init__(
        self, server: str, token: str | None = None, transport: httpx2.BaseTransport | None = None
    ) -> None:
        headers = {"Accept": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        self.server = server
        self._http = httpx2.Client(
            base_url=server, headers=headers, timeout=TIMEOUT, transport=transport
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def sign_in(self, account: str, password: str, device: str) -> dict[str, Any]:
        """A new session: `token` and `expires_at`."""
        body = {"account": account, "password": password, "device": device}
        return self.call("POST", "/api/v1/session", json=body)

    def sign_out(self) -> None:
        """End the session of this token."""
        self.call("DELETE", "/api/v1/session")

    def me(self) -> dict[str, Any]:
        """Who this token speaks for."""
        return self.call("GET", "/api/v1/me")

    def datasets(self, query: str) -> Iterator[dict[str, Any]]:
        """Every dataset that matches `query`."""
        return self.pages("/api/v1/datasets", "datasets", {"q": query} if query else {})

    def dataset(self, slug: str) -> dict[str, Any]:
        """One dataset with its versions."""
        return self.call("GET", f"/api/v1/datasets/{quote(slug, safe='')}")

    def can_i(self, slug: str) -> dict[str, Any]:
        """Whether the caller may download it, and the way to a yes."""
        return self.call("GET", f"/api/v1/datasets/{quote(slug, safe='')}/can-i")

    def grants(self) -> Iterator[dict[str, Any]]:
        """One's own grants, newest first."""
        return self.pages("/api/v1/grants", "grants", {})

    def exports(self) -> Iterator[dict[str, Any]]:
        """One's own exports, newest first."""
        return self.pages("/api/v1/exports", "exports", {})

    def items(self, slug: str, version: str, prefix: str = "") -> Iterator[Item]:
        """The files of a version whose paths begin with `prefix`, sorted by path."""
        names = quote(slug, safe=""), quote(version, safe="")
        path = f"/api/v1/datasets/{names[0]}/versions/{names[1]}/items"
        for row in self.pages(path, "items", {"prefix": prefix} if prefix else {}):
            yield _item(row)

    def issue_url(
        self, slug: str, path: str, version: str | None = None, ttl_seconds: int | None = None
    ) -> SignedUrl:
        """A signed download address for one file."""
        body = {"dataset": slug, "path": path, "version": version, "ttl_seconds": ttl_seconds}
        given = {name: value for name, value in body.items() if value is not None}
        found = self.call("POST", "/api/v1/urls", json=given)
        try:
            return SignedUrl(
                str(found["url"]), str(found["expires_at"]), str(found["version"]), _item(found)
            )
        except KeyError as error:
            raise ClientError(f"{self.server} does not answer as a Sumun gateway") from error

    def access_log(self, action: str = "") -> Iterator[dict[str, Any]]:
        """One's own accesses, newest first."""
        return self.pages("/api/v1/access-log", "items", {"action": action} if action else {})

    def access_proof(self, index: int) -> str:
        """The inclusion proof (C2SP tlog-proof) of one of one's own accesses."""
        return self._response("GET", f"/api/v1/access-log/{index}/proof").text

    def call(self, method: str, path: str, **given: Any) -> dict[str, Any]:
        """One call. Raises Refused for a problem, ClientError when nobody answers in JSON."""
        response = self._response(method, path, **given)
        return {} if response.status_code == httpx2.codes.NO_CONTENT else self._object(response)

    def _response(self, method: str, path: str, **given: Any) -> httpx2.Response:
        try:
            response = self._http.request(method, path, **given)
        except httpx2.HTTPError as error:
            raise ClientError(f"{self.server} cannot be reached: {error}") from error
        if response.is_error:
            raise Refused({"status": response.status_code, **self._object(response)})
        return response

    def _object(self, response: httpx2.Response) -> dict[str, Any]:
        try:
            body = response.json()
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise ClientError(
                f"{self.server} answered {response.status_code} without JSON; is it a gateway?"
            )
        return body

    def pages(self, path: str, member: str, query: dict[str, str]) -> Iterator[dict[str, Any]]:
        cursor: str | None = None
        while True:
            more = {"cursor": cursor} if cursor else {}
            found = self.call("GET", path, params={**query, "limit": str(PAGE), **more})
            yield from found.get(member, [])
            cursor = found.get("next")
            if not cursor:
                return


def _item(row: dict[str, Any]) -> Item:
    try:
        size = row["bytes"] if "bytes" in row else row["size"]
        digest = row.get("sha256")
        return Item(str(row["path"]), str(digest) if digest else None, int(size))
    except (KeyError, TypeError, ValueError) as error:
        raise ClientError("the gateway's list of files cannot be read") from error
