"""A log made under load: strangers accept it, and one mutation is enough to be named."""

from __future__ import annotations

import json
import random
import shutil
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.cli.main import root
from gateway.db import Database
from gateway.evidence.publication import Publisher
from gateway.identity.models import Person
from gateway.journal import Act, Entry, Outcome
from gateway.runtime import Runtime
from tests.integration.evidence.conftest import Command
from tests.integration.evidence.test_publication import assert_a_stranger_accepts
from tests.integration.oversight.damage import drop_triggers, run
from tests.people import acting_as

THREADS = 32
Mutation = Callable[[Database, int], object]
MUTATIONS: list[tuple[str, Mutation]] = [
    (
        "the leaf of another",
        lambda db, at: run(
            db,
            "UPDATE audit_entries SET leaf = "
            "(SELECT leaf FROM audit_entries WHERE idx = ?) WHERE idx = ?",
            at + 1,
            at,
        ),
    ),
    (
        "a search column",
        lambda db, at: run(db, "UPDATE audit_entries SET dataset = 'x' WHERE idx = ?", at),
    ),
    ("a deleted row", lambda db, at: run(db, "DELETE FROM audit_entries WHERE idx = ?", at)),
    (
        "a tile",
        lambda db, at: run(
            db, "UPDATE audit_tiles SET data = zeroblob(8192) WHERE level = 0 AND tile = ?", at >> 8
        ),
    ),
    ("a time", lambda db, at: run(db, "UPDATE audit_entries SET time_ms = 1 WHERE idx = ?", at)),
]


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"], indirect=True)
def test_a_log_under_load_is_accepted_by_strangers_and_by_us(
    runtime: Runtime, kim: Person, command: Command, tmp_path: Path
) -> None:
    _load(runtime, kim, 2_000)

    _accepted(runtime, command, tmp_path / "copy")


@pytest.mark.soak
@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"], indirect=True)
def test_seventy_thousand_entries_are_accepted_by_strangers_and_by_us(
    runtime: Runtime, kim: Person, command: Command, tmp_path: Path
) -> None:
    _load(runtime, kim, 70_000)

    _accepted(runtime, command, tmp_path / "copy")


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_after_any_one_mutation_the_index_is_named(
    runtime: Runtime, kim: Person, tmp_path: Path
) -> None:
    _load(runtime, kim, 2_000)

    _mutations_are_named(runtime, tmp_path)


@pytest.mark.soak
@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_after_any_one_mutation_of_seventy_thousand_the_index_is_named(
    runtime: Runtime, kim: Person, tmp_path: Path
) -> None:
    _load(runtime, kim, 70_000)

    _mutations_are_named(runtime, tmp_path)


def _load(runtime: Runtime, person: Person, count: int) -> None:
    """Many threads append at once while the log is being published."""
    actor, done = acting_as(person), threading.Event()
    publisher = Publisher(runtime)

    def append(number: int) -> None:
        entry = Entry(
            actor,
            Act.DOWNLOAD_AUTHORIZED,
            Outcome.ALLOW,
            dataset="voices",
            item=f"음성/{number}.wav",
        )
        runtime.journal.append(entry)

    def publish() -> None:
        while not done.wait(0.2):
            publisher.tick()

    beat = threading.Thread(target=publish)
    beat.start()
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(append, range(count)))
    done.set()
    beat.join()
    publisher.tick()


def _accepted(runtime: Runtime, command: Command, copy: Path) -> None:
    copied = command("publish", "--out", str(copy), "--json")
    size = json.loads(copied.stdout)["entries"]
    rng = random.Random(size)
    assert_a_stranger_accepts(runtime, copy, [0, size - 1, *rng.sample(range(size), 6)])
    assert command("fsck").exit_code == 0
    verified = command("verify", "--json")
    assert verified.exit_code == 0, verified.output
    assert json.loads(verified.stdout)["size"] >= size


def _mutations_are_named(runtime: Runtime, tmp_path: Path) -> None:
    runtime.journal.log.checkpoint()
    size = runtime.journal.log.size()
    runtime.close()
    rng = random.Random(size)
    for name, mutate in MUTATIONS:
        home = tmp_path / name.replace(" ", "-")
        shutil.copytree(runtime.settings.home, home, ignore=shutil.ignore_patterns("objects"))
        db, at = Database(f"sqlite:///{home / 'sumun.db'}"), rng.randrange(size - 300)
        drop_triggers(db)
        mutate(db, at)
        db.dispose()

        done = CliRunner().invoke(root, ["audit", "verify", "--json", "--home", str(home)])

        assert done.exit_code == 1, name
        named = [one["index"] for one in json.loads(done.stdout)["findings"]]
        assert at in named or (name == "a tile" and at & ~0xFF in named), (name, at, named)
