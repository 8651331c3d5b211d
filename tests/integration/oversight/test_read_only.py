"""The auditor's pages work through a database role that can do nothing but read."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import make_url, text
from sqlalchemy.orm import Session

from gateway.app import create_app
from gateway.clock import FixedClock
from gateway.db import Database
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


# What an auditor reads: every GET of oversight and of break-glass access, each with a real object.
READS = (
    *PAGES, "/audit/0/proof", "/audit/0/leaf", "/api/v1/audit/entries", "/api/v1/audit/entries/0",
    "/api/v1/audit/entries/0/proof", "/api/v1/audit/anomalies", "/api/v1/audit/reviews",
    "/api/v1/access-log", "/emergency", "/api/v1/emergencies",
)  # fmt: skip
READ_ONLY = {"sqlite": "PRAGMA query_only", "postgresql": "SHOW transaction_read_only"}


@dataclasses.dataclass
class Sessions:
    """Every database session of one request: whether it could write, and how many were to."""

    able: list[str] = dataclasses.field(default_factory=list)
    writes: int = 0


@pytest.fixture
def sessions(monkeypatch: pytest.MonkeyPatch) -> Sessions:
    seen = Sessions()
    reads, writes = Database.read, Database.write

    @contextmanager
    def read(self: Database) -> Iterator[Session]:
        with reads(self) as session:
            yield session
            # Afterwards: what begins a session may still choose its isolation.
            seen.able.append(str(session.scalar(text(READ_ONLY[self.dialect]))))

    @contextmanager
    def write(self: Database) -> Iterator[Session]:
        seen.writes += 1
        with writes(self) as session:
            yield session

    monkeypatch.setattr(Database, "read", read)
    monkeypatch.setattr(Database, "write", write)
    return seen


def test_whatever_an_auditor_reads_runs_on_sessions_that_cannot_write(
    narrow: Runtime, clock: FixedClock, sessions: Sessions
) -> None:
    """The look itself is recorded through the log's own connection and no other."""
    at(clock, "2026-10-05T10:00")
    reviewing.download(narrow, build(narrow), 3)
    at(clock, "2026-11-02T10:00")
    look_and_open(narrow)
    auditor = people.person(narrow, "the.auditor")
    people.grant(narrow, auditor, Role.AUDITOR)
    client = create_app(narrow).test_client()
    people.sign_in(client, auditor)

    for path in READS:
        sessions.able.clear()
        sessions.writes = 0
        answer = client.get(path)
        assert answer.status_code == 200, path
        assert answer.data
        assert sessions.writes == 0, path
        assert sessions.able, path
        assert set(sessions.able) <= {"1", "on"}, path


def test_every_page_and_api_of_oversight_is_among_what_is_tried(narrow: Runtime) -> None:
    """A new route of the auditor's is tried as well, or named here with the reason."""
    app = create_app(narrow)
    served = {
        str(rule)
        for rule in app.url_map.iter_rules()
        if "GET" in (rule.methods or ()) and str(rule).startswith(("/audit", "/api/v1/audit"))
    }
    adapter = app.url_map.bind("localhost")
    tried = {str(adapter.match(path.partition("?")[0], return_rule=True)[0]) for path in READS}
    # These need a review or an anomaly; they read as the others do, and have tests of their own.
    elsewhere = {rule for rule in served if "<uuid:" in rule} | {"/audit/reports/rights/<name>"}

    assert served - tried == elsewhere


def test_a_write_through_the_auditors_session_fails(narrow: Runtime) -> None:
    build(narrow)
    for database in (narrow.db, narrow.audit_db):
        for table in ("people", "role_grants", "log_reviews", "anomalies", "emergencies"):
            with (
                database.read() as session,
                pytest.raises(Exception, match=r"(?i)read.?only|denied"),
            ):
                session.execute(text(f"DELETE FROM {table}"))
