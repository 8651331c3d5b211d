"""A restored backup: what was published after it is kept, named, and never forgotten."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from audit.publish import CHECKPOINT, PublishedAltered
from audit.restoration import RESTORED
from audit.search import Filters
from gateway import backup
from gateway.backup import Restored, begin_epoch, make, restore
from gateway.cli.main import root
from gateway.clock import Clock
from gateway.config import load
from gateway.errors import OperatorError
from gateway.evidence import restored
from gateway.evidence.erasure import erase
from gateway.evidence.publication import publish_now
from gateway.evidence.reading import snapshot
from gateway.identity.models import Person
from gateway.journal import Act, Actor
from gateway.runtime import Runtime
from gateway.startup import open_runtime
from tests.integration.evidence import handmade
from tests.integration.evidence.conftest import fill, published_log

pytestmark = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
AFTER = 400


@pytest.fixture
def in_place(runtime: Runtime, tmp_path: Path) -> Callable[[], Restored]:
    """Put the database back to where it stands now, as its own tools would, and begin anew."""
    fill(runtime, 300)
    publish_now(runtime)
    assert runtime.db.path is not None
    backup._copy_database(runtime.db.path, tmp_path / "earlier.db")

    def roll_back() -> Restored:
        runtime.journal.log.close()
        runtime.db.dispose()
        for path in runtime.settings.home.glob("sumun.db*"):
            path.unlink()
        shutil.copy(tmp_path / "earlier.db", runtime.settings.home / "sumun.db")
        return begin_epoch(runtime.settings, runtime.clock)

    return roll_back


def test_what_was_published_after_the_backup_is_kept_and_named(
    runtime: Runtime, clock: Clock, tmp_path: Path
) -> None:
    fill(runtime, 300)
    made = make(runtime, tmp_path / "backup")
    fill(runtime, AFTER)
    size = publish_now(runtime)
    leaves = _leaves(runtime, made.log_size, size)
    lost_objects = published_log(runtime).parent

    done = restore(load({}, home=tmp_path / "new"), tmp_path / "backup", clock, lost_objects)

    assert (done.lost, done.kept) == (size - made.log_size, size - made.log_size)
    assert _kept(done) == leaves
    assert done.folder is not None
    assert Path(done.folder).parent == tmp_path / "new"
    with open_new(tmp_path / "new", clock) as opened, snapshot(opened) as (_sql, reader):
        (row,) = reader.search(Filters(action=Act.LOG_RESTORED))
        detail = reader.leaf(row).detail
    assert (detail["lost_first"], detail["lost_end"]) == (made.log_size, size)
    assert detail["known_checkpoint"] == (published_log(runtime) / CHECKPOINT).read_text()


def test_the_command_says_what_was_lost_and_the_new_home_verifies(
    runtime: Runtime, tmp_path: Path
) -> None:
    fill(runtime, 300)
    make(runtime, tmp_path / "backup")
    fill(runtime, 10)
    publish_now(runtime)
    home, objects = str(tmp_path / "new"), str(published_log(runtime).parent)
    words = ["restore", str(tmp_path / "backup"), "--published", objects, "--home", home, "--json"]

    done = CliRunner().invoke(root, words)
    verified = CliRunner().invoke(root, ["audit", "verify", "--home", home])

    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["lost"] == 10
    assert verified.exit_code == 0, verified.output


def test_the_log_says_which_operator_restored_it(
    runtime: Runtime, clock: Clock, tmp_path: Path
) -> None:
    fill(runtime, 3)
    make(runtime, tmp_path / "backup")

    restore(load({}, home=tmp_path / "new"), tmp_path / "backup", clock)

    with open_new(tmp_path / "new", clock) as opened, snapshot(opened) as (_sql, reader):
        (row,) = reader.search(Filters(action=Act.LOG_RESTORED))
        fields = reader.personal(reader.leaf(row))[str(row.columns.person)]
    assert fields is not None
    assert fields["personal"] == Actor.operator().personal


def test_a_checkpoint_of_what_was_lost_is_a_finding_that_names_the_restore(
    runtime: Runtime, tmp_path: Path
) -> None:
    fill(runtime, 300)
    made = make(runtime, tmp_path / "backup")
    fill(runtime, 10)
    log = runtime.journal.log
    (tmp_path / "kept").write_text(log.checkpoint(covering=log.size()).note)
    home = str(tmp_path / "new")
    CliRunner().invoke(root, ["restore", str(tmp_path / "backup"), "--home", home])
    words = ["audit", "verify", "--home", home, "--since", str(tmp_path / "kept")]

    behind = CliRunner().invoke(root, words)
    with open_new(tmp_path / "new", runtime.clock) as opened:
        fill(opened, 100)
    forked = CliRunner().invoke(root, words)

    for done in (behind, forked):
        assert done.exit_code == 1, done.output
        first = done.stdout.splitlines()[0]
        assert f"entry {made.log_size} says that a backup of {made.log_size} entries" in first


def test_without_a_published_log_nothing_is_said_to_be_lost(
    runtime: Runtime, clock: Clock, tmp_path: Path
) -> None:
    fill(runtime, 3)
    make(runtime, tmp_path / "backup")

    done = restore(load({}, home=tmp_path / "new"), tmp_path / "backup", clock)

    assert done == Restored(2)


def test_entries_whose_bundle_is_gone_are_counted_all_the_same(
    runtime: Runtime, clock: Clock, tmp_path: Path
) -> None:
    fill(runtime, 300)
    made = make(runtime, tmp_path / "backup")
    fill(runtime, AFTER)
    size = publish_now(runtime)
    shutil.rmtree(published_log(runtime).parent / "log-entries/tile/entries/002.p")

    done = restore(
        load({}, home=tmp_path / "new"), tmp_path / "backup", clock, published_log(runtime).parent
    )

    assert done.lost == size - made.log_size
    assert done.kept == 512 - made.log_size


def test_an_altered_published_entry_is_not_believed(
    runtime: Runtime, clock: Clock, tmp_path: Path
) -> None:
    fill(runtime, 300)
    make(runtime, tmp_path / "backup")
    fill(runtime, 10)
    publish_now(runtime)
    (path,) = (published_log(runtime).parent / "log-entries/tile/entries/001.p").iterdir()
    path.write_bytes(path.read_bytes().replace(b'"voices"', b'"noises"'))

    done = restore(
        load({}, home=tmp_path / "new"), tmp_path / "backup", clock, published_log(runtime).parent
    )

    assert (done.lost, done.kept) == (10, 0)


def test_the_log_goes_on_being_published_where_it_was(
    runtime: Runtime, in_place: Callable[[], Restored]
) -> None:
    fill(runtime, AFTER)
    publish_now(runtime)

    done = in_place()

    assert done.lost == AFTER
    assert len(_kept(done)) == AFTER
    with open_new(runtime.settings.home, runtime.clock) as opened:
        fill(opened, AFTER)
        size = publish_now(opened)
        from gateway.evidence.tiles import check

        found = check(opened)
    assert found.clean
    assert found.published == size


def test_a_restore_cut_short_is_finished_by_the_next(
    runtime: Runtime, in_place: Callable[[], Restored], monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(runtime, AFTER)
    publish_now(runtime)
    monkeypatch.setattr(restored, "set_aside", _killed)
    with pytest.raises(RuntimeError):
        in_place()
    monkeypatch.undo()
    with open_new(runtime.settings.home, runtime.clock) as opened, pytest.raises(PublishedAltered):
        publish_now(opened)

    done = begin_epoch(runtime.settings, runtime.clock)

    assert done == Restored(3)
    with open_new(runtime.settings.home, runtime.clock) as opened:
        assert publish_now(opened) == opened.journal.log.size()


def test_a_published_log_that_went_another_way_stops_the_restore(
    runtime: Runtime, in_place: Callable[[], Restored], tmp_path: Path
) -> None:
    fill(runtime, AFTER)
    publish_now(runtime)
    for tile in (published_log(runtime) / "tile/1/000.p").iterdir():
        tile.write_bytes(b"x" * len(tile.read_bytes()))

    with pytest.raises(OperatorError, match="does not continue the restored log"):
        in_place()


@pytest.mark.parametrize("text", ["", "nonsense", f"other.example/log\n9\n{'A' * 43}=\n\n— a b\n"])
def test_a_backup_that_names_another_logs_checkpoint_stops_the_restore(
    runtime: Runtime, clock: Clock, tmp_path: Path, text: str
) -> None:
    fill(runtime, 3)
    make(runtime, tmp_path / "backup")
    about = tmp_path / "backup" / backup.ABOUT
    about.write_text(json.dumps(json.loads(about.read_text()) | {"checkpoint": text}))

    with pytest.raises(OperatorError, match="checkpoint of the backup"):
        restore(load({}, home=tmp_path / "new"), tmp_path / "backup", clock)

    assert not (tmp_path / "new").exists()


def test_a_restore_made_by_hand_takes_nothing_off_the_shelves(runtime: Runtime) -> None:
    fill(runtime, 300)
    publish_now(runtime)
    published = (published_log(runtime) / CHECKPOINT).read_text()
    detail = {"known_checkpoint": published, "lost_first": 0, "lost_end": 300}
    handmade.append(runtime, RESTORED, detail, new_epoch=True)

    begin_epoch(runtime.settings, runtime.clock)

    assert (published_log(runtime) / CHECKPOINT).read_text() == published
    assert (published_log(runtime) / "tile/0/000").exists()


@pytest.mark.parametrize("text", ["", "other.example/log\n9\nx\n\n— a b\n"])
def test_another_logs_publication_stops_the_restore(
    runtime: Runtime, clock: Clock, tmp_path: Path, text: str
) -> None:
    fill(runtime, 3)
    make(runtime, tmp_path / "backup")
    (tmp_path / "objects/log").mkdir(parents=True)
    (tmp_path / "objects/log/checkpoint").write_text(text)

    with pytest.raises(OperatorError, match="does not continue"):
        restore(load({}, home=tmp_path / "new"), tmp_path / "backup", clock, tmp_path / "objects")

    assert not (tmp_path / "new").exists()


def test_an_erasure_that_was_lost_is_named(
    runtime: Runtime, clock: Clock, kim: Person, tmp_path: Path
) -> None:
    fill(runtime, 3)
    make(runtime, tmp_path / "backup")
    gone = erase(runtime, Actor.operator(), "kim.sumun", "요청")
    fill(runtime, 1)
    publish_now(runtime)

    done = restore(
        load({}, home=tmp_path / "new"), tmp_path / "backup", clock, published_log(runtime).parent
    )

    assert done.erase_again == (gone.token,)


def open_new(home: Path, clock: Clock):
    from contextlib import contextmanager

    @contextmanager
    def opened():
        runtime = open_runtime(load({}, home=home), clock)
        try:
            yield runtime
        finally:
            runtime.close()

    return opened()


def _leaves(runtime: Runtime, first: int, end: int) -> dict[int, str]:
    with snapshot(runtime) as (_sql, reader):
        rows = [reader.get(index) for index in range(first, end)]
        return {row.index: row.leaf.decode() for row in rows if row is not None}


def _kept(done: Restored) -> dict[int, str]:
    assert done.folder is not None
    lines = (Path(done.folder) / "lost-entries.jsonl").read_text("utf-8").splitlines()
    return {one["index"]: one["leaf"] for one in map(json.loads, lines)}


def _killed(*_: object) -> None:
    raise RuntimeError("killed")
