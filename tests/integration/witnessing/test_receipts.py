"""Answers carry receipts; a receipt shows later what the log holds, or that it lost it."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from audit.monitor_keys import Past
from audit.proof import parse_proof
from audit.receipt import COLLECTING, header_value, parse_receipt
from audit.restoration import FIELD, Restoration, sign_restoration
from gateway import backup, ids
from gateway.access import wiring as access
from gateway.cli.main import root
from gateway.clock import to_ms
from gateway.delivery import service
from gateway.delivery.api import EXTENSION
from gateway.delivery.service import Wanted
from gateway.journal import Act, Actor, Channel, Entry, PartyKind, Place
from gateway.oversight import wiring as oversight
from gateway.runtime import Runtime
from gateway.witnessing import receipt_check
from gateway.witnessing import wiring as witnessing
from gateway.witnessing.receipt_check import Standing, check_from_outside
from gateway.witnessing.receipts import NAME
from gateway.witnessing.rotation import rotate
from gateway.witnessing.sources import open_source
from tests import people
from tests import world as made
from tests.integration.oversight.damage import drop_triggers, run
from tests.parts.wsgi import serving

Check = Callable[..., Result]


@pytest.fixture
def app(runtime: Runtime) -> Flask:
    return made.small_app(runtime, access, witnessing, oversight)


@pytest.fixture
def check(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> Check:
    monkeypatch.setenv("SUMUN_DATABASE_URL", runtime.db.url)
    home = str(runtime.settings.home)

    def call(*words: str | Path) -> Result:
        command = ["--home", home, "audit", "check-receipt", *map(str, words)]
        return CliRunner().invoke(root, command)

    return call


def notes(answer: TestResponse) -> list[str]:
    return [base64.b64decode(value).decode() for value in answer.headers.getlist(NAME)]


def given(runtime: Runtime, act: Act = Act.BACKUP_MADE) -> str:
    """The receipt of a new entry, as an answer would carry it."""
    token = COLLECTING.set([])
    try:
        runtime.journal.append(Entry(Actor.system(), act))
        collected = COLLECTING.get()
        assert collected is not None
        return runtime.journal.log.receipt(collected[-1])
    finally:
        COLLECTING.reset(token)


def kept(folder: Path, text: str, name: str = "one") -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(text)
    return path


def test_an_address_and_a_download_carry_receipts_that_are_kept(
    runtime: Runtime, app: Flask, client: FlaskClient, check: Check, tmp_path: Path
) -> None:
    world = made.build(runtime)
    made.put_files(runtime, world, {"a.txt": b"content"})
    holder = Actor(PartyKind.PERSON, Place(channel=Channel.API), world.person)
    issued = service.issue_item(app.extensions[EXTENSION], holder, Wanted("voices", "a.txt"))
    answer = client.get(issued.url.removeprefix("http://localhost:8400"), buffered=True)
    (note,) = notes(answer)

    result = check(kept(tmp_path / "r", note))

    assert (answer.status_code, answer.data) == (200, b"content")
    assert result.exit_code == 0, result.output
    proof = parse_proof(result.stdout[result.stdout.index("c2sp.org/") :])
    ((event_id,),) = run(
        runtime.db, "SELECT event_id FROM audit_entries WHERE idx = ?", proof.index
    )
    assert parse_receipt(note)[0].event_id == event_id
    assert COLLECTING.get() is None


def test_an_api_call_that_changes_something_carries_a_receipt(
    runtime: Runtime, client: FlaskClient, check: Check, tmp_path: Path
) -> None:
    person = people.make_person(runtime, "kim")
    body = {"account": person.account, "password": people.PASSWORD, "device": "test"}

    answer = client.post("/api/v1/session", json=body)

    assert answer.status_code == 201
    for number, note in enumerate(notes(answer)):
        assert check(kept(tmp_path / "r", note, str(number))).exit_code == 0
    assert notes(answer)


def test_reading_and_refused_calls_carry_none(runtime: Runtime, client: FlaskClient) -> None:
    people.make_person(runtime, "kim")
    body = {"account": "kim", "password": "wrong password", "device": "test"}

    refused = client.post("/api/v1/session", json=body)

    assert refused.status_code == 401
    assert notes(refused) == notes(client.get("/api/v1/datasets")) == []
    assert notes(client.get("/d/forged")) == []


def test_a_receipt_checks_in_both_spellings_and_after_the_key_was_rotated(
    runtime: Runtime, check: Check, tmp_path: Path
) -> None:
    receipt = given(runtime)
    rotate(runtime, Actor.operator())
    kept(tmp_path / "r", receipt, "note")
    kept(tmp_path / "r", header_value(receipt), "header")

    result = check(tmp_path / "r", "--json")

    assert result.exit_code == 0
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [row["standing"] for row in rows] == ["held", "held"]
    assert all(row["proof"].startswith("c2sp.org/tlog-proof@v1") for row in rows)


def test_a_deleted_outbox_row_is_an_omission(
    runtime: Runtime, check: Check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody takes the queued event away, before it is numbered, without a trace."""
    given(runtime)
    log = runtime.journal.log
    monkeypatch.setattr(log._batcher, "_cycle", lambda _batch: None)
    token = COLLECTING.set([])
    with runtime.db.write() as session:
        runtime.journal.record(session, Entry(Actor.system(), Act.BACKUP_MADE))
    collected = COLLECTING.get()
    COLLECTING.reset(token)
    assert collected is not None
    assert log.durable([collected[0].event_id]) == {collected[0].event_id}
    receipt = log.receipt(collected[0])
    drop_triggers(runtime.db)
    for table in ("audit_outbox", "audit_promises"):
        run(runtime.db, f"DELETE FROM {table}")

    result = check(kept(tmp_path / "r", receipt), "--json")

    assert result.exit_code == 1
    assert json.loads(result.stdout)["standing"] == "omitted"


def test_an_entry_that_was_altered_is_not_what_was_promised(
    runtime: Runtime, check: Check, tmp_path: Path
) -> None:
    receipt = given(runtime)
    event_id = parse_receipt(receipt)[0].event_id
    drop_triggers(runtime.db)
    query = "SELECT leaf FROM audit_entries WHERE event_id = ?"
    ((leaf,),) = run(runtime.db, query, event_id)
    forged = bytes(leaf).replace(b'"severity_id":1', b'"severity_id":2')
    run(runtime.db, "UPDATE audit_entries SET leaf = ? WHERE event_id = ?", forged, event_id)

    result = check(kept(tmp_path / "r", receipt), "--json")

    assert result.exit_code == 1
    assert json.loads(result.stdout)["standing"] == "altered"


def test_what_is_no_receipt_of_ours_is_told_apart_from_an_omission(
    runtime: Runtime, check: Check, tmp_path: Path
) -> None:
    receipt = given(runtime)
    kept(tmp_path / "r", "nonsense", "a")
    kept(tmp_path / "r", receipt.replace("time 1", "time 2"), "b")

    result = check(tmp_path / "r", "--json")

    assert result.exit_code == 2
    rows = [json.loads(line)["standing"] for line in result.stdout.splitlines()]
    assert rows == ["malformed", "not_ours"]
    assert check(tmp_path / "nowhere").exit_code == 2


# PostgreSQL is backed up with its own tools; what follows is the same.
@pytest.mark.parametrize("dialect", ["sqlite"])
def test_after_a_restore_the_receipts_that_it_lost_are_listed(
    runtime: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept(tmp_path / "r", given(runtime), "before")
    backup.make(runtime, tmp_path / "copy")
    for number in range(3):
        kept(tmp_path / "r", given(runtime), f"lost-{number}")
    home = runtime.settings.model_copy(update={"home": tmp_path / "again", "database_url": ""})
    backup.restore(home, tmp_path / "copy", runtime.clock)
    monkeypatch.delenv("SUMUN_DATABASE_URL", raising=False)
    command = ["--home", str(home.home), "audit", "check-receipt", str(tmp_path / "r"), "--json"]

    result = CliRunner().invoke(root, command)

    assert result.exit_code == 1, result.output
    rows = {row["file"]: row for row in map(json.loads, result.stdout.splitlines())}
    assert rows["before"]["standing"] == "held"
    assert [rows[f"lost-{n}"]["standing"] for n in range(3)] == ["lost_by_restore"] * 3
    assert "restored on 2026-11-02" in rows["lost-0"]["what"]


@pytest.fixture
def url(app: Flask) -> Iterator[str]:
    with serving(app) as port:
        yield f"http://127.0.0.1:{port}/log"


def never(runtime: Runtime, epoch: int = 1) -> str:
    """A receipt that the log signed, for an event that it does not hold."""
    one = parse_receipt(given(runtime))[0]
    event_id = str(ids.new(runtime.clock))
    left_out = type(one)(one.origin, event_id, b"n" * 32, one.time_ms, epoch)
    return str(runtime.journal.log._signer.sign_plainly(str(left_out)))


def test_a_stranger_checks_a_receipt_against_the_public_tiles(
    runtime: Runtime, url: str, clock: Any, tmp_path: Path
) -> None:
    vkey = runtime.journal.log.vkey()
    held = kept(tmp_path / "r", given(runtime))
    rotate(runtime, Actor.operator())
    unsent = kept(tmp_path / "r", never(runtime), "never")
    clock.advance(timedelta(seconds=61))
    given(runtime)
    stranger = ["audit", "check-receipt", "--url", url, "--key", vkey]

    results = [CliRunner().invoke(root, [*stranger, str(path)]) for path in (held, unsent)]

    assert [result.exit_code for result in results] == [0, 1], results[0].output
    assert "omitted" in results[1].stdout


def test_a_stranger_with_the_new_key_can_check_a_receipt_of_before_the_rotation(
    runtime: Runtime, url: str, tmp_path: Path
) -> None:
    held = kept(tmp_path / "r", given(runtime))
    for _ in range(2):
        rotate(runtime, Actor.operator())
    stranger = ["audit", "check-receipt", "--url", url, "--key", runtime.journal.log.vkey()]

    result = CliRunner().invoke(root, [*stranger, str(held)])

    assert result.exit_code == 0, result.output
    assert "held" in result.stdout


def test_where_the_log_tells_no_history_the_older_key_is_asked_for(
    runtime: Runtime, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    receipt, source = given(runtime), open_source(url)
    rotate(runtime, Actor.operator())
    monkeypatch.setattr(source, "past", Past)

    checked = check_from_outside(source, runtime.journal.log.vkey(), receipt, 0)

    assert checked.standing is Standing.FOREIGN
    assert "give the older key" in checked.words


def test_what_is_promised_and_not_yet_due_is_not_called_omitted(
    runtime: Runtime, clock: Any, url: str
) -> None:
    source, vkey, receipt = open_source(url), runtime.journal.log.vkey(), never(runtime)
    made = parse_receipt(receipt)[0].time_ms
    given(runtime)

    early = check_from_outside(source, vkey, receipt, made + 59_999)
    behind = check_from_outside(source, vkey, receipt, made + 60_000)
    clock.advance(timedelta(seconds=61))
    given(runtime)
    late = check_from_outside(source, vkey, receipt, 0)

    assert early.standing is Standing.PENDING
    assert "not yet published, promised by 2026-11-02" in early.words
    assert [behind.standing, late.standing] == [Standing.OMITTED, Standing.OMITTED]
    assert "in a checkpoint of 2026-11-02" in behind.words


class Telling:
    """The log's public address, with a history of its own making."""

    def __init__(self, url: str, *restores: tuple[int, bytes]) -> None:
        self._source = open_source(url)
        self.checkpoint, self.tile = self._source.checkpoint, self._source.tile
        self.key, self._restores = self._source.key, restores

    def past(self) -> Past:
        return Past(restores=self._restores)


def test_a_restore_that_the_tree_does_not_hold_excuses_nothing(runtime: Runtime, url: str) -> None:
    vkey, receipt = runtime.journal.log.vkey(), never(runtime)
    given(runtime)
    ((index, leaf),) = run(
        runtime.db, "SELECT idx, leaf FROM audit_entries ORDER BY idx DESC LIMIT 1"
    )
    invented = bytes(leaf).replace(b"backup.made", b"log.restored")
    told = [(index, invented), (index, bytes(leaf)), (10**6, invented), (index, b"")]

    found = check_from_outside(Telling(url, *told), vkey, receipt, 2**45)

    assert found.standing is Standing.OMITTED


def restored(runtime: Runtime, ended: int, *, signed: bool = True) -> int:
    """Append a restore that ended an epoch; return its index."""
    log, at = runtime.journal.log, to_ms(runtime.clock.now())
    note = Restoration(log.origin, log.size(), b"r" * 32, ended + 1, at)
    text = sign_restoration(log._signer, note) if signed else str(note)
    detail = {"old_epoch": ended, FIELD: text}
    return runtime.journal.append(Entry(Actor.system(), Act.LOG_RESTORED, detail=detail))


@pytest.mark.parametrize(
    ("epoch", "ended", "signed", "standing"),
    [
        (1, 1, True, "lost_by_restore"),
        (2, 3, True, "omitted"),
        (2, 1, True, "lost_by_restore"),
        (1, 1, False, "omitted"),
    ],
)
def test_a_restore_in_the_tree_that_the_log_signed_excuses_what_was_promised_before_it(
    runtime: Runtime, url: str, epoch: int, ended: int, signed: bool, standing: str
) -> None:
    vkey, receipt = runtime.journal.log.vkey(), never(runtime, epoch)
    made = parse_receipt(receipt)[0].time_ms
    index = restored(runtime, ended, signed=signed)
    ((leaf,),) = run(runtime.db, "SELECT leaf FROM audit_entries WHERE idx = ?", index)

    found = check_from_outside(Telling(url, (index, bytes(leaf))), vkey, receipt, made + 10**6)
    at_home = receipt_check.check(runtime, receipt)

    assert (found.standing, at_home.standing) == (standing, standing)


def test_an_event_that_stays_queued_is_not_yet_numbered(
    runtime: Runtime, check: Check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receipt_check, "WAIT_SECONDS", 0.0)
    monkeypatch.setattr(runtime.journal.log._batcher, "_cycle", lambda _batch: None)
    token = COLLECTING.set([])
    with runtime.db.write() as session:
        runtime.journal.record(session, Entry(Actor.system(), Act.BACKUP_MADE))
    collected = COLLECTING.get()
    COLLECTING.reset(token)
    assert collected is not None

    found = receipt_check.check(runtime, runtime.journal.log.receipt(collected[0]))

    assert found.standing is Standing.PENDING


def test_saved_header_lines_are_read_as_they_are(
    runtime: Runtime, check: Check, tmp_path: Path
) -> None:
    first, second = header_value(given(runtime)), header_value(given(runtime))
    kept(tmp_path / "r", f"Sumun-Receipt: {first}", "line")
    saved = f"HTTP/1.1 200 OK\r\nETag: x\r\nsumun-receipt: {first}\r\nSUMUN-RECEIPT:{second}\r\n"
    kept(tmp_path / "r", saved, "saved")

    result = check(tmp_path / "r", "--json")

    assert result.exit_code == 0, result.output
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(row["file"], row["standing"]) for row in rows] == [
        ("line", "held"), ("saved", "held"), ("saved", "held"),
    ]  # fmt: skip


def test_a_stranger_needs_a_key_of_their_own(url: str, tmp_path: Path) -> None:
    path = kept(tmp_path / "r", "nonsense")

    result = CliRunner().invoke(root, ["audit", "check-receipt", "--url", url, str(path)])

    assert result.exit_code == 2
    assert "--key" in result.stderr


def test_checking_waits_for_an_event_that_is_still_queued(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receipt_check, "WAIT_SECONDS", 5.0)
    token = COLLECTING.set([])
    with runtime.db.write() as session:
        runtime.journal.record(session, Entry(Actor.system(), Act.BACKUP_MADE))
    collected = COLLECTING.get()
    COLLECTING.reset(token)
    assert collected is not None

    found = receipt_check.check(runtime, runtime.journal.log.receipt(collected[0]))

    assert found.standing is receipt_check.Standing.HELD
