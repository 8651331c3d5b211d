"""The API as the client sees it: JSON in, JSON out, problems as exceptions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Self
from urllib.parse import quote

import httpx2

from gateway.client.address import NO_PROXY_IN_PLAIN, checked
from gateway.client.errors import ClientError, Refused, Unreachable
from gateway.client.patience import patiently, retry_after

TIMEOUT = httpx2.Timeout(30.0, connect=10.0)
PAGE = 200
BUSY = frozenset({502, 503, 504})
SHA256 = re.compile(r"[0-9a-f]{64}")


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
    """A connection to one gateway. Use as a context manager; safe to share between threads.

    Raises ClientError for an address that is neither https nor this machine. Redirects are
    never followed, so the token stays with the gateway it is meant for.
    """

    def __init__(
        self,
        server: str,
        token: str | None = None,
        transport: httpx2.BaseTransport | None = None,
        auth: httpx2.Auth | None = None,
    ) -> None:
        headers = {"Accept": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        address = checked(server)
        self.server = server
        self._http = httpx2.Client(
            base_url=address,
            headers=headers,
            auth=auth,
            timeout=TIMEOUT,
            transport=transport,
            follow_redirects=False,
            mounts=NO_PROXY_IN_PLAIN,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def sign_in(self, account: str, password: str, device: str, code: str = "") -> dict[str, Any]:
        """A new session: `token` and `expires_at`. `code` is that of a second factor."""
        body = {"account": account, "password": password, "device": device}
        body |= {"code": code} if code else {}
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
        query = {"prefix": prefix} if prefix else {}
        for row in self.pages(path, "items", query, patient=True):
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
            raise Unreachable(f"{self.server} cannot be reached: {error}") from error
        if response.is_redirect:
            there = response.headers.get("Location", "")
            raise ClientError(f"{self.server} points to {there}; if that is right, name it instead")
        if response.is_error:
            raise self._refused(response)
        return response

    def _refused(self, response: httpx2.Response) -> ClientError:
        status, pause = response.status_code, retry_after(response)
        try:
            return Refused({**self._object(response), "status": status}, pause)
        except ClientError as error:
            # A proxy says in its own words that the gateway behind it is starting or stopping.
            return Unreachable(str(error)) if status in BUSY else error

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

    def pages(
        self, path: str, member: str, query: dict[str, str], *, patient: bool = False
    ) -> Iterator[dict[str, Any]]:
        """Every row of a list, page by page; a patient one outlasts a gateway that restarts."""
        cursor: str | None = None
        while True:
            more = {"cursor": cursor} if cursor else {}
            ask = partial(self.call, "GET", path, params={**query, "limit": str(PAGE), **more})
            found = patiently(ask) if patient else ask()
            yield from found.get(member, [])
            cursor = found.get("next")
            if not cursor:
                return


def _item(row: dict[str, Any]) -> Item:
    try:
        size = row["bytes"] if "bytes" in row else row["size"]
        return Item(str(row["path"]), digest_of(row.get("sha256")), int(size))
    except (KeyError, TypeError, ValueError) as error:
        raise ClientError("the gateway's list of files cannot be read") from error


def digest_of(value: Any) -> str | None:
    """A SHA-256 in hexadecimal, or None for none. Raises ValueError for anything else."""
    if value is None:
        return None
    if not SHA256.fullmatch(str(value)):
        raise ValueError("not a SHA-256")
    return str(value)
