"""What must be true at the moment a byte leaves, read by SQL of the test's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import text

from audit.ocsf import Outcome
from audit.search import Entry, Filters
from gateway.journal import Act
from gateway.oversight.reading import reading
from gateway.runtime import Runtime
from tests.integration.promises.stage import Stage, Url

STANDING = """
SELECT p.status, d.withdrawn_at, v.state, g.ended_at, g.suspended,
       g.starts_at <= :now AND :now < g.ends_at,
       (SELECT count(*) FROM acceptances a
          JOIN agreement_versions av ON av.id = a.agreement_version_id
         WHERE a.person_id = p.id AND av.code = d.agreement_code AND av.state = 'in_force'
           AND a.ended_at IS NULL AND a.accepted_at <= :now AND :now < a.expires_at),
       (SELECT count(*) FROM memberships m WHERE m.person_id = p.id
           AND m.organisation_id = g.organisation_id AND m.ended_at IS NULL)
  FROM grants g
  JOIN people p ON p.id = g.person_id
  JOIN datasets d ON d.id = g.dataset_id
  JOIN dataset_versions v ON v.dataset_id = d.id AND v.label = :label
 WHERE g.id = :grant
"""


def missing(stage: Stage, url: Url) -> list[str]:
    """What of the promise does not hold in the database now, by name."""
    now = stage.now.strftime("%Y-%m-%d %H:%M:%S.%f") if _sqlite(stage.runtime) else stage.now
    grant = url.grant.id.hex if _sqlite(stage.runtime) else url.grant.id
    with stage.runtime.db.read() as session:
        row = session.execute(
            text(STANDING), {"now": now, "grant": grant, "label": url.version}
        ).one()
    status, withdrawn, state, ended, suspended, within, accepted, member = row
    holds = {
        "active person": status == "active",
        "offered dataset": withdrawn is None,
        "released version": state == "released",
        "grant not ended": ended is None,
        "grant not suspended": not suspended,
        "grant's window": bool(within),
        "acceptance of the version in force": accepted == 1,
        "membership": member == 1,
        "released export": url.export is None or stage.export(url.export).state == "released",
    }
    return [name for name, true in holds.items() if not true]


def _sqlite(runtime: Runtime) -> bool:
    return runtime.settings.database_url.startswith("sqlite")


def downloads(stage: Stage, item: str | None = None) -> list[Entry]:
    """Every download of the stage's dataset that the log can show now, newest first."""
    found: list[Entry] = []
    with reading(stage.runtime) as opened:
        filters = Filters(
            dataset=stage.slug,
            item=item,
            action=Act.DOWNLOAD_AUTHORIZED,
            outcome=Outcome.SUCCESS,
        )
        while page := opened.log.search(
            filters, before=found[-1].index if found else None, limit=500
        ):
            found += page
    return found


BREAK = {
    "sqlite": (
        "CREATE TRIGGER broken BEFORE INSERT ON audit_entries "
        "BEGIN SELECT RAISE(ABORT, 'broken'); END",
    ),
    "postgresql": (
        "CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql "
        "AS $$ BEGIN RAISE EXCEPTION 'broken'; END $$",
        "CREATE TRIGGER broken BEFORE INSERT ON audit_entries "
        "FOR EACH ROW EXECUTE FUNCTION broken()",
    ),
}
MEND = {
    "sqlite": ("DROP TRIGGER broken",),
    "postgresql": ("DROP TRIGGER broken ON audit_entries", "DROP FUNCTION broken()"),
}


@contextmanager
def unwritable_log(runtime: Runtime) -> Iterator[None]:
    """Nothing can be written into the log for a while."""
    kind = "sqlite" if _sqlite(runtime) else "postgresql"
    _run(runtime, BREAK[kind])
    try:
        yield
    finally:
        _run(runtime, MEND[kind])


def _run(runtime: Runtime, statements: tuple[str, ...]) -> None:
    with runtime.db.write() as session:
        for statement in statements:
            session.execute(text(statement))
