"""A request to the provider, as Authlib reads it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from authlib.oauth2.rfc6749 import OAuth2Request
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from werkzeug.datastructures import MultiDict

# What an error may say (RFC 6749 5.2), and the parameters that Authlib repeats in one.
PLAIN = re.compile(r"[\x20\x21\x23-\x5B\x5D-\x7E]*")
ECHOED = ("client_id", "redirect_uri", "response_type", "grant_type", "scope")


class Asked(OAuth2Request):  # type: ignore[misc]
    """A request whose parameters come from one place, each at most once."""

    def __init__(
        self, method: str, url: str, headers: Mapping[str, str], values: MultiDict[str, str]
    ) -> None:
        super().__init__(method, url, headers=headers)
        repeated = [name for name in values if len(values.getlist(name)) > 1]
        zeros = [name for name, value in values.items() if "\x00" in name + value]
        self.values = values.to_dict()
        self.payload = BasicOAuth2Payload(self.values)
        self.unspeakable = not all(PLAIN.fullmatch(self.values.get(name, "")) for name in ECHOED)
        self.malformed = bool(repeated or zeros)
        self.proofs: list[str] = []
        self.jkt: str | None = None

    @property
    def form(self) -> dict[str, str]:
        return self.values

    @property
    def args(self) -> dict[str, str]:
        return self.values
