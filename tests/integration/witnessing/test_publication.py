"""With a quorum of witnesses, storage is given what they have cosigned, and nothing else."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from click.testing import Result

from gateway.evidence.publication import Publisher, shelves
from gateway.evidence.tiles import check
from gateway.runtime import Runtime
from gateway.witnessing.service import ask_all
from tests.integration.witnessing.conftest import Start

pytestmark = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)


def test_nothing_is_published_before_the_quorum_is_met(
    runtime: Runtime,
    start: Start,
    policy: Callable[..., None],
    grow: Callable[..., int],
    command: Callable[..., Result],
) -> None:
    policy(start("busan"), quorum=1)
    grow(3)

    Publisher(runtime).tick()
    told = command("publish")

    assert shelves(runtime).public.get("checkpoint") is None
    assert told.exit_code == 2
    assert "witnesses have not yet cosigned" in told.stderr


def test_what_the_witnesses_cosigned_is_published_with_their_signatures(
    runtime: Runtime, start: Start, policy: Callable[..., None], grow: Callable[..., int]
) -> None:
    witness = start("busan")
    policy(witness, quorum=1)
    grow(3)
    ask_all(runtime)
    grow(3)

    Publisher(runtime).tick()

    note = (shelves(runtime).public.get("checkpoint") or b"").decode()
    assert f"— {witness.cosigner.key.name} " in note
    assert int(note.split("\n")[1]) < runtime.journal.log.size()
    assert check(runtime).clean


def test_later_cosignatures_are_published_too(
    runtime: Runtime, start: Start, policy: Callable[..., None], grow: Callable[..., int]
) -> None:
    publisher = Publisher(runtime)
    grow(3)
    runtime.journal.log.checkpoint()
    publisher.tick()
    before = shelves(runtime).public.get("checkpoint") or b""
    policy(start("busan"), quorum=1)
    ask_all(runtime)

    publisher.tick()

    after = shelves(runtime).public.get("checkpoint") or b""
    assert after.startswith(before)
    assert len(after) > len(before)
