"""`sumun audit`: clean logs, every kind of damage, proofs, searches."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner, Result

from audit import cosigned, outbox
from audit.cosignature import Cosigner
from audit.dbapi import Dialect, Sql
from audit.event import Domain, Event, Outcome, Party, encode
from audit.keyring import gather
from audit.note import parse_note
from audit.proof import parse_proof, verify_proof
from audit.schema import LOG_TABLES
from audit.stores import store_for
from gateway.cli.main import root
from gateway.clock import to_ms
from gateway.demo.auditing import edited_copy
from gateway.demo.stage import Stage
from gateway.identity.models import Person
from gateway.journal import Act, Actor, Entry
from gateway.runtime import Runtime
from gateway.witnessing import policy_file
from tests.integration.oversight.damage import drop_triggers, run
from tests.people import make_person

Write = Callable[..., int]
Command = Callable[..., Result]
KEYS = {
    "audit_entries": ("idx",),
    "audit_subjects": ("idx", "person"),
    "audit_tiles": ("level", "tile"),
    "audit_edge": ("level",),
    "audit_head": ("id",),
    "audit_checkpoints": ("seq",),
    "audit_outbox": ("event_id",),
    "audit_promises": ("event_id",),
    "audit_person_keys": ("person_token",),
    "audit_cosignatures": ("number",),
}
# What needs a full tile or an archive is tried in tests/unit/audit.
LATER = ("audit_times", "audit_minimum")
TABLES = [table for table in LOG_TABLES if table not in LATER]
INDEX = re.compile(r"^index (\d+): (\w+)\.(\w+): ", re.MULTILINE)


@pytest.fixture
def command(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Run `sumun audit …` on the test's home."""
    monkeypatch.setenv("SUMUN_DATABASE_URL", runtime.db.url)
    home = str(runtime.settings.home)
    return lambda *words: CliRunner().invoke(root, ["audit", *words, "--home", home])


@pytest.fixture
def person(runtime: Runtime) -> Person:
    return make_person(runtime, "member", name="이회원")


def size(runtime: Runtime) -> int:
    (found,) = run(runtime.db, "SELECT size FROM audit_head")[0]
    return int(found)


def test_a_clean_log_verifies_and_the_verification_is_recorded(
    command: Command, runtime: Runtime, person: Person, write: Write
) -> None:
    write(person)
    entries = size(runtime)

    result = command("verify")

    assert result.exit_code == 0, result.output
    assert f"clean: {entries} entries read again" in result.stdout
    assert f"\n{runtime.journal.log.origin}\n{entries + 1}\n" in result.stdout
    found = json.loads(command("search", "--action", "log.verified", "--json").stdout)
    assert found["actor"]["account"].startswith("operator:")
    assert found["detail"]["findings"] == 0


def test_a_log_is_held_against_a_checkpoint_kept_from_earlier(
    command: Command, runtime: Runtime, person: Person, write: Write, tmp_path: Path
) -> None:
    write(person)
    kept, forged = tmp_path / "kept", tmp_path / "forged"
    kept.write_text(runtime.journal.log.checkpoint().note, "utf-8")
    forged.write_text(_other_size(kept.read_text("utf-8")), "utf-8")
    write(person)

    assert command("verify", "--full", "--projection", "--since", str(kept)).exit_code == 0
    refused = command("verify", "--since", str(forged))
    assert refused.exit_code == 2
    assert "not signed by a key of this log" in refused.stderr


def _other_size(note: str) -> str:
    origin, count, rest = note.split("\n", 2)
    return f"{origin}\n{int(count) + 1}\n{rest}"


def test_json_says_the_same(command: Command, person: Person, write: Write) -> None:
    write(person)
    found = json.loads(command("verify", "--json").stdout)
    assert found["clean"] is True
    assert found["findings"] == []
    assert found["checkpoint"].startswith("localhost:8400/log\n")


def test_a_damaged_log_names_the_index_and_nothing_is_written(
    command: Command, runtime: Runtime, person: Person, write: Write
) -> None:
    index = write(person)
    write(person)
    before = size(runtime)
    drop_triggers(runtime.db)
    run(runtime.db, "UPDATE audit_entries SET person = ? WHERE idx = ?", "ab" * 16, index)

    result = command("verify")

    assert result.exit_code == 1
    assert f"index {index}: audit_entries.person" in result.stdout
    assert "DAMAGED" in result.stdout
    assert size(runtime) == before
    as_json = json.loads(command("verify", "--json").stdout)
    assert {one["index"] for one in as_json["findings"]} == {index}


@pytest.fixture
def everything(runtime: Runtime, person: Person, write: Write) -> Runtime:
    """A log with rows in every table, at rest and without triggers."""
    for number in range(258):
        write(person, subjects=[person.id] if number % 100 == 0 else [])
    _cosign(runtime)
    runtime.journal.log.close()
    with closing(runtime.db.connect_raw()) as connection:
        _leave_waiting(Sql(connection, Dialect(runtime.db.dialect)), runtime)
    drop_triggers(runtime.db)
    return runtime


def _cosign(runtime: Runtime) -> None:
    """A witness's line under the newest checkpoint, and a policy that knows the witness."""
    witness = Cosigner("witness.example/one", b"1" * 32)
    policy = f"witness one {witness.key}\nquorum one\n"
    (runtime.settings.home / policy_file.NAME).write_text(policy)
    checkpoint = runtime.journal.log.checkpoint()
    line = witness.cosign(parse_note(checkpoint.note).text, 1_800_000_000)
    dialect = Dialect(runtime.db.dialect)
    with runtime.db.write() as session:
        connection = session.connection().connection.dbapi_connection
        assert connection is not None
        row = cosigned.Cosigned.of(checkpoint.seq, line, 1_800_000_000)
        cosigned.insert(store_for(dialect), Sql(connection, dialect), row)


def _leave_waiting(sql: Sql, runtime: Runtime) -> None:
    """A row as a killed process leaves it: queued and promised, not numbered."""
    event = Event(
        "download.completed", Outcome.SUCCESS, to_ms(runtime.clock.now()),
        "01234567-89ab-7def-8123-456789abcdef", Party("system:worker"),
    )  # fmt: skip
    leaf = encode(event, gather(runtime.vault, sql, event), b"0" * 16)
    outbox.put(sql, runtime.vault, 1, event.event_id, leaf)


def _rows(runtime: Runtime, table: str) -> tuple[list[str], list[list[Any]]]:
    """The columns, and the first, a middle and the last row."""
    keys = ", ".join(KEYS[table])
    with closing(runtime.db.connect_raw(writable=False)) as connection:
        cursor = connection.cursor()
        cursor.execute(f"SELECT * FROM {table} ORDER BY {keys}")
        names = [column[0] for column in cursor.description]
        rows = [list(row) for row in cursor.fetchall()]
    picked = sorted({0, len(rows) // 2, len(rows) - 1})
    return names, [rows[at] for at in picked]


def _other(value: Any) -> Any:
    """Another value of the same kind: one byte, one character, one number away."""
    if isinstance(value, bytes):
        return value[:-1] + bytes([value[-1] ^ 1]) if value else b"x"
    if isinstance(value, int):
        return value + 1
    if value is None:
        return "ab" * 16
    return value[:-1] + ("a" if value[-1] != "a" else "b")


def _where(table: str, row: dict[str, Any]) -> tuple[str, list[Any]]:
    keys = KEYS[table]
    return " AND ".join(f"{key} = ?" for key in keys), [row[key] for key in keys]


def test_every_changed_cell_ends_with_exit_1_and_an_index(
    everything: Runtime, command: Command
) -> None:
    untouched = size(everything)
    for table in TABLES:
        names, rows = _rows(everything, table)
        cells = [(dict(zip(names, row, strict=True)), name) for row in rows for name in names]
        tried = {
            name for row, name in cells if _change_and_expect(everything, command, table, row, name)
        }
        assert len(tried) >= len(names) - 1, table
    assert size(everything) == untouched


def test_every_deleted_row_ends_with_exit_1_and_an_index(
    everything: Runtime, command: Command
) -> None:
    for table in TABLES:
        names, rows = _rows(everything, table)
        for values in rows:
            row = dict(zip(names, values, strict=True))
            where, keys = _where(table, row)
            run(everything.db, f"DELETE FROM {table} WHERE {where}", *keys)
            _expect_damage(command, table, "a row", row)
            marks = ", ".join("?" * len(names))
            run(everything.db, f"INSERT INTO {table} VALUES ({marks})", *values)


def _change_and_expect(
    runtime: Runtime, command: Command, table: str, row: dict[str, Any], column: str
) -> bool:
    """Change a cell, expect that it is found, and change it back."""
    new = 5 if column == "destroyed_ms" else _other(row[column])
    if not _update(runtime, table, row, column, new):
        return False
    _expect_damage(command, table, column, row)
    assert _update(runtime, table, row | {column: new}, column, row[column])
    return True


def _update(runtime: Runtime, table: str, row: dict[str, Any], column: str, new: Any) -> bool:
    """Whether the database let one cell be changed."""
    where, keys = _where(table, row)
    try:
        run(runtime.db, f"UPDATE {table} SET {column} = ? WHERE {where}", new, *keys)
    except (sqlite3.IntegrityError, psycopg.IntegrityError):
        return False
    return True


def _expect_damage(command: Command, table: str, column: str, row: dict[str, Any]) -> None:
    result = command("verify")
    place = f"{table}.{column} of {next(iter(row.values()))!r}"
    assert result.exit_code == 1, f"{place}: {result.output}"
    named = {int(index) for index, _table, _column in INDEX.findall(result.stdout)}
    assert named, f"{place}: {result.output}"
    if table in ("audit_entries", "audit_subjects") and column != "idx":
        assert row["idx"] in named, place


def test_bytes_that_are_no_text_are_damage_and_not_a_crash(
    command: Command, runtime: Runtime, person: Person, write: Write
) -> None:
    index = write(person)
    drop_triggers(runtime.db)
    value = "CAST(x'fffe41' AS TEXT)" if runtime.db.sqlite else "E'\\x01\\x1b[31mred'"
    run(runtime.db, f"UPDATE audit_entries SET dataset = {value} WHERE idx = {index}")
    result = command("verify")
    assert result.exit_code == 1
    assert f"index {index}: audit_entries.dataset" in result.stdout
    assert "\x1b" not in result.stdout


def test_a_renamed_log_is_noticed_although_the_head_agrees_with_itself(
    command: Command, runtime: Runtime, person: Person, write: Write
) -> None:
    write(person)
    runtime.journal.log.checkpoint()
    drop_triggers(runtime.db)
    run(runtime.db, "UPDATE audit_head SET origin = 'elsewhere.example/log'")
    result = command("verify")
    assert result.exit_code == 1
    assert "audit_head.origin" in result.stdout


def test_nothing_is_created_where_there_is_no_home(tmp_path: Path) -> None:
    missing = tmp_path / "nowhere"
    result = CliRunner().invoke(root, ["audit", "verify", "--home", str(missing)])
    assert result.exit_code == 2
    assert not missing.exists()


def test_a_missing_key_is_an_error_and_is_not_made_anew(
    command: Command, runtime: Runtime, person: Person, write: Write
) -> None:
    write(person)
    kept = sorted(runtime.settings.keys.iterdir())
    log_key = next(path for path in kept if path.name.startswith("log."))
    log_key.unlink()
    result = command("verify")
    assert result.exit_code == 2
    assert "key log is missing" in result.stderr
    assert sorted(runtime.settings.keys.iterdir()) == [path for path in kept if path != log_key]


def test_a_prepared_proof_holds_for_any_verifier(
    command: Command, tmp_path: Path, person: Person, write: Write
) -> None:
    index = write(person)
    file = tmp_path / "entry.tlog-proof"
    result = command("prove", str(index), "--out", str(file))
    assert result.exit_code == 0, result.output
    key = re.search(r"verifier key: (\S+)", result.stderr)
    leaf = parse_proof(file.read_text("utf-8")).extra
    assert key
    assert leaf is not None
    assert verify_proof(file.read_text("utf-8"), leaf, key[1]).size > index
    printed = command("prove", str(index), "--json")
    assert json.loads(printed.stdout)["verified"] is True


def test_an_altered_entry_cannot_be_proved(
    command: Command, runtime: Runtime, person: Person, write: Write
) -> None:
    index = write(person)
    drop_triggers(runtime.db)
    sql = "SELECT leaf FROM audit_entries WHERE idx = ?"
    leaf = bytes(run(runtime.db, sql, index)[0][0])
    forged = leaf.replace(b'"severity_id":1', b'"severity_id":2')
    run(runtime.db, "UPDATE audit_entries SET leaf = ? WHERE idx = ?", forged, index)
    result = command("prove", str(index))
    assert result.exit_code == 1
    assert "NOT verified" in result.stderr


@pytest.mark.parametrize("index", ["99999", "-1", "x", "9" * 30])
def test_an_index_that_is_not_there_is_refused(
    command: Command, person: Person, write: Write, index: str
) -> None:
    write(person)
    result = command("prove", "--", index) if index.startswith("-") else command("prove", index)
    assert result.exit_code == 2


def test_search_finds_by_account_item_and_day(
    command: Command, person: Person, write: Write
) -> None:
    index = write(person, item="의료/환자.dcm")
    write(person, Act.MANIFEST_READ, item=None)
    words = ("--person", "member", "--item", "의료/환자.dcm", "--since", "2026-11-02", "--json")
    found = [json.loads(line) for line in command("search", *words).stdout.splitlines()]
    assert [one["index"] for one in found] == [index]
    assert found[0]["item"] == "의료/환자.dcm"
    table = command("search", "--person", "member", "--limit", "1")
    assert table.exit_code == 0
    assert "log.searched" in table.stdout or "manifest.read" in table.stdout


def test_search_names_the_worker_and_the_operator_as_it_takes_them(
    runtime: Runtime, command: Command
) -> None:
    runtime.journal.append(Entry(Actor.system(), Act.DOWNLOAD_UNRESOLVED))
    operator = f"operator:{os.getuid()}"

    worker = command("search", "--person", "system:worker")
    itself = command("search", "--action", "log.searched")

    assert "system:worker" in worker.stdout
    assert operator in itself.stdout
    assert "operator:<uid> is a command on the host" in command("search", "--help").stdout


def test_an_empty_table_is_told_and_no_row_of_json(command: Command) -> None:
    for words in (("review", "list"), ("search", "--dataset", "none-such")):
        table, lines = command(*words), command(*words, "--json")

        assert (table.exit_code, table.stdout) == (0, "")
        assert table.stderr == "sumun: nothing to show\n"
        assert (lines.stdout, lines.stderr) == ("", "")


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_the_demonstration_names_the_edited_row_before_what_was_built_on_it(
    runtime: Runtime,
    person: Person,
    write: Write,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    indexes = [write(person, Act.DOWNLOAD_AUTHORIZED, item="a.wav") for _ in range(5)]

    edited_copy(Stage(), runtime, tmp_path, indexes[2])

    findings = [line for line in capsys.readouterr().out.splitlines() if "index " in line]
    assert findings[0].startswith(f"    index {indexes[2]}: audit_entries.")


def test_search_finds_by_the_token_that_an_erasure_leaves(
    command: Command, runtime: Runtime, person: Person, write: Write
) -> None:
    index = write(person)
    token = runtime.vault.token(Domain.PERSON, str(person.id))
    run(runtime.db, "UPDATE people SET account = ? WHERE account = ?", "erased-one", "member")

    done = command("search", "--person", token, "--action", "download.", "--json")

    assert [json.loads(line)["index"] for line in done.stdout.splitlines()] == [index]


@pytest.mark.parametrize(
    "words", [("--person", "nobody"), ("--outcome", "maybe"), ("--since", "x"), ("--limit", "0")]
)
def test_a_search_that_cannot_be_understood_ends_with_2(
    command: Command, words: tuple[str, ...]
) -> None:
    assert command("search", *words).exit_code == 2


def test_a_copy_that_cannot_be_written_is_verified_all_the_same(
    runtime: Runtime, person: Person, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not runtime.db.sqlite:
        assert "postgresql" in runtime.db.url  # a server's database is no file to be copied
        return
    write(person)
    runtime.close()
    copy = tmp_path / "copy"
    shutil.copytree(runtime.settings.home, copy)
    before = (copy / "sumun.db").read_bytes()
    (copy / "sumun.db").chmod(stat.S_IRUSR)
    copy.chmod(stat.S_IRUSR | stat.S_IXUSR)
    monkeypatch.delenv("SUMUN_DATABASE_URL", raising=False)
    result = CliRunner().invoke(root, ["audit", "verify", "--home", str(copy)])
    copy.chmod(stat.S_IRWXU)
    assert result.exit_code == 0, result.output
    assert "clean" in result.stdout
    assert before[:100]
