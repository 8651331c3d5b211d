"""A backup holds whatever a restored gateway needs, and names what it cannot hold."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway import backup
from gateway.cli.main import root
from gateway.clock import Clock
from gateway.config import Settings
from gateway.runtime import Runtime
from gateway.startup import open_runtime
from gateway.witnessing import policy_file
from gateway.witnessing.quorum import quorum
from gateway.witnessing.service import published
from tests.integration.witnessing.conftest import Start

pytestmark = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)


def restored_to(runtime: Runtime, clock: Clock, tmp_path: Path) -> Settings:
    """Settings of a home restored from a backup of this one."""
    backup.make(runtime, tmp_path / "copy")
    home = runtime.settings.model_copy(update={"home": tmp_path / "again", "database_url": ""})
    backup.restore(home, tmp_path / "copy", clock)
    return home


def test_a_restored_log_still_waits_for_its_witnesses(
    runtime: Runtime, clock: Clock, start: Start, policy: Callable[..., None], tmp_path: Path
) -> None:
    policy(start("one"), quorum=1)
    before = policy_file.path_of(runtime.settings).read_bytes()

    home = restored_to(runtime, clock, tmp_path)

    assert policy_file.path_of(home).read_bytes() == before
    again = open_runtime(home, clock)
    try:
        assert published(again) is None
        assert not quorum(again.db, home, clock.now()).met
    finally:
        again.close()


def test_a_list_of_witnesses_kept_elsewhere_is_in_the_backup_too(
    runtime: Runtime, tmp_path: Path
) -> None:
    listed = tmp_path / "listed.txt"
    listed.write_text("quorum none\n")
    settings = runtime.settings.model_copy(update={"witnesses_file": listed})
    target = tmp_path / "copy"
    target.mkdir()

    backup._copy_rest(settings, target)

    assert (target / policy_file.NAME).read_text() == "quorum none\n"
    assert any(str(listed) in line for line in backup.by_hand(settings))


def test_a_restore_says_what_witnesses_and_monitors_have_to_do_next(
    runtime: Runtime, start: Start, policy: Callable[..., None], tmp_path: Path
) -> None:
    policy(start("one"), quorum=1)
    backup.make(runtime, tmp_path / "copy")
    words = ["restore", str(tmp_path / "copy"), "--home", str(tmp_path / "again")]

    done = CliRunner().invoke(root, words)

    assert done.exit_code == 0, done.output
    steps = [line for line in done.stdout.splitlines() if line.startswith("next: ")]
    assert "each witness (one) looks at the restore and forgets the log" in steps[0]
    assert "until a quorum has forgotten it says rolled_back" in steps[1]


def test_a_list_of_witnesses_that_is_missing_does_not_undo_a_restore(
    runtime: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backup.make(runtime, tmp_path / "copy")
    monkeypatch.setenv("SUMUN_WITNESSES_FILE", str(tmp_path / "nowhere.txt"))
    words = ["restore", str(tmp_path / "copy"), "--home", str(tmp_path / "again"), "--json"]

    done = CliRunner().invoke(root, words)

    assert done.exit_code == 0, done.output
    assert "put the list of witnesses in its place" in json.loads(done.stdout)["next"][0]


def test_without_witnesses_there_is_nothing_to_carry(
    runtime: Runtime, clock: Clock, tmp_path: Path
) -> None:
    home = restored_to(runtime, clock, tmp_path)

    assert not policy_file.path_of(home).exists()


def test_what_an_earlier_restore_set_aside_goes_along(
    runtime: Runtime, clock: Clock, tmp_path: Path
) -> None:
    """The log names its hash; without the file nobody could show what was lost."""
    folder = runtime.settings.home / "restored-20260101T000000Z"
    folder.mkdir()
    (folder / "lost-entries.jsonl").write_text("{}\n")

    home = restored_to(runtime, clock, tmp_path)

    assert (home.home / folder.name / "lost-entries.jsonl").read_text() == "{}\n"


def test_everything_else_in_the_home_is_known_to_be_made_again(
    runtime: Runtime, clock: Clock, tmp_path: Path
) -> None:
    """A new kind of file in the home must be carried, or added here on purpose."""
    made_again = {"cache", "imports", "sumun.lock", "sumun.publishing"}
    home = restored_to(runtime, clock, tmp_path)
    open_runtime(home, clock).close()

    lost = names(runtime.settings.home) - names(home.home) - made_again

    assert lost == set()


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if not path.name.startswith("sumun.db")}


def test_the_command_names_what_must_be_kept_by_hand(runtime: Runtime, tmp_path: Path) -> None:
    home = ["--home", str(runtime.settings.home)]

    plain = CliRunner().invoke(root, ["backup", str(tmp_path / "one"), *home])
    listed = CliRunner().invoke(root, ["backup", str(tmp_path / "two"), *home, "--json"])

    assert (plain.exit_code, listed.exit_code) == (0, 0), plain.output
    assert "not in it: the settings: sumun.toml" in plain.stdout
    assert any("witness" in line for line in json.loads(listed.stdout)["by_hand"])
