"""A gateway that trusts one visa issuer, and a person whose identity there is linked."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from gateway import ids
from gateway.clock import FixedClock
from gateway.config import Settings
from gateway.identity.models import Person
from gateway.identity.models_federation import LinkedIdentity
from gateway.runtime import Runtime
from gateway.visa_settings import VisaIssuer as Trusted
from tests import people
from tests.parts.visa_issuer import SUBJECT, VisaIssuer, issuing


@pytest.fixture
def issuer(clock: FixedClock) -> Iterator[VisaIssuer]:
    with issuing(clock) as listening:
        yield listening


@pytest.fixture
def settings(settings: Settings, issuer: VisaIssuer) -> Settings:
    trusted = Trusted.model_validate(issuer.settings())
    return settings.model_copy(update={"visa_issuers": (trusted,)})


@pytest.fixture
def ada(runtime: Runtime, issuer: VisaIssuer) -> Person:
    one = people.make_person(runtime, "ada")
    link(runtime, one, issuer.issuer)
    return one


@pytest.fixture
def at_home(client: FlaskClient, ada: Person) -> FlaskClient:
    """Ada's browser."""
    people.sign_in(client, ada)
    return client


def link(runtime: Runtime, one: Person, issuer: str, subject: str = SUBJECT) -> LinkedIdentity:
    """Link an identity, as coming back from its provider would."""
    row = LinkedIdentity(
        id=ids.new(runtime.clock), person_id=one.id, provider="uni", issuer=issuer,
        subject=subject, label=subject, linked_at=runtime.clock.now(),
    )  # fmt: skip
    with runtime.db.write() as session:
        session.add(row)
    return row
