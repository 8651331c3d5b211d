"""`sumun audit monitor` against the running gateway's addresses, and against a published folder."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from flask import Flask

from audit.checkpoint import Checkpoint
from gateway import backup
from gateway.app import create_app
from gateway.cli.main import root
from gateway.clock import FixedClock
from gateway.config import Settings
from gateway.db import Database
from gateway.journal import Actor
from gateway.journal.log_key import log_signer
from gateway.runtime import Runtime
from gateway.startup import assemble
from gateway.witnessing.models import Ending
from gateway.witnessing.rotation import rotate
from gateway.witnessing.service import ask_all
from tests.integration.witnessing.conftest import Start
from tests.parts.wsgi import serving

Grow = Callable[..., int]
Watch = Callable[..., Result]


@pytest.fixture
def url(app: Flask) -> Iterator[str]:
    with serving(app) as port:
        yield f"http://127.0.0.1:{port}/log"


@pytest.fixture
def watch(url: str, tmp_path: Path) -> Watch:
    """Look once; the verdict is in JSON."""

    def look(*words: str, at: str = url) -> Result:
        state = str(tmp_path / "monitor")
        return CliRunner().invoke(
            root, ["audit", "monitor", at, "--state", state, "--json", *words]
        )

    return look


def verdict(result: Result) -> tuple[int, str]:
    assert result.stdout, result.output
    return result.exit_code, json.loads(result.stdout)["verdict"]


def sign(runtime: Runtime, size: int, root_hash: bytes) -> str:
    """A checkpoint with the log's real key, whatever it says."""
    log = runtime.journal.log
    signer = log_signer(runtime.keys, log.origin, None)
    return str(signer.sign(str(Checkpoint(log.origin, size, root_hash)), 1_800_000_000))


def test_a_growing_log_is_followed(watch: Watch, grow: Grow) -> None:
    found = []
    for count in (3, 300, 0):
        grow(count)
        found.append(verdict(watch()))

    assert found == [(0, "first"), (0, "grew"), (0, "unchanged")]


def test_the_key_may_be_given_and_must_fit(watch: Watch, runtime: Runtime, grow: Grow) -> None:
    grow()
    wrong = "localhost:8400/log+00000000+AAAA"

    assert watch("--key", wrong).exit_code == 2
    assert verdict(watch("--key", runtime.journal.log.vkey())) == (0, "first")


def test_two_views_signed_with_the_real_key_are_found_and_kept(
    watch: Watch, runtime: Runtime, grow: Grow, tmp_path: Path
) -> None:
    index = grow(5)
    peer = tmp_path / "peer"
    peer.write_text(sign(runtime, index + 1, b"f" * 32))

    result = watch("--peer", str(peer))

    assert verdict(result) == (1, "split_view")
    kept = Path(json.loads(result.stdout)["evidence"])
    assert peer.read_text() in kept.read_text()
    assert verdict(watch()) == (0, "first")


def test_a_fork_signed_with_the_real_key_is_found(
    watch: Watch, runtime: Runtime, grow: Grow, tmp_path: Path
) -> None:
    grow(5)
    watch()
    state = tmp_path / "monitor" / "state"
    vkey = state.read_text().partition("\n")[0]
    state.write_text(f"{vkey}\n{sign(runtime, 3, b'f' * 32)}")

    assert verdict(watch()) == (1, "forked")
    assert verdict(watch()) == (1, "forked")


def test_a_rollback_is_found(watch: Watch, runtime: Runtime, grow: Grow, tmp_path: Path) -> None:
    grow(5)
    watch()
    state = tmp_path / "monitor" / "state"
    vkey = state.read_text().partition("\n")[0]
    state.write_text(f"{vkey}\n{sign(runtime, 900, b'f' * 32)}")

    assert verdict(watch()) == (1, "rolled_back")


def test_a_rotated_key_is_followed(watch: Watch, runtime: Runtime, grow: Grow) -> None:
    grow(2)
    watch()
    rotate(runtime, Actor.operator())
    grow(2)

    assert verdict(watch()) == (0, "grew")
    grow(1)
    assert verdict(watch()) == (0, "grew")


def test_a_new_monitor_may_begin_between_a_rotation_and_the_next_cosigning(
    watch: Watch, runtime: Runtime, grow: Grow, start: Start, policy: Callable[..., None]
) -> None:
    """Witnesses do not know the new key yet: the checkpoint is still one of the old key."""
    policy(start("one"), quorum=1)
    grow(2)
    ask_all(runtime)
    rotate(runtime, Actor.operator())
    grow(2)
    answered = [one.ending for one in ask_all(runtime)]

    assert answered == [Ending.REFUSED]
    assert verdict(watch()) == (0, "first")
    assert verdict(watch()) == (0, "unchanged")


def test_two_monitors_that_name_each_other_begin_one_after_the_other(
    watch: Watch, grow: Grow, tmp_path: Path
) -> None:
    grow(2)
    mine, other = tmp_path / "monitor", tmp_path / "other"
    results = [
        watch("--peer", str(other / "checkpoint")),
        watch("--peer", str(mine / "checkpoint"), "--state", str(other)),
        watch("--peer", str(other / "checkpoint")),
        watch("--peer", str(mine / "checkpoint"), "--state", str(other)),
    ]

    assert [result.exit_code for result in results] == [0, 0, 0, 0]
    assert "nothing to compare with yet" in results[0].stderr
    assert [result.stderr for result in results[2:]] == ["", ""]


def test_later_a_peer_that_cannot_be_read_is_told_and_hides_no_finding(
    watch: Watch, runtime: Runtime, grow: Grow, tmp_path: Path
) -> None:
    grow(2)
    watch()
    missing = ("--peer", str(tmp_path / "gone"))
    split = tmp_path / "peer"
    split.write_text(sign(runtime, 2, b"f" * 32))

    alone = watch(*missing)
    found = watch(*missing, "--peer", str(split))

    assert verdict(alone) == (2, "unchanged")
    assert len(alone.stderr.splitlines()) == 1
    assert verdict(found) == (1, "split_view")


def test_a_log_that_stopped_is_found_when_that_is_asked_for(
    watch: Watch, grow: Grow, clock: FixedClock
) -> None:
    clock.at = datetime.now(UTC) - timedelta(hours=2)
    grow(2)

    assert verdict(watch("--fresh", "1h")) == (1, "stale")
    assert verdict(watch()) == (0, "unchanged")
    clock.at = datetime.now(UTC)
    grow(2)
    assert verdict(watch("--fresh", "1h")) == (0, "grew")
    assert watch("--fresh", "soon").exit_code == 2


def test_a_checkpoint_dated_ahead_is_kept_as_evidence(
    watch: Watch, grow: Grow, clock: FixedClock
) -> None:
    clock.at = datetime.now(UTC) + timedelta(hours=2)
    grow(2)

    found = watch("--fresh", "1h")

    assert verdict(found) == (1, "future")
    assert json.loads(found.stdout)["evidence"]
    assert verdict(watch()) == (0, "unchanged")


def test_a_log_that_cannot_be_reached_is_no_finding(watch: Watch) -> None:
    result = watch(at="http://127.0.0.1:1/log")

    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "words", [["--every", "5"], ["--every", "0s"], ["--once", "--every", "5s"]]
)
def test_wrong_intervals_are_refused(watch: Watch, words: list[str]) -> None:
    assert watch(*words).exit_code == 2


# PostgreSQL is backed up with its own tools; what follows is the same.
@pytest.mark.parametrize("dialect", ["sqlite"])
def test_a_restored_backup_is_told_and_accepted_once(
    runtime: Runtime, grow: Grow, tmp_path: Path, watch: Watch
) -> None:
    grow(4)
    backup.make(runtime, tmp_path / "copy")
    lost = grow(6)
    watch()

    home = runtime.settings.model_copy(update={"home": tmp_path / "again", "database_url": ""})
    backup.restore(home, tmp_path / "copy", runtime.clock)
    told, again, accepted, after = _watch_home(home, runtime, watch)

    assert verdict(told) == verdict(again) == (1, "restored")
    match = re.search(r"the (\d+) entries after", json.loads(told.stdout)["what"])
    assert match is not None
    assert int(match[1]) <= lost
    assert verdict(accepted) == (0, "restored")
    assert verdict(after)[0] == 0


def _watch_home(home: Settings, runtime: Runtime, watch: Watch) -> list[Result]:
    """Serve the restored home, and look four times, accepting the third."""
    from gateway.config import Settings

    assert isinstance(home, Settings)
    restored = assemble(home, Database(home.database), runtime.clock)
    try:
        with serving(create_app(restored)) as port:
            at = f"http://127.0.0.1:{port}/log"
            return [watch(*words, at=at) for words in ((), (), ("--accept",), ())]
    finally:
        restored.close()
