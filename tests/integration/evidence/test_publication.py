"""The worker publishes the log; strangers verify it with their own tools."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from audit.proof import verify_proof
from audit.publish import PublishedAltered
from audit.reader import Filters
from gateway.evidence import publication, wiring
from gateway.evidence.publication import Publisher, elected, publish_note
from gateway.evidence.reading import signer, snapshot
from gateway.evidence.tiles import copy_out
from gateway.journal import Act
from gateway.runtime import Runtime
from gateway.storage.shelf import BucketShelf, FolderShelf, NamedFiles, shelf
from tests.integration.evidence.conftest import Command, fill, published_log
from tests.parts import s3


@pytest.fixture(params=["folder", "bucket"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> NamedFiles:
    """Named files on local disk and on a real S3 server."""
    if request.param == "folder":
        return FolderShelf(tmp_path / "log")
    from gateway.storage import Store

    endpoint = request.getfixturevalue("s3_endpoint")
    return shelf(Store.open(s3.settings_for(tmp_path, endpoint, tmp_path.name)), "log")


def test_a_named_file_is_replaced_as_a_whole(files: NamedFiles) -> None:
    files.put("tile/0/000.p/1", b"one")
    files.put("tile/0/000.p/1", b"other")

    assert files.get("tile/0/000.p/1") == b"other"
    assert files.get("tile/0/000.p/2") is None


def test_what_is_put_if_absent_is_never_overwritten(files: NamedFiles) -> None:
    first = files.put_absent("tile/0/000", b"one")
    second = files.put_absent("tile/0/000", b"other")

    assert (first, second) == (True, False)
    assert files.get("tile/0/000") == b"one"


def test_removing_takes_what_lies_below_a_folder_and_nothing_else(files: NamedFiles) -> None:
    for path in ("tile/0/000.p/1", "tile/0/000.p/2", "tile/0/000"):
        files.put(path, b"x")

    files.remove_below("tile/0/000.p")
    files.remove_below("tile/0/001.p")
    files.remove("tile/0/002")

    kept = ("tile/0/000.p/1", "tile/0/000.p/2", "tile/0/000")
    assert [files.get(path) for path in kept] == [None, None, b"x"]


def test_the_worker_publishes_a_log_that_grew(runtime: Runtime) -> None:
    fill(runtime, 300)

    Publisher(runtime).tick()

    note = (published_log(runtime) / "checkpoint").read_text()
    assert note.split("\n")[1] == str(runtime.journal.log.size())


def test_publishing_is_a_beat_of_the_worker(runtime: Runtime) -> None:
    (beat,) = wiring.beats(runtime)
    fill(runtime, 3)

    beat.run()

    assert beat.seconds == 1
    assert (published_log(runtime) / "checkpoint").exists()


def test_a_log_that_did_not_grow_is_not_published_again(runtime: Runtime) -> None:
    publisher = Publisher(runtime)
    fill(runtime, 3)
    publisher.tick()
    (published_log(runtime) / "checkpoint").unlink()

    publisher.tick()

    assert not (published_log(runtime) / "checkpoint").exists()


def test_one_worker_at_a_time_publishes(runtime: Runtime) -> None:
    fill(runtime, 3)

    with elected(runtime.db) as first, elected(runtime.db) as second:
        Publisher(runtime).tick()

    assert (first, second) == (True, False)
    assert not (published_log(runtime) / "checkpoint").exists()


def test_several_publishers_and_a_growing_log_end_in_one_clean_publication(
    runtime: Runtime, command: Command
) -> None:
    publishers = [Publisher(runtime) for _ in range(3)]
    done = threading.Event()

    def publish(publisher: Publisher) -> None:
        while not done.is_set():
            publisher.tick()

    threads = [threading.Thread(target=publish, args=(one,)) for one in publishers]
    for thread in threads:
        thread.start()
    for _ in range(6):
        fill(runtime, 100)
    done.set()
    for thread in threads:
        thread.join()
    publishers[0].tick()

    assert command("fsck").exit_code == 0


def test_altered_tiles_stop_publication_and_are_told_in_the_log(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publication, "FAULT_SECONDS", 0)
    tile = published_log(runtime) / "tile/0/000"
    tile.parent.mkdir(parents=True)
    tile.write_bytes(b"other")
    fill(runtime, 300)
    publisher = Publisher(runtime)

    publisher.tick()
    publisher.tick()

    assert tile.read_bytes() == b"other"
    assert not (published_log(runtime) / "checkpoint").exists()
    with snapshot(runtime) as (_sql, reader):
        told = reader.search(Filters(action=Act.LOG_PUBLICATION_REFUSED))
    assert [reader.leaf(one).detail for one in told] == [{"index": 0, "path": "tile/0/000"}]


def test_publishing_to_s3_stands_up_to_fsck(
    runtime: Runtime, tmp_path: Path, s3_endpoint: str
) -> None:
    from gateway.evidence.tiles import check
    from gateway.storage import Store

    store = Store.open(s3.settings_for(tmp_path, s3_endpoint, tmp_path.name))
    target = publication.Shelves(shelf(store, "log"), shelf(store, "log-entries"))
    fill(runtime, 300)

    publish_note(runtime, runtime.journal.log.checkpoint().note, target)

    assert isinstance(target.public, BucketShelf)
    found = check(runtime, target)
    assert found.clean
    assert found.published == found.size


def test_a_stranger_verifies_a_copy_with_tools_of_their_own(
    runtime: Runtime, command: Command, tmp_path: Path
) -> None:
    folder = tmp_path / "copy"
    fill(runtime, 2000)

    copied = command("publish", "--out", str(folder), "--json")

    assert copied.exit_code == 0, copied.output
    size = json.loads(copied.stdout)["entries"]
    assert_a_stranger_accepts(runtime, folder, [0, 255, 256, 1023, size - 1])


def test_a_copy_can_be_continued_and_checked(
    runtime: Runtime, command: Command, tmp_path: Path
) -> None:
    folder = tmp_path / "copy"
    fill(runtime, 300)
    command("publish", "--out", str(folder))
    fill(runtime, 300)

    command("publish", "--out", str(folder))

    assert command("fsck", "--published", str(folder)).exit_code == 0


def test_a_copy_is_never_written_over_another_log(
    runtime: Runtime, command: Command, tmp_path: Path
) -> None:
    folder = tmp_path / "copy"
    folder.mkdir()
    (folder / "checkpoint").write_text("other.example/log\n1\nx\n")
    fill(runtime, 3)

    refused = command("publish", "--out", str(folder))

    assert refused.exit_code == 2
    assert refused.stderr.count("\n") == 1
    assert "checkpoint" in refused.stderr
    with pytest.raises(PublishedAltered):
        copy_out(runtime, folder)


def test_fsck_names_and_repairs_published_damage(runtime: Runtime, command: Command) -> None:
    fill(runtime, 600)
    command("publish")
    (published_log(runtime) / "tile/0/001").write_bytes(b"torn")

    found = command("fsck")
    repaired = command("fsck", "--repair-tiles", "--json")

    assert found.exit_code == 1
    assert "index 256: published: tile/0/001" in found.stdout
    assert repaired.exit_code == 0, repaired.output
    assert json.loads(repaired.stdout)["repaired"] == {"database": 0, "published": 1}
    assert command("fsck").exit_code == 0


def assert_a_stranger_accepts(runtime: Runtime, folder: Path, indexes: list[int]) -> None:
    """tlog-scales proves leaves against the checkpoint; our verifier accepts its proofs."""
    vkey = str(signer(runtime).verifier)
    for index in indexes:
        leaf = _tlog_tiles("get-leaf", "--check", f"file://{folder}", str(index))
        proof = _tlog_tiles("gen-proof", f"file://{folder}", str(index))
        verify_proof(proof.decode(), leaf, vkey)


def _tlog_tiles(*words: str) -> bytes:
    tool = Path(sys.executable).parent / "tlog-tiles"
    return subprocess.run([tool, *words], check=True, capture_output=True).stdout
