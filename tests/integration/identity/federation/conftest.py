"""A gateway with a provider that lies as a test wants."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from flask.testing import FlaskClient

from gateway.clock import FixedClock
from gateway.config import Settings
from gateway.provider_settings import IdentityProvider
from tests.parts.provider import CLIENT_ID, CLIENT_SECRET, Provider, providing
from tests.people import post

ID = "campus"


@dataclass(frozen=True)
class Traveller:
    """One browser that goes to the provider and comes back."""

    client: FlaskClient
    provider: Provider

    def leave(self, path: str = f"/sign-in/with/{ID}", **fields: Any) -> str:
        """Go to the provider; the address there."""
        answer = post(self.client, path, **fields)
        assert answer.status_code == 200, answer.text
        return str(answer.headers["Refresh"]).removeprefix("0;url=")

    def come_back(self, address: str) -> Any:
        """Bring the provider's answer home."""
        query = self.provider.send_back(address)
        return self.client.get(f"/sign-in/with/{ID}/back?{query}")

    def go(self, path: str = f"/sign-in/with/{ID}", **fields: Any) -> Any:
        """There and back."""
        return self.come_back(self.leave(path, **fields))

    @property
    def signed_in(self) -> bool:
        return self.client.get("/account").status_code == 200


@pytest.fixture
def provider(clock: FixedClock) -> Iterator[Provider]:
    with providing(clock) as listening:
        yield listening


@pytest.fixture
def more() -> dict[str, Any]:
    """Further settings of the provider; tests parametrise this."""
    return {}


@pytest.fixture
def settings(settings: Settings, provider: Provider, more: dict[str, Any]) -> Settings:
    table = {
        "id": ID, "label_ko": "캠퍼스", "label_en": "Campus", "issuer": provider.issuer,
        "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "allow_private": True,
    }  # fmt: skip
    made = IdentityProvider.model_validate(table | more)
    return settings.model_copy(update={"identity_providers": (made,)})


@pytest.fixture
def traveller(client: FlaskClient, provider: Provider) -> Traveller:
    return Traveller(client, provider)
