"""A certified provider that others wrote: npm `oidc-provider` vouches for people here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from gateway.clock import SystemClock
from gateway.config import Settings
from gateway.identity.federation.service_flows import CALLBACK
from gateway.identity.federation.service_links import identities_of
from gateway.provider_settings import IdentityProvider
from gateway.runtime import Runtime
from tests.parts import npm_provider
from tests.parts.ports import free_port
from tests.people import make_person, post, sign_in

HOME = "http://localhost:8400"


@pytest.fixture
def clock() -> SystemClock:
    """Theirs is the host's."""
    return SystemClock()


@pytest.fixture
def issuer() -> Iterator[str]:
    with npm_provider.providing(free_port(), HOME + CALLBACK.format("peer")) as found:
        yield found


@pytest.fixture(params=["client_secret_basic", "client_secret_post"])
def settings(settings: Settings, issuer: str, request: pytest.FixtureRequest) -> Settings:
    table = {
        "id": "peer", "label_ko": "동료", "label_en": "Peer", "issuer": issuer,
        "client_id": npm_provider.CLIENT_ID, "client_secret": npm_provider.CLIENT_SECRET,
        "authentication": request.param, "userinfo": True, "allow_private": True,
    }  # fmt: skip
    made = IdentityProvider.model_validate(table)
    return settings.model_copy(update={"identity_providers": (made,)})


def go(client: FlaskClient, path: str) -> Any:
    begun = post(client, path)
    assert begun.status_code == 200, begun.text
    address = begun.headers["Refresh"].removeprefix("0;url=")
    return client.get(npm_provider.sign_in(address, "hong", HOME).removeprefix(HOME))


def test_its_people_link_sign_in_and_answers_are_used_once(
    runtime: Runtime, client: FlaskClient
) -> None:
    one = make_person(runtime, "hong")
    sign_in(client, one)

    linked = go(client, "/account/identities/with/peer")
    post(client, "/sign-out")
    entered = go(client, "/sign-in/with/peer")

    with runtime.db.read() as session:
        rows = [(row.subject, row.label) for row in identities_of(session, one.id)]
    assert rows == [("hong", "hong@snu.ac.kr")]
    assert (linked.status_code, entered.status_code) == (303, 303)
    assert client.get("/account").status_code == 200
