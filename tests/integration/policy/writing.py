"""Rules for tests of releases, and records that somebody else wrote."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select, update

from gateway import ids
from gateway.journal import Actor
from gateway.policy import loading
from gateway.policy import service_releases as releases
from gateway.policy.models import Origin, PolicyRelease, ReleaseState
from gateway.runtime import Runtime
from policies import agreements, rules
from policies.engine import Engine, release_hash

PERSON = "10-person.cedar"
OPERATOR = Actor.operator()


def worded(words: str) -> dict[str, str]:
    """The program's rules with another sentence for who is suspended."""
    files = rules.texts()
    return files | {PERSON: files[PERSON].replace("You are suspended.", words)}


def unsafe() -> dict[str, str]:
    """Rules under which a suspended person may do what others may."""
    files = rules.texts()
    loose = files[PERSON].replace(
        "when { principal.suspended }", "when { principal.suspended && !principal.active }"
    )
    return files | {PERSON: loose}


def enforced(runtime: Runtime, words: str) -> str:
    """The hash of an operator's release, registered and put in force."""
    sha256 = releases.propose(runtime, OPERATOR, worded(words)).sha256
    return releases.put_in_force(runtime, OPERATOR, sha256).sha256


def started(runtime: Runtime, words: str = "") -> str:
    """The hash of the rules of another program, after it has started."""
    files = worded(words) if words else rules.texts()
    engine = Engine(rules.from_files(files), agreements.hashes())
    releases.sync_rules(runtime, engine, files)
    return engine.release


def written(runtime: Runtime, files: dict[str, str], state: ReleaseState) -> str:
    """The hash of rules that came into the table past every check, under their right hash."""
    hashes = agreements.hashes()
    row = PolicyRelease(
        id=ids.new(runtime.clock),
        sha256=release_hash(rules.from_files(files), hashes),
        origin=Origin.OPERATOR,
        files=files,
        agreements=dict(hashes),
        proofs={},
        state=state,
        created_at=runtime.clock.now(),
        in_force_at=runtime.clock.now() if state is ReleaseState.IN_FORCE else None,
    )
    with runtime.db.write() as session:
        session.add(row)
    return row.sha256


def tampered(runtime: Runtime, sha256: str, **values: Any) -> None:
    """Change a record behind the gateway's back, as a new process would find it."""
    with runtime.db.write() as session:
        where = PolicyRelease.sha256 == sha256
        session.execute(update(PolicyRelease).where(where).values(**values))
    loading._engines.clear()


def deciding(runtime: Runtime) -> str | None:
    """The hash on record as in force."""
    with runtime.db.read() as session:
        found = releases.in_force(session)
        return found.sha256 if found else None


def row_of(runtime: Runtime, sha256: str) -> PolicyRelease:
    """The record of a hash."""
    with runtime.db.read() as session:
        return session.scalars(select(PolicyRelease).where(PolicyRelease.sha256 == sha256)).one()
