"""What one verification saw of checkpoints and cosignatures, the next one asks for."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

import pytest

from audit.verify.findings import Findings
from audit.verify.signed import VERIFIED, Signed, SignedCheck
from gateway.db import Database
from gateway.evidence.reading import snapshot
from gateway.identity.models import Person
from gateway.runtime import Runtime
from tests.integration.evidence import handmade
from tests.integration.evidence.conftest import Command, fill
from tests.integration.oversight.damage import drop_triggers, run


def grow(runtime: Runtime, person: Person, checkpoints: int) -> None:
    """Sign so many checkpoints, each over a new entry."""
    for _ in range(checkpoints):
        fill(runtime, 1, person)
        runtime.clock.advance(timedelta(seconds=2))  # type: ignore[attr-defined]
        runtime.journal.log.checkpoint(covering=runtime.journal.log.size())


def forget(db: Database, seq: int) -> None:
    """Take a checkpoint away and close the gap, as the holder of every right can."""
    drop_triggers(db)
    run(db, "DELETE FROM audit_checkpoints WHERE seq = ?", seq)
    for later in range(seq + 1, 100):
        run(db, "UPDATE audit_checkpoints SET seq = ? WHERE seq = ?", later - 1, later)
    count = "(SELECT COUNT(*) FROM audit_checkpoints)"
    run(db, f"UPDATE audit_head SET checkpoints = {count}")


@pytest.fixture
def told(runtime: Runtime, kim: Person, command: Command) -> int:
    """A log whose first checkpoints were verified, and some after them; how many were told of."""
    grow(runtime, kim, 3)
    done = command("verify", "--json")
    assert done.exit_code == 0, done.output
    grow(runtime, kim, 3)
    return int(json.loads(done.stdout)["checkpoints"])


def test_verification_says_how_far_the_log_vouches_for_its_signatures(
    runtime: Runtime, told: int, command: Command
) -> None:
    first, again = command("verify"), command("verify", "--json")

    assert first.exit_code == 0, first.output
    assert f"a verification, tells of {told} and 0: only later ones could be gone" in first.stdout
    assert json.loads(again.stdout)["told"]["checkpoints"] > told


def test_a_log_never_verified_says_that_some_could_be_gone(
    runtime: Runtime, kim: Person, command: Command
) -> None:
    grow(runtime, kim, 2)

    assert "some could be gone: no earlier verification tells of any" in command("verify").stdout


@pytest.mark.parametrize("which", [lambda _told: 1, lambda told: told - 1, lambda told: told])
def test_a_checkpoint_that_a_verification_saw_cannot_be_taken_away(
    runtime: Runtime, told: int, command: Command, which: Callable[[int], int]
) -> None:
    forget(runtime.db, which(told))

    done = command("verify", "--json")

    assert done.exit_code == 1
    (found,) = json.loads(done.stdout)["findings"]
    assert (found["table"], found["column"]) == ("audit_checkpoints", "seq")
    assert f"tells of {told} checkpoints" in found["what"]


def test_a_later_one_could_be_as_is_said(runtime: Runtime, told: int, command: Command) -> None:
    forget(runtime.db, told + 2)

    assert command("verify").exit_code == 0


def test_a_later_entry_that_tells_of_fewer_hides_nothing(
    runtime: Runtime, told: int, command: Command
) -> None:
    """Rows are taken away, and a verification that never was tells of what is left."""
    forget(runtime.db, told)
    with snapshot(runtime) as (sql, _reader):
        left = SignedCheck(sql, Findings()).finish()
    handmade.append(runtime, VERIFIED, _detail(left))

    done = command("verify", "--json")

    assert done.exit_code == 1
    assert f"tells of {told} checkpoints" in done.stdout


def test_of_two_verifications_at_once_the_one_that_saw_less_may_be_recorded_last(
    runtime: Runtime, told: int, command: Command
) -> None:
    with snapshot(runtime) as (sql, _reader):
        first = SignedCheck(sql, Findings()).finish()
    fill(runtime, 1)
    runtime.clock.advance(timedelta(seconds=2))  # type: ignore[attr-defined]
    runtime.journal.log.checkpoint(covering=runtime.journal.log.size())
    second = command("verify")
    handmade.append(runtime, VERIFIED, _detail(first))

    done = command("verify", "--json")

    assert (second.exit_code, done.exit_code) == (0, 0)
    assert json.loads(done.stdout)["told"]["checkpoints"] > first.checkpoints > told


def test_one_that_tells_of_fewer_must_be_right_as_well(
    runtime: Runtime, told: int, command: Command
) -> None:
    assert command("verify").exit_code == 0
    wrong = Signed(told, 0, "0" * 64)
    index = handmade.append(runtime, VERIFIED, _detail(wrong))

    (found,) = json.loads(command("verify", "--json").stdout)["findings"]

    assert found["index"] == index


def _detail(signed: Signed) -> dict[str, object]:
    return {
        "checkpoints": signed.checkpoints,
        "cosignatures": signed.cosignatures,
        "signed_sha256": signed.sha256,
    }
