"""Archives that DuckDB reads, and pruning that leaves every proof checkable."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from audit.checkpoint import open_checkpoint
from audit.merkle import leaf_hash
from audit.minimum import sign_minimum
from audit.note import Verifier, parse_note
from audit.search import Filters
from audit.standalone.verify_bundle import NotVerified, completeness, none_selected, verify
from audit.tiles import TilePath
from gateway.clock import to_ms
from gateway.db import Database
from gateway.errors import OperatorError
from gateway.evidence import prune as pruning
from gateway.evidence.archive import Archived, archive
from gateway.evidence.publication import publish_now, shelves
from gateway.evidence.reading import signer, snapshot
from gateway.evidence.tiles import check
from gateway.identity.models import Person, Role
from gateway.journal import Act, Actor
from gateway.oversight.service_proof import prove
from gateway.runtime import Runtime
from tests.integration.evidence.conftest import Command, fill
from tests.integration.evidence.forging import forge, members_of, without
from tests.integration.oversight.damage import drop_triggers, run
from tests.people import grant

_COPY = "SELECT minimum + 256, time_ms, note FROM audit_minimum"
OLD = 600
LEFT_OUT = 512


@pytest.fixture
def old(runtime: Runtime, kim: Person) -> int:
    """A log whose first entries are four hundred days old; the moment after them."""
    fill(runtime, OLD, kim)
    runtime.clock.advance(timedelta(days=1))  # type: ignore[attr-defined]
    after = to_ms(runtime.clock.now())
    runtime.clock.advance(timedelta(days=400))  # type: ignore[attr-defined]
    fill(runtime, 200, kim)
    return after


@pytest.fixture
def pruned(runtime: Runtime, old: int, tmp_path: Path) -> Archived:
    """The same after archiving and pruning."""
    publish_now(runtime)
    made = archive(runtime, Actor.operator(), old, tmp_path / "archive")
    pruning.prune(runtime, Actor.operator(), made)
    return made


def test_duckdb_reads_exact_leaves_and_columns(runtime: Runtime, old: int, tmp_path: Path) -> None:
    made = archive(runtime, Actor.operator(), old, tmp_path / "archive")

    table = f"'{tmp_path}/archive/*.parquet'"
    rows = duckdb.sql(f"SELECT * FROM {table} ORDER BY idx").fetchall()
    counts = duckdb.sql(f"SELECT action, count(*) FROM {table} GROUP BY ALL").fetchall()
    with snapshot(runtime) as (_sql, reader):
        stored = [reader.get(index) for index in range(LEFT_OUT)]
    assert (made.first, made.end, made.rows) == (0, LEFT_OUT, LEFT_OUT)
    assert [(row[0], *row[1:11], row[11]) for row in rows] == [
        (one.index, *one.columns, one.leaf) for one in stored if one is not None
    ]
    assert all(row[12] == leaf_hash(row[11]) for row in rows)
    assert dict(counts)["download.authorized"] > 500


def test_the_manifest_is_signed_and_names_the_digest(
    runtime: Runtime, old: int, tmp_path: Path
) -> None:
    made = archive(runtime, Actor.operator(), old, tmp_path / "archive")

    data = (tmp_path / "archive/manifest.json").read_bytes()
    note = parse_note((tmp_path / "archive/manifest.sig").read_text())
    signer(runtime).verifier.check(note)
    manifest = json.loads(data)
    file = (tmp_path / "archive" / manifest["file"]).read_bytes()
    assert hashlib.sha256(file).hexdigest() == manifest["sha256"] == made.sha256
    assert open_checkpoint(manifest["checkpoint"], Verifier.parse(manifest["keys"][-1]))


def test_the_log_tells_of_the_archive(runtime: Runtime, old: int, tmp_path: Path) -> None:
    made = archive(runtime, Actor.operator(), old, tmp_path / "archive")

    with snapshot(runtime) as (_sql, reader):
        (row,) = reader.search(Filters(action=Act.LOG_ARCHIVED))
        detail = reader.leaf(row).detail
    assert (detail["first"], detail["end"]) == (0, LEFT_OUT)
    assert detail["sha256"] == made.sha256


def test_an_entry_that_is_not_the_one_logged_is_not_archived(
    runtime: Runtime, old: int, tmp_path: Path
) -> None:
    drop_triggers(runtime.db)
    run(runtime.db, "UPDATE audit_entries SET leaf = ? WHERE idx = 300", b"{}")

    with pytest.raises(OperatorError, match="index 300"):
        archive(runtime, Actor.operator(), old, tmp_path / "archive")

    assert list(tmp_path.glob("archive*")) == []


def test_young_entries_and_taken_folders_are_refused(
    runtime: Runtime, old: int, tmp_path: Path
) -> None:
    (tmp_path / "taken").mkdir()

    with pytest.raises(OperatorError, match="no block of 256"):
        archive(runtime, Actor.operator(), 0, tmp_path / "archive")
    with pytest.raises(OperatorError, match="exists already"):
        archive(runtime, Actor.operator(), old, tmp_path / "taken")


def test_pruning_deletes_what_was_archived_and_keeps_the_tiles(
    runtime: Runtime, pruned: Archived
) -> None:
    entries = run(runtime.db, "SELECT COUNT(*) FROM audit_entries WHERE idx < ?", LEFT_OUT)
    tiles = run(runtime.db, "SELECT COUNT(*) FROM audit_tiles WHERE level = 0")

    assert (entries[0][0], tiles[0][0]) == (0, 3)
    assert prove(runtime, LEFT_OUT + 1).holds


def test_a_pruned_log_verifies_and_says_what_was_pruned(
    runtime: Runtime, pruned: Archived, command: Command
) -> None:
    done = command("verify")

    assert done.exit_code == 0, done.output
    assert f"{LEFT_OUT} entries were pruned below the signed minimum {LEFT_OUT}" in done.stdout
    assert pruned.sha256 in done.stdout


def test_when_every_verification_was_pruned_the_command_does_not_say_there_was_none(
    runtime: Runtime, pruned: Archived, command: Command
) -> None:
    first, second = command("verify"), command("verify")

    assert f"no earlier verification that was not pruned (below {LEFT_OUT})" in first.stdout
    assert "a verification, tells of" in second.stdout


def test_a_pruned_log_is_clean_for_fsck_and_its_bundles_are_gone(
    runtime: Runtime, pruned: Archived
) -> None:
    private = shelves(runtime).entries

    assert check(runtime).clean
    assert private.get(str(TilePath(None, 0))) is None
    assert private.get(str(TilePath(None, 2))) is not None


def test_publishing_goes_on_after_pruning(
    runtime: Runtime, pruned: Archived, tmp_path: Path, command: Command
) -> None:
    fill(runtime, 300)

    publish_now(runtime)
    copied = command("publish", "--out", str(tmp_path / "copy"))

    assert copied.exit_code == 0, copied.output
    assert check(runtime).clean
    assert not (tmp_path / "copy" / str(TilePath(None, 1))).exists()


def test_a_bundle_over_pruned_entries_still_proves_its_range(
    runtime: Runtime, pruned: Archived, command: Command, tmp_path: Path
) -> None:
    made = command("export", "--action", "download.", "--out", str(tmp_path / "b.zip"))
    done = command("verify-bundle", str(tmp_path / "b.zip"))

    assert made.exit_code == 0, made.output
    assert done.exit_code == 0, done.output
    assert f"pruned: below {LEFT_OUT}, as a minimum signed by the log says" in done.stdout


def test_a_bundle_over_pruned_entries_claims_nothing_of_them(
    runtime: Runtime, pruned: Archived, command: Command, tmp_path: Path
) -> None:
    made = command("export", "--dataset", "none-such", "--out", str(tmp_path / "b.zip"))

    told = command("verify-bundle", str(tmp_path / "b.zip")).stdout
    manifest, _ = verify(tmp_path / "b.zip")
    for said in (made.stdout, told):
        assert f"no entry of the range from {LEFT_OUT} on answers the query" in said
    for said in (told, manifest["completeness"]["en"]):
        assert f"Entries below {LEFT_OUT} were pruned: the bundle holds their hashes" in said
        assert f"Every entry of the range from {LEFT_OUT} on is in this bundle" in said
    assert f"{LEFT_OUT}번 앞의 기록은" in manifest["completeness"]["ko"]
    assert f"이 범위에서는 {LEFT_OUT}번부터 모든 기록이" in manifest["completeness"]["ko"]


def test_of_a_range_that_was_pruned_whole_nothing_is_claimed() -> None:
    said = {"first": 0, "end": 300, "pruned": [256, LEFT_OUT]}

    words = (none_selected(said), completeness(said))

    assert words[0] == "no entry was selected: every entry of the range was pruned."
    assert "is in this bundle" not in words[1]


def test_a_range_above_the_minimum_speaks_of_no_pruning(
    runtime: Runtime, pruned: Archived, command: Command, tmp_path: Path
) -> None:
    command("export", "--from", "2027-12-01", "--out", str(tmp_path / "b.zip"))

    manifest, _ = verify(tmp_path / "b.zip")
    assert manifest["range"]["first"] == LEFT_OUT
    assert manifest["range"]["pruned"] == []


def test_the_operator_cannot_claim_more_to_be_pruned_than_a_signed_minimum_says(
    runtime: Runtime, pruned: Archived, command: Command, tmp_path: Path
) -> None:
    """The holder of the log's key leaves entry 700 out of a bundle, and signs that it is pruned."""
    path = tmp_path / "b.zip"
    command("export", "--person", "operator:1", "--out", str(path))
    note = sign_minimum(signer(runtime), 768, pruned.sha256, 7).encode()
    older = members_of(path)
    copied = {name.replace("512", "768"): older[name] for name in older if "pruned/" in name}

    with_note = {"pruned/768.minimum": note}
    for added, pruned_at in (
        ({}, [512]), ({}, []), ({}, [512, 768]), (with_note, [512, 768]),
        (copied | with_note, [512, 768]), (copied | with_note, [768]), (copied, [768]),
    ):  # fmt: skip
        forge(path, tmp_path / "forged.zip", signer(runtime), without(700, pruned_at, added))
        with pytest.raises(NotVerified, match=r"neither open nor redacted|pruned"):
            verify(tmp_path / "forged.zip")


def test_a_bundle_of_two_prunings_carries_both_steps(
    runtime: Runtime, pruned: Archived, command: Command, tmp_path: Path
) -> None:
    runtime.clock.advance(timedelta(days=500))  # type: ignore[attr-defined]
    fill(runtime, 100)
    made = archive(runtime, Actor.operator(), to_ms(runtime.clock.now()) - 1, tmp_path / "second")
    pruning.prune(runtime, Actor.operator(), made)
    path = tmp_path / "b.zip"

    command("export", "--person", "operator:1", "--out", str(path))

    assert verify(path)[0]["range"]["pruned"] == [LEFT_OUT, LEFT_OUT + 256]
    forge(path, tmp_path / "forged.zip", signer(runtime), without(None, [LEFT_OUT + 256], {}))
    with pytest.raises(NotVerified, match="does not tell of their archive"):
        verify(tmp_path / "forged.zip")


def test_with_nothing_old_enough_the_command_says_so_and_is_content(
    runtime: Runtime, command: Command, tmp_path: Path
) -> None:
    fill(runtime, 300)
    words = ("archive", "--before", "2026-01-01", "--out", str(tmp_path / "a"))

    done, as_json = command(*words), command(*words, "--json")

    assert (done.exit_code, as_json.exit_code) == (0, 0), done.output
    assert "nothing to archive" in done.stdout
    assert json.loads(as_json.stdout) == {"rows": 0, "pruned": 0}
    assert not (tmp_path / "a").exists()


def test_a_second_archive_continues_after_the_first(
    runtime: Runtime, pruned: Archived, tmp_path: Path
) -> None:
    runtime.clock.advance(timedelta(days=500))  # type: ignore[attr-defined]
    fill(runtime, 100)

    made = archive(runtime, Actor.operator(), to_ms(runtime.clock.now()) - 1, tmp_path / "second")
    pruning.prune(runtime, Actor.operator(), made)

    assert (made.first, made.end) == (LEFT_OUT, LEFT_OUT + 256)
    kept = run(runtime.db, "SELECT action FROM audit_entries WHERE idx < ?", made.end)
    assert {action for (action,) in kept} <= {Act.LOG_ARCHIVED}


def test_a_pruning_cut_short_is_taken_up_again(
    runtime: Runtime, old: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = archive(runtime, Actor.operator(), old, tmp_path / "archive")
    monkeypatch.setattr(pruning, "_AT_ONCE", 256)
    monkeypatch.setattr(pruning, "_unpublish", _fail)
    with pytest.raises(RuntimeError):
        pruning.prune(runtime, Actor.operator(), made)
    monkeypatch.undo()

    assert pruning.sweep(runtime) == LEFT_OUT - 256
    assert pruning.sweep(runtime) == 0


@pytest.mark.parametrize(
    "statement",
    [
        f"DELETE FROM audit_entries WHERE idx = {LEFT_OUT}",
        f"DELETE FROM audit_subjects WHERE idx >= {LEFT_OUT}",
        "DELETE FROM audit_tiles",
        "DELETE FROM audit_minimum",
        "UPDATE audit_minimum SET minimum = 768",
        "INSERT INTO audit_minimum (minimum, time_ms, note) VALUES (256, 1, 'x')",
        "INSERT INTO audit_minimum (minimum, time_ms, note) VALUES (1048576, 1, 'x')",
        "INSERT INTO audit_minimum (minimum, time_ms, note) VALUES (700, 1, 'x')",
    ],
)
def test_nothing_above_the_minimum_can_go(
    runtime: Runtime, pruned: Archived, kim: Person, statement: str
) -> None:
    from gateway.journal import Entry
    from tests.people import acting_as

    runtime.journal.append(Entry(acting_as(kim), Act.PERSON_VIEWED, subjects=[kim.id]))

    with pytest.raises(Exception, match=r"deleted|append-only|may only grow|constraint"):
        run(runtime.db, statement)


def test_erasures_and_archives_are_never_pruned(
    runtime: Runtime, command: Command, kim: Person, tmp_path: Path
) -> None:
    from gateway.evidence.erasure import erase

    runtime.clock.advance(timedelta(days=400))  # type: ignore[attr-defined]
    erase(runtime, Actor.operator(), "kim.sumun", "요청")
    fill(runtime, 600)
    runtime.clock.advance(timedelta(days=400))  # type: ignore[attr-defined]

    made = archive(runtime, Actor.operator(), to_ms(runtime.clock.now()) - 1, tmp_path / "archive")
    pruning.prune(runtime, Actor.operator(), made)

    kept = run(runtime.db, "SELECT action FROM audit_entries WHERE idx < ?", made.end)
    assert [action for (action,) in kept] == [Act.SUBJECT_ERASED]
    assert command("verify").exit_code == 0


@pytest.mark.parametrize(
    ("damage", "index"),
    [
        (lambda db: run(db, "DELETE FROM audit_entries WHERE idx = 600"), 600),
        (lambda db: run(db, "DELETE FROM audit_minimum"), 0),
        (lambda db: run(db, "UPDATE audit_minimum SET minimum = 768"), 767),
        (lambda db: run(db, "UPDATE audit_minimum SET note = 'x'"), 0),
        (lambda db: run(db, "UPDATE audit_minimum SET time_ms = time_ms + 1"), 511),
        (lambda db: run(db, f"INSERT INTO audit_minimum {_COPY}"), 767),
        (lambda db: run(db, "DELETE FROM audit_entries WHERE action = 'log.archived'"), 800),
        (lambda db: run(db, "UPDATE audit_times SET low_ms = 1 WHERE tile = 1"), 0),
        (lambda db: run(db, "UPDATE audit_times SET high_ms = high_ms + 1 WHERE tile = 0"), 0),
        (lambda db: run(db, "UPDATE audit_times SET high_ms = low_ms WHERE tile = 2"), 512),
    ],
)
def test_pruning_by_other_means_is_named(
    runtime: Runtime,
    pruned: Archived,
    command: Command,
    damage: Callable[[object], object],
    index: int,
) -> None:
    runtime.journal.log.checkpoint()
    drop_triggers(runtime.db)
    damage(runtime.db)

    done = command("verify", "--json")

    assert done.exit_code == 1
    found = [one["index"] for one in json.loads(done.stdout)["findings"]]
    assert min(abs(one - index) for one in found) <= 10


def test_the_command_refuses_to_prune_what_the_law_asks_to_keep(
    runtime: Runtime, command: Command, tmp_path: Path
) -> None:
    fill(runtime, 300)

    refused = command("archive", "--before", "2100-01-01", "--out", str(tmp_path / "a"), "--prune")

    assert refused.exit_code == 2
    assert refused.stderr.count("\n") == 1
    assert "access-record-retention" in refused.stderr
    assert not (tmp_path / "a").exists()


def test_rights_changed_within_three_years_are_not_pruned(runtime: Runtime, kim: Person) -> None:
    """Four years of a log: an auditor's role in the second stops the pruning there."""
    runtime.clock.at = datetime(2028, 2, 29, 12, tzinfo=UTC)  # type: ignore[attr-defined]
    fill(runtime, 300)
    runtime.clock.at += timedelta(days=10)  # type: ignore[attr-defined]
    grant(runtime, kim, Role.AUDITOR)
    runtime.clock.at += timedelta(days=10)  # type: ignore[attr-defined]
    fill(runtime, 300)
    runtime.clock.at = datetime(2031, 3, 1, 12, tzinfo=UTC)  # type: ignore[attr-defined]
    zone = runtime.settings.zone
    first_day = to_ms(datetime(2028, 3, 10, tzinfo=zone))

    for before in (first_day + 86_400_000, to_ms(datetime(2029, 1, 1, tzinfo=zone))):
        with pytest.raises(OperatorError) as refused:
            pruning.check_age(runtime, before)
        assert str(refused.value).startswith(
            "rights-record-retention: entries may be pruned only from before 2028-03-10: "
        )
        assert "kept until 2031-03-10" in str(refused.value)
    pruning.check_age(runtime, first_day)


def test_the_command_archives_and_prunes(
    runtime: Runtime, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUMUN_AUDIT_RETENTION_DAYS", "0")
    runtime.clock.at -= timedelta(days=900)  # type: ignore[attr-defined]
    fill(runtime, 600)

    done = command(
        "archive", "--before", "2026-01-01", "--out", str(tmp_path / "a"), "--prune", "--json"
    )

    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert (said["end"], said["pruned"]) == (LEFT_OUT, LEFT_OUT)


@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
def test_a_role_that_may_not_delete_is_told_who_may(
    runtime: Runtime, old: int, tmp_path: Path
) -> None:
    made = archive(runtime, Actor.operator(), old, tmp_path / "archive")
    run(runtime.db, "CREATE ROLE plain_gateway")
    run(runtime.db, "GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA public TO plain_gateway")
    mark = "&" if "?" in runtime.db.url else "?"
    plain = Database(f"{runtime.db.url}{mark}options=-crole%3Dplain_gateway")

    with pytest.raises(OperatorError, match="owner of the tables"):
        pruning.prune(replace(runtime, db=plain), Actor.operator(), made)

    plain.dispose()
    run(runtime.db, "DROP OWNED BY plain_gateway")
    run(runtime.db, "DROP ROLE plain_gateway")


def _fail(*_: object) -> None:
    raise RuntimeError("killed")
