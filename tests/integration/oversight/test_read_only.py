"""The auditor's pages work through a database role that can do nothing but read."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Iterator

import pytest
from sqlalchemy import make_url

from gateway.app import create_app
from gateway.clock import FixedClock
from gateway.identity.models import Role
from gateway.oversight.reading import reading
from gateway.oversight.watch import look_and_open
from gateway.runtime import Runtime
from tests import people
from tests.integration.oversight import reviewing
from tests.integration.oversight.damage import run
from tests.integration.oversight.reviewing import at
from tests.world import build

PAGES = (
    "/audit", "/audit/0", "/audit/checkpoints", "/audit/overview", "/audit/anomalies",
    "/audit/reports", "/audit/reports/rights", "/audit/item?dataset=voices&item=0.wav",
    "/audit/person?person=holder", "/audit/entries.csv",
)  # fmt: skip


@pytest.fixture
def narrow(runtime: Runtime) -> Iterator[Runtime]:
    """The same runtime, whose auditors have a role of their own (on SQLite: their own engine)."""
    url, role = make_url(runtime.db.url), f"auditor_{uuid.uuid4().hex[:12]}"
    if not runtime.db.sqlite:
        run(runtime.db, f"CREATE ROLE {role} LOGIN")
        run(runtime.db, f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")
        url = url.set(username=role)
    named = url.render_as_string(hide_password=False)
    settings = runtime.settings.model_copy(update={"audit_database_url": named})
    made = dataclasses.replace(runtime, settings=settings)
    yield made
    made.audit_db.dispose()
    if not runtime.db.sqlite:
        run(runtime.db, f"DROP OWNED BY {role}")
        run(runtime.db, f"DROP ROLE {role}")


def test_every_page_is_answered_and_nothing_can_be_written(
    narrow: Runtime, clock: FixedClock
) -> None:
    at(clock, "2026-10-05T10:00")
    reviewing.download(narrow, build(narrow), 3)
    at(clock, "2026-11-02T10:00")
    look_and_open(narrow)
    auditor = people.person(narrow, "the.auditor")
    people.grant(narrow, auditor, Role.AUDITOR)
    client = create_app(narrow).test_client()
    people.sign_in(client, auditor)

    answered = {path: client.get(path).status_code for path in PAGES}

    assert set(answered.values()) == {200}, answered
    assert narrow.audit_db is not narrow.db
    for table in ("people", "log_reviews", "anomalies", "audit_promises"):
        with reading(narrow) as opened, pytest.raises(Exception, match=r"(?i)read.?only|denied"):
            opened.sql.run(f"DELETE FROM {table}")
