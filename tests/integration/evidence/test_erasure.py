"""Erasure: nothing personal is left to read, and every proof stays valid."""

from __future__ import annotations

import json
import uuid
import zipfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from audit.errors import LogUnavailable
from audit.event import Domain
from audit.leaf import decode
from audit.reader import LogReader
from audit.search import Filters
from audit.standalone import verify_bundle
from gateway.access.models import Grant
from gateway.agreements.models import Acceptance
from gateway.applications.models import (
    Application,
    ApplicationRevision,
    ApplicationState,
    ResearchProject,
)
from gateway.errors import Problem
from gateway.evidence import holds, reading, wiping
from gateway.evidence.erasure import erase
from gateway.evidence.holds import Hold
from gateway.evidence.publication import publish_now
from gateway.evidence.reading import snapshot
from gateway.identity.models import Person, PersonStatus, Role, SessionChannel
from gateway.identity.service_credentials import Credentials
from gateway.identity.service_roles import end_role
from gateway.identity.service_sessions import sign_in
from gateway.journal import Act, Actor, Channel, Entry, Outcome, Place
from gateway.runtime import Runtime
from tests.integration.evidence.conftest import Command, fill
from tests.integration.oversight.damage import run
from tests.people import acting_as, grant, operators
from tests.world import build

PERSONAL = ("kim.sumun", "Kim.Sumun", "김수문", "kim.sumun@example.org", "192.0.2.77")
YEAR = timedelta(days=366)
POSTGRES = pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)


@pytest.fixture
def downloads(runtime: Runtime, kim: Person) -> Person:
    """Kim has mistyped the password and downloaded; the year that the law keeps that has passed."""
    visitor = Actor.anonymous(Place("192.0.2.9", "curl/8", Channel.WEB))
    with pytest.raises(Problem, match="not right"):
        sign_in(runtime, visitor, Credentials("Kim.Sumun", "wrong wrong"), SessionChannel.BROWSER)
    actor = replace(acting_as(kim), place=Place("192.0.2.77", "curl/8", Channel.API))
    for _ in range(3):
        runtime.journal.append(
            Entry(actor, Act.DOWNLOAD_AUTHORIZED, Outcome.ALLOW, dataset="voices", item="a/b.wav")
        )
    fill(runtime, 300, kim)
    runtime.clock.advance(YEAR)  # type: ignore[attr-defined]
    return kim


def test_no_personal_field_is_readable_afterwards(
    runtime: Runtime, downloads: Person, command: Command, tmp_path: Path
) -> None:
    bundle = _bundle(command, tmp_path / "before.zip", "download.")
    publish_now(runtime)

    assert "Kim.Sumun" in _typed(runtime)

    erase(runtime, Actor.operator(), "kim.sumun", "요청")

    assert _typed(runtime) == []
    publish_now(runtime)
    after = _bundle(command, tmp_path / "after.zip", "download.", "--opened")
    assert set(_opened(after)) == {None}
    for place in (*_database(runtime), *_published(runtime), *_members(bundle), *_members(after)):
        assert [text for text in PERSONAL if text.encode() in place] == []
    with snapshot(runtime) as (_sql, reader):
        rows = reader.search(Filters(actor=str(downloads.id)), limit=500)
        assert len(rows) == 303
        assert {tuple(_fields(reader, row.leaf).values()) for row in rows} == {(None,)}


@POSTGRES
def test_no_file_of_postgresql_holds_the_person_or_their_key(
    runtime: Runtime, downloads: Person
) -> None:
    token = runtime.vault.token(Domain.PERSON, str(downloads.id))
    key = "SELECT wrapped FROM audit_person_keys WHERE person_token = %s"
    with closing(runtime.db.connect_raw()) as connection:
        wrapped = bytes(connection.execute(key, (token,)).fetchone()[0])
        connection.execute("ANALYZE")
        before = list(_files(connection))
        done = erase(runtime, Actor.operator(), "kim.sumun", "요청")
        after = list(_files(connection))

    secrets = [*(text.encode() for text in PERSONAL[:1] + PERSONAL[2:4]), wrapped]
    assert all(any(one in data for data in before) for one in secrets)
    assert [one for one in secrets if any(one in data for data in after)] == []
    assert len(done.left) == 1
    assert "write-ahead log" in done.left[0]


@POSTGRES
def test_a_transaction_that_goes_on_and_keeps_old_versions_is_told_of(
    runtime: Runtime, downloads: Person, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUMUN_AUDIT_RETENTION_DAYS", "0")
    monkeypatch.setattr(wiping, "_WAIT_SECONDS", 0.1)
    with closing(runtime.db.connect_raw()) as looking:
        looking.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        looking.execute("SELECT COUNT(*) FROM audit_head")
        done = command("erase", "kim.sumun", "--reason", "요청")

    assert done.exit_code == 0, done.output
    assert "may be left in PostgreSQL's files of audit_person_keys, people" in done.stdout
    assert "(a transaction was open for long); as the owner run: VACUUM (FULL, " in done.stdout


@POSTGRES
def test_a_table_of_another_owner_is_told_of(runtime: Runtime, downloads: Person) -> None:
    role = f"r_{uuid.uuid4().hex}"
    with closing(runtime.db.connect_raw()) as connection:
        connection.execute(f"CREATE ROLE {role}")
        connection.execute(f"GRANT SELECT ON people TO {role}")
        connection.execute(f"SET ROLE {role}")
        left = wiping._postgres(connection)
        connection.execute("RESET ROLE")
        connection.execute(f"DROP OWNED BY {role}")
        connection.execute(f"DROP ROLE {role}")

    assert "people" in left[0]
    assert "the role may not" in left[0]


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_a_journal_that_was_in_use_is_told_of(runtime: Runtime, downloads: Person) -> None:
    with closing(runtime.db.connect_raw(writable=False)) as looking:
        looking.execute("BEGIN")
        looking.execute("SELECT COUNT(*) FROM people").fetchone()
        busy = erase(runtime, Actor.operator(), "kim.sumun", "요청")

    assert [one.partition(",")[0] for one in busy.left] == ["SQLite's journal"]
    assert wiping.wipe(runtime) == ()


def test_everything_still_verifies(
    runtime: Runtime, downloads: Person, command: Command, tmp_path: Path
) -> None:
    bundle = _bundle(command, tmp_path / "before.zip", "download.")
    publish_now(runtime)

    erase(runtime, Actor.operator(), str(downloads.id), "요청")

    assert command("verify").exit_code == 0
    assert command("fsck").exit_code == 0
    assert command("verify-bundle", str(bundle)).exit_code == 0


def test_the_log_says_who_was_erased_and_by_whom(runtime: Runtime, downloads: Person) -> None:
    done = erase(runtime, Actor.operator(), "kim.sumun", "정보주체의 요청")

    with snapshot(runtime) as (_sql, reader):
        (row,) = _eventually_erased(runtime, reader)
        leaf = reader.leaf(row)
        own = reader.personal(leaf)[str(row.columns.person)] or {}
    assert leaf.subjects == (done.token,)
    assert leaf.time_ms == done.time_ms
    assert own["personal"]["reason"] == "정보주체의 요청"


def test_the_account_is_closed_and_names_nobody(runtime: Runtime, downloads: Person) -> None:
    erase(runtime, Actor.operator(), "kim.sumun", "요청")

    with runtime.db.read() as session:
        person = session.get_one(Person, downloads.id)
    assert person.account.startswith("erased-")
    assert (person.name, person.status) == ("erased", PersonStatus.CLOSED)


def test_what_happens_later_about_the_person_is_recorded_without_naming_them(
    runtime: Runtime, downloads: Person, command: Command
) -> None:
    erase(runtime, Actor.operator(), "kim.sumun", "요청")

    index = runtime.journal.append(Entry(acting_as(downloads), Act.SESSION_REFUSED, Outcome.DENY))

    with snapshot(runtime) as (_sql, reader):
        row = reader.get(index)
        assert row is not None
        assert set(_fields(reader, row.leaf).values()) == {None}
    assert command("verify").exit_code == 0


def test_somebody_without_any_sealed_field_can_be_erased(
    runtime: Runtime, command: Command
) -> None:
    done = erase(runtime, Actor.operator(), "anonymous:2026-11", "요청")

    assert done.token == runtime.vault.token(Domain.PERSON, "anonymous:2026-11")
    assert command("verify").exit_code == 0


def test_nobody_is_erased_twice(runtime: Runtime, downloads: Person) -> None:
    erase(runtime, Actor.operator(), str(downloads.id), "요청")

    with pytest.raises(Problem, match="erased before"):
        erase(runtime, Actor.operator(), str(downloads.id), "요청")


def test_nobody_unknown_is_erased(runtime: Runtime) -> None:
    for whom in ("no.such.person", str(uuid.uuid4()), "", "operator:x"):
        with pytest.raises(Problem, match="account or id"):
            erase(runtime, Actor.operator(), whom, "요청")


def test_a_young_access_record_stands_against_it(runtime: Runtime, kim: Person) -> None:
    fill(runtime, 1, kim)

    with pytest.raises(Problem, match=r"access-record-retention.*until 2027-11-02"):
        erase(runtime, Actor.operator(), "kim.sumun", "요청")

    with snapshot(runtime) as (_sql, reader):
        (row,) = reader.search(Filters(action=Act.SUBJECT_ERASURE_REFUSED))
    assert reader.leaf(row).reason == "access-record-retention"
    assert _sealed_name(runtime, kim) == "김수문"


def test_sensitive_data_is_kept_two_years(runtime: Runtime) -> None:
    world = build(runtime, sensitivity="sensitive")
    runtime.clock.advance(timedelta(days=400))  # type: ignore[attr-defined]
    _end_everything(runtime)
    with runtime.db.read() as session:
        fill(runtime, 1, session.get_one(Person, world.person))

    with pytest.raises(Problem, match=r"access-record-retention.*until 2029-12-07"):
        erase(runtime, Actor.operator(), str(world.person), "요청")


def test_a_live_grant_stands_against_it(runtime: Runtime) -> None:
    world = build(runtime)

    with pytest.raises(Problem, match="live-grant: a grant is alive until 2027-05-01"):
        erase(runtime, Actor.operator(), str(world.person), "요청")


def test_an_open_application_stands_against_it(runtime: Runtime) -> None:
    world, now = build(runtime), runtime.clock.now()
    _end_everything(runtime)
    with runtime.db.write() as session:
        session.add(
            Application(
                id=uuid.uuid4(), number="A-1", project_id=world.project,
                applicant_id=world.person, state=ApplicationState.IN_REVIEW, created_at=now,
                turn_since=now,
            )
        )  # fmt: skip

    with pytest.raises(Problem, match=r"open-application.*decided or withdrawn first"):
        erase(runtime, Actor.operator(), str(world.person), "요청")


def test_the_name_under_an_agreement_and_in_submissions_goes_too(runtime: Runtime) -> None:
    world = build(runtime)
    _end_everything(runtime)
    with runtime.db.write() as session:
        session.add(
            Application(
                id=world.grant, number="A-1", project_id=world.project,
                applicant_id=world.other, state=ApplicationState.CLOSED,
                created_at=runtime.clock.now(), turn_since=runtime.clock.now(),
            )
        )  # fmt: skip
        session.get_one(ResearchProject, world.project).supervisor_id = world.person
        session.flush()
        session.add(
            ApplicationRevision(
                id=uuid.uuid4(), application_id=world.grant, revision=1,
                content={"supervisor": "holder", "team": ["holder", "other"]},
                submitted_at=runtime.clock.now(),
            )
        )  # fmt: skip

    erase(runtime, Actor.operator(), "holder", "요청")

    with runtime.db.read() as session:
        content = session.scalars(select(ApplicationRevision.content)).one()
        acceptance = session.get_one(Acceptance, world.acceptance)
    assert acceptance.typed_name == "erased"
    assert content["team"] == [content["supervisor"], "other"]
    assert content["supervisor"].startswith("erased-")


def test_data_taken_stands_against_it_until_its_destruction_was_followed_up(
    runtime: Runtime,
) -> None:
    world = build(runtime)
    with runtime.db.write() as session:
        session.execute(update(Grant).values(used_bytes=1, ended_at=runtime.clock.now()))

    with pytest.raises(Problem, match=r"destruction-duty.*until 2027-11-02"):
        erase(runtime, Actor.operator(), str(world.person), "요청")


def test_a_staff_role_stands_against_it(runtime: Runtime, downloads: Person) -> None:
    grant(runtime, downloads, Role.AUDITOR)

    with pytest.raises(Problem, match="staff-role"):
        erase(runtime, Actor.operator(), "kim.sumun", "요청")


def test_a_right_changed_within_three_years_stands_against_it(
    runtime: Runtime, downloads: Person
) -> None:
    role = grant(runtime, downloads, Role.AUDITOR)
    first, _ = operators(runtime)
    end_role(runtime, acting_as(first), role.id)
    runtime.clock.advance(2 * YEAR)  # type: ignore[attr-defined]

    with pytest.raises(Problem, match=r"rights-record-retention.*until 2030-11-03"):
        erase(runtime, Actor.operator(), "kim.sumun", "요청")

    runtime.clock.advance(YEAR)  # type: ignore[attr-defined]
    assert erase(runtime, Actor.operator(), "kim.sumun", "요청").token


def test_nobody_is_erased_while_an_event_waits_for_its_number(
    runtime: Runtime, kim: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    forged = "INSERT INTO audit_outbox (queued_ns, event_id, leaf, mac) VALUES (1, 'x', ?, ?)"
    run(runtime.db, forged, b"x", b"x")
    monkeypatch.setattr(reading, "_WAIT_SECONDS", 0.2)

    with pytest.raises(LogUnavailable, match="sumun audit verify"):
        erase(runtime, Actor.operator(), str(kim.id), "요청")

    with runtime.db.read() as session:
        assert session.get_one(Person, kim.id).account == "kim.sumun"


def test_another_feature_can_add_a_duty_of_its_own(
    runtime: Runtime, downloads: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    def recalled(*_: object) -> Hold:
        return Hold("open-recall", "회수가 끝나지 않았습니다", "a recall is open", None)

    monkeypatch.setattr(holds, "HOLDS", [*holds.HOLDS, recalled])

    with pytest.raises(Problem, match="open-recall: a recall is open"):
        erase(runtime, Actor.operator(), "kim.sumun", "요청")


def test_the_command_refuses_in_one_line_and_says_until_when(
    runtime: Runtime, command: Command, kim: Person
) -> None:
    fill(runtime, 1, kim)

    refused = command("erase", "kim.sumun", "--reason", "요청")

    assert refused.exit_code == 2
    assert refused.stderr.count("\n") == 1
    assert "access-record-retention" in refused.stderr
    assert "2027-11-02" in refused.stderr


def test_the_command_names_bundles_that_left_open(
    runtime: Runtime,
    command: Command,
    kim: Person,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SUMUN_AUDIT_RETENTION_DAYS", "0")
    fill(runtime, 1, kim)
    _bundle(command, tmp_path / "closed.zip", "download.")
    _bundle(command, tmp_path / "open.zip", "download.", "--opened")

    done = command("erase", "kim.sumun", "--reason", "요청", "--json")

    assert done.exit_code == 0, done.output
    assert len(json.loads(done.stdout)["opened_bundles"]) == 1


def test_the_command_says_what_is_gone_what_stays_and_where_it_is_recorded(
    runtime: Runtime, downloads: Person, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUMUN_AUDIT_RETENTION_DAYS", "0")

    done = command("erase", "kim.sumun", "--reason", "요청")

    assert done.exit_code == 0, done.output
    with snapshot(runtime) as (_sql, reader):
        (row,) = reader.search(Filters(action=Act.SUBJECT_ERASED))
        named = reader.search(Filters(actor=str(downloads.id)), limit=500)
    assert f"recorded: subject.erased, entry {row.index}" in done.stdout
    assert "destroyed: the key" in done.stdout
    stays = int(done.stdout.split("stays: ")[1].split(" ")[0])
    assert stays >= len(named) + 2
    assert "kim.sumun" not in done.stdout


def _bundle(command: Command, path: Path, action: str, *more: str) -> Path:
    made = command("export", "--action", action, "--out", str(path), *more)
    assert made.exit_code == 0, made.output
    return path


def _opened(bundle: Path) -> Iterator[object]:
    manifest, _ = verify_bundle.verify(bundle)
    with zipfile.ZipFile(bundle) as opened:
        for index in manifest["selected"]:
            yield from json.loads(opened.read(f"opened/{index}.json")).values()


def _members(bundle: Path) -> Iterator[bytes]:
    with zipfile.ZipFile(bundle) as opened:
        yield from (opened.read(name) for name in opened.namelist())


def _published(runtime: Runtime) -> Iterator[bytes]:
    assert runtime.store.root is not None
    for folder in ("log", "log-entries"):
        files = [path for path in (runtime.store.root / folder).rglob("*") if path.is_file()]
        assert files
        yield from (path.read_bytes() for path in files)


def _database(runtime: Runtime) -> Iterator[bytes]:
    """The files of SQLite, or every row of PostgreSQL as text."""
    if runtime.db.path is not None:
        for path in runtime.db.path.parent.glob("sumun.db*"):
            yield path.read_bytes()
        return
    with closing(runtime.db.connect_raw()) as connection:
        tables = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        ).fetchall()
        for (table,) in tables:
            rows = connection.execute(f'SELECT t::text FROM "{table}" t').fetchall()
            yield "\n".join(row[0] for row in rows).encode()


def _files(connection: Any) -> Iterator[bytes]:
    """The files of the tables and indexes of this database, as they are on disk."""
    connection.execute("CHECKPOINT")
    (folder,) = connection.execute("SHOW data_directory").fetchone()
    found = connection.execute(
        "SELECT pg_relation_filepath(oid) FROM pg_class WHERE relkind IN ('r', 'i', 't')"
    ).fetchall()
    for (name,) in found:
        for path in Path(folder, name).parent.glob(f"{Path(name).name}*"):
            yield path.read_bytes()


def _fields(reader: LogReader, leaf: bytes) -> dict[str, Any]:
    return dict(reader.personal(decode(leaf)))


def _typed(runtime: Runtime) -> list[str]:
    """Every account name typed at a refused sign-in that can still be read."""
    with snapshot(runtime) as (_sql, reader):
        rows = reader.search(Filters(action=Act.SESSION_REFUSED))
        boxes = [box for row in rows for box in _fields(reader, row.leaf).values() if box]
    return [str(part["account"]) for box in boxes for part in (box.get("about"),) if part]


def _sealed_name(runtime: Runtime, person: Person) -> str:
    with snapshot(runtime) as (_sql, reader):
        (row,) = reader.search(Filters(actor=str(person.id)), limit=1)
        (fields,) = _fields(reader, row.leaf).values()
        return str(fields["personal"]["name"])


def _eventually_erased(runtime: Runtime, reader: LogReader) -> list[Any]:
    runtime.journal.append(Entry(Actor.system(), Act.LOG_VERIFIED))
    with snapshot(runtime) as (_sql, fresh):
        return fresh.search(Filters(action=Act.SUBJECT_ERASED))


def _end_everything(runtime: Runtime) -> None:
    with runtime.db.write() as session:
        session.execute(update(Grant).values(ended_at=runtime.clock.now()))
        session.execute(update(Application).values(state=ApplicationState.CLOSED))
