"""A log that was rolled back as a whole is found by what was published before."""

from __future__ import annotations

import json
import shutil
import sqlite3
from base64 import b64encode
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from audit.checkpoint import Checkpoint, parse_text
from audit.note import parse_note
from audit.publish import CHECKPOINT
from audit.restoration import RESTORED, Restoration
from gateway import backup
from gateway.backup import begin_epoch
from gateway.cli.main import root
from gateway.errors import OperatorError
from gateway.evidence import anchor, restored
from gateway.evidence.publication import publish_now, shelves
from gateway.journal import Actor
from gateway.journal.log_key import log_signer
from gateway.oversight.directory import Directory
from gateway.oversight.offline import database_name, verify_home
from gateway.oversight.service_proof import verify_all
from gateway.oversight.service_search import Desk
from gateway.runtime import Runtime
from tests.integration.evidence import handmade
from tests.integration.evidence.conftest import fill, published_log
from tests.integration.oversight.damage import drop_triggers, run

Verify = Callable[..., Result]
SQLITE = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)


@pytest.fixture
def verify(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> Verify:
    """Run `sumun audit verify` on the test's home."""
    monkeypatch.setenv("SUMUN_DATABASE_URL", runtime.db.url)
    home = ["--home", str(runtime.settings.home)]
    return lambda *words: CliRunner().invoke(root, ["audit", "verify", *home, *words])


def publish(runtime: Runtime, size: int, root_hash: bytes) -> str:
    """Publish a checkpoint signed with the log's real key, whatever it says."""
    log = runtime.journal.log
    signer = log_signer(runtime.keys, log.origin, None)
    note = str(signer.sign(str(Checkpoint(log.origin, size, root_hash)), 1_800_000_000))
    shelves(runtime).public.put(CHECKPOINT, note.encode())
    return note


def test_a_log_that_was_published_is_clean_and_may_have_grown_since(
    runtime: Runtime, verify: Verify
) -> None:
    fill(runtime, 300)
    publish_now(runtime)
    fill(runtime, 5)

    assert verify().exit_code == 0


def test_a_log_shorter_than_what_was_published_is_found_with_both_sizes(
    runtime: Runtime, verify: Verify
) -> None:
    fill(runtime, 20)
    publish(runtime, 900, b"p" * 32)

    result = verify("--json")

    report = json.loads(result.stdout)
    assert (result.exit_code, report["clean"]) == (1, False)
    said = [one["what"] for one in report["findings"] if one["table"] == anchor.PLACE]
    assert said == [f"900 entries were published, the log has {report['size']}"]


def test_a_log_that_is_another_than_the_published_one_is_found(
    runtime: Runtime, verify: Verify
) -> None:
    fill(runtime, 20)
    publish(runtime, 7, b"p" * 32)

    result = verify()

    assert result.exit_code == 1
    assert "index 6: " in result.stdout
    assert "does not extend" in result.stdout


@pytest.mark.parametrize("data", [b"nonsense", b"\xff\xfe", b""])
def test_what_is_no_checkpoint_of_the_log_is_a_finding(
    runtime: Runtime, verify: Verify, data: bytes
) -> None:
    fill(runtime, 3)
    shelves(runtime).public.put(CHECKPOINT, data)

    result = verify()

    assert result.exit_code == 1
    assert "is not this log's checkpoint" in result.stdout


def test_a_checkpoint_of_ones_own_is_used_beside_the_published_one(
    runtime: Runtime, verify: Verify, tmp_path: Path
) -> None:
    fill(runtime, 20)
    kept = tmp_path / "kept"
    kept.write_text(runtime.journal.log.checkpoint().note)
    clean = verify("--since", str(kept))
    publish(runtime, 900, b"p" * 32)
    short = verify("--since", str(kept))

    assert (clean.exit_code, short.exit_code) == (0, 1)
    assert "900 entries were published" in short.stdout


def test_a_store_that_is_away_stops_a_verification_without_a_checkpoint(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_path: Path) -> bytes:
        raise OSError(5, "Input/output error")

    fill(runtime, 3)
    since = runtime.journal.log.checkpoint().note
    monkeypatch.setattr(Path, "read_bytes", replace_for(CHECKPOINT, away))

    with pytest.raises(OperatorError, match="--since"):
        verify_home(runtime.settings)
    assert verify_home(runtime.settings, since).clean


def replace_for(name: str, other: Callable[[Path], bytes]) -> Callable[[Path], bytes]:
    """`Path.read_bytes`, other for files of one name."""
    before = Path.read_bytes
    return lambda path: other(path) if path.name == name else before(path)


def rolled_back(runtime: Runtime, tmp_path: Path) -> None:
    """Put the database back to where it stood 40 entries ago, with all its checkpoints."""
    fill(runtime, 30)
    publish_now(runtime)
    assert runtime.db.path is not None
    backup._copy_database(runtime.db.path, tmp_path / "earlier.db")
    fill(runtime, 40)
    publish_now(runtime)
    runtime.journal.log.close()
    runtime.db.dispose()
    for path in runtime.settings.home.glob("sumun.db*"):
        path.unlink()
    shutil.copy(tmp_path / "earlier.db", runtime.settings.home / "sumun.db")


@SQLITE
def test_a_database_that_was_put_back_consistently_is_found(
    runtime: Runtime, tmp_path: Path
) -> None:
    rolled_back(runtime, tmp_path)

    report = verify_home(runtime.settings)

    assert not report.clean
    assert {one.table for one in report.findings} >= {anchor.PLACE}


@SQLITE
def test_a_restore_that_says_so_is_no_finding(runtime: Runtime, tmp_path: Path) -> None:
    rolled_back(runtime, tmp_path)
    begin_epoch(runtime.settings, runtime.clock)

    assert verify_home(runtime.settings).clean


@SQLITE
def test_a_restore_that_was_cut_short_is_no_finding(
    runtime: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after `log.restored` is durable and before the lost branch is off the shelf."""
    rolled_back(runtime, tmp_path)
    monkeypatch.setattr(restored, "set_aside", lambda *_: None)
    begin_epoch(runtime.settings, runtime.clock)

    assert (published_log(runtime) / CHECKPOINT).exists()
    assert verify_home(runtime.settings).clean


@SQLITE
def test_a_restore_excuses_only_the_checkpoint_it_names(
    runtime: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rolled_back(runtime, tmp_path)
    monkeypatch.setattr(restored, "set_aside", lambda *_: None)
    begin_epoch(runtime.settings, runtime.clock)
    publish(runtime, 900, b"p" * 32)

    assert not verify_home(runtime.settings).clean


def test_a_copy_for_auditors_that_lags_is_waited_for(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(runtime, 3)
    publish(runtime, 900, b"p" * 32)
    slept: list[float] = []
    monkeypatch.setattr("gateway.evidence.anchor.time.sleep", slept.append)
    monkeypatch.setattr(anchor, "LAG_SECONDS", 0.05)
    settings = runtime.settings.model_copy(update={"audit_database_url": runtime.db.url})

    main = verify_home(settings)
    waited = list(slept)
    copy = verify_all(
        Desk(replace(runtime, settings=settings), Directory(runtime.vault), Actor.operator())
    )

    assert (main.clean, copy.clean) == (False, False)
    assert slept
    assert not waited


@SQLITE
def test_cosignatures_below_do_not_make_another_checkpoint(
    runtime: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rolled_back(runtime, tmp_path)
    monkeypatch.setattr(restored, "set_aside", lambda *_: None)
    begin_epoch(runtime.settings, runtime.clock)
    with (published_log(runtime) / CHECKPOINT).open("a") as published:
        published.write(f"— w {b64encode(b'12345').decode()}\n")

    assert verify_home(runtime.settings).clean


def test_a_restore_that_no_key_of_the_log_signed_excuses_nothing(
    runtime: Runtime, verify: Verify
) -> None:
    fill(runtime, 20)
    published = publish(runtime, 900, b"p" * 32)
    index = handmade.append(runtime, RESTORED, {"known_checkpoint": published}, new_epoch=True)

    result = verify("--json")

    report = json.loads(result.stdout)
    said = {(one["index"], one["what"]) for one in report["findings"]}
    assert result.exit_code == 1
    assert any(at == index and "not signed by a key of this log" in what for at, what in said)
    assert any("900 entries were published" in what for _, what in said)
    assert report["restores"] == []


def test_the_note_of_a_restore_excuses_nothing_at_another_index(
    runtime: Runtime, verify: Verify
) -> None:
    """Restored truly once; rolled back later, and the same entry appended again."""
    fill(runtime, 20)
    published = publish(runtime, 900, b"p" * 32)
    log = runtime.journal.log
    signer = log_signer(runtime.keys, log.origin, None)
    known = parse_text(parse_note(published).text)
    true = Restoration(log.origin, log.size() - 1, b"r" * 32, 2, 1_800_000_000_000, known)
    detail = {"restored": str(signer.sign_plainly(str(true))), "known_checkpoint": published}
    handmade.append(runtime, RESTORED, detail, new_epoch=True)

    result = verify()

    assert result.exit_code == 1
    assert "not signed by a key of this log" in result.stdout
    assert "900 entries were published" in result.stdout


@SQLITE
def test_verification_says_where_a_backup_was_restored_and_what_was_lost(
    runtime: Runtime, tmp_path: Path, verify: Verify
) -> None:
    rolled_back(runtime, tmp_path)
    begin_epoch(runtime.settings, runtime.clock)

    told, as_json = verify(), verify("--json")

    (one,) = json.loads(as_json.stdout)["restores"]
    assert told.exit_code == 0
    assert f"restored at {one['index']}; 40 published entries lost" in told.stdout
    assert (one["lost"], one["epoch"]) == (40, 2)


def test_the_main_database_is_verified_whatever_the_auditors_read(
    runtime: Runtime, verify: Verify, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(runtime, 20)
    other = tmp_path / "copy.db"
    with closing(sqlite3.connect(other)) as copy:
        copy.execute("CREATE TABLE audit_head (size INTEGER)")
    drop_triggers(runtime.db)
    run(runtime.db, "UPDATE audit_entries SET person = 'x' WHERE idx = 7")
    monkeypatch.setenv("SUMUN_AUDIT_DATABASE_URL", f"sqlite:///{other}")

    result = verify("--json")

    report = json.loads(result.stdout)
    assert (result.exit_code, report["findings"][0]["index"]) == (1, 7)
    assert report["database"] == database_name(runtime.settings)


def test_the_database_that_was_read_is_named_without_its_password(
    runtime: Runtime, verify: Verify
) -> None:
    fill(runtime, 1)
    said = verify().stdout
    url = "postgresql+psycopg://someone:s3cret@host:5433/name?password=s3cret&sslmode=require"
    settings = runtime.settings.model_copy(update={"database_url": url})

    assert f"database {database_name(runtime.settings)}\n" in said
    assert database_name(settings) == "postgresql://someone@host:5433/name"
