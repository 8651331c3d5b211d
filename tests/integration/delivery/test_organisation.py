"""Whatever is done with a grant is found under the organisation that it was given to."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from audit.search import Filters
from gateway.access.models import Grant
from gateway.delivery.reconcile import snapshot
from gateway.errors import Problem
from gateway.identity.models import Organisation
from gateway.journal import Act
from gateway.runtime import Runtime
from tests import world as made
from tests.integration.delivery.conftest import Issue
from tests.world import World


@pytest.fixture
def client(issue: Issue, small: object) -> FlaskClient:
    found: FlaskClient = small.test_client()  # type: ignore[attr-defined]
    return found


def test_addresses_issued_refused_and_served_name_the_organisation_of_the_grant(
    runtime: Runtime, place: World, issue: Issue, client: FlaskClient
) -> None:
    client.get(issue(), buffered=True)
    made.change(runtime, Organisation, place.organisation, status="suspended")
    with pytest.raises(Problem):
        issue()

    with snapshot(runtime) as opened:
        rows = opened.reader.search(Filters(organisation=str(place.organisation)))

    assert {row.columns.action for row in rows} >= {
        Act.URL_ISSUED, Act.URL_REFUSED, Act.DOWNLOAD_AUTHORIZED,
    }  # fmt: skip


def test_a_grant_without_an_organisation_names_none(
    runtime: Runtime, place: World, issue: Issue
) -> None:
    with runtime.db.write() as session:
        session.get_one(Grant, place.grant).organisation_id = None
    issue()

    with snapshot(runtime) as opened:
        rows = opened.reader.search(Filters(organisation=str(place.organisation)))

    assert rows == []
