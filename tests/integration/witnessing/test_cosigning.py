"""The worker has checkpoints cosigned; what is published meets the quorum."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from audit.note import parse_note
from audit.proof import verify_proof
from audit.search import Filters
from audit.witness_state import file_name, write_durably
from gateway.clock import from_ms
from gateway.errors import OperatorError
from gateway.oversight.offline import verify_home
from gateway.runtime import Runtime
from gateway.witnessing import policy_file
from gateway.witnessing.models import Ending
from gateway.witnessing.quorum import Quorum
from gateway.witnessing.quorum import quorum as judged
from gateway.witnessing.service import ask_all, log_read, published, standings
from gateway.witnessing.wiring import beats
from tests.integration.witnessing.conftest import Neighbour, Start

Policy = Callable[..., None]
Grow = Callable[..., int]


def endings(runtime: Runtime) -> list[Ending]:
    return [one.ending for one in ask_all(runtime)]


def quorum(runtime: Runtime) -> Quorum:
    return judged(runtime.db, runtime.settings, runtime.clock.now())


def size(note: str | None) -> int:
    assert note is not None
    return int(note.split("\n")[1])


def test_without_a_policy_the_log_publishes_its_own_checkpoint(
    runtime: Runtime, grow: Grow
) -> None:
    index = grow()

    assert ask_all(runtime) == []
    assert size(published(runtime)) == index + 1
    assert quorum(runtime).met


def test_two_witnesses_cosign_honest_growth(
    runtime: Runtime, start: Start, policy: Policy, grow: Grow
) -> None:
    one, two = start("one"), start("two")
    policy(one, two, quorum=2)

    for count in (1, 5, 260):
        index = grow(count)
        assert endings(runtime) == [Ending.COSIGNED] * 2
        note = parse_note(published(runtime) or "")
        assert size(str(note)) == index + 1
        assert one.cosigner.key.time_of(note) > 0
        assert two.cosigner.key.time_of(note) > 0
    assert quorum(runtime).met
    assert verify_home(runtime.settings).findings == ()


def test_a_checkpoint_that_all_have_cosigned_is_not_sent_again(
    runtime: Runtime, start: Start, policy: Policy, grow: Grow
) -> None:
    policy(start("one"), quorum=1)
    grow()

    assert endings(runtime) == [Ending.COSIGNED]
    assert endings(runtime) == []


def test_an_unmet_quorum_publishes_nothing(
    runtime: Runtime, app: Flask, start: Start, policy: Policy, grow: Grow
) -> None:
    one = start("one")
    dead = Neighbour(start("two").cosigner, "http://127.0.0.1:1/", one.state)
    policy(one, dead, quorum=2)
    grow()

    assert endings(runtime) == [Ending.COSIGNED, Ending.UNREACHABLE]
    assert published(runtime) is None
    answer = app.test_client().get("/log/checkpoint")
    assert (answer.status_code, answer.mimetype) == (404, "application/problem+json")
    assert not quorum(runtime).met


def test_while_a_witness_is_away_the_older_checkpoint_stands(
    runtime: Runtime, app: Flask, start: Start, policy: Policy, grow: Grow, clock: Any
) -> None:
    one, two = start("one"), start("two")
    policy(one, two, quorum=2)
    index = grow()
    ask_all(runtime)
    policy(one, Neighbour(two.cosigner, "http://127.0.0.1:1/", two.state), quorum=2)
    grow(3)

    assert endings(runtime) == [Ending.COSIGNED, Ending.UNREACHABLE]
    assert size(app.test_client().get("/log/checkpoint").text) == index + 1
    clock.advance(timedelta(seconds=120))
    assert not quorum(runtime).met
    policy(one, two, quorum=2)
    ask_all(runtime)
    assert size(published(runtime)) > index + 1


def away(one: Neighbour) -> Neighbour:
    """The same witness, where nobody answers."""
    return Neighbour(one.cosigner, "http://127.0.0.1:1/", one.state)


def test_a_busy_log_whose_witness_is_away_is_found_although_its_checkpoints_are_new(
    runtime: Runtime, start: Start, policy: Policy, grow: Grow, clock: Any
) -> None:
    one, two = start("one"), start("two")
    policy(one, two, quorum=2)
    grow()
    ask_all(runtime)
    (last,) = {standing.cosigned for standing in standings(runtime)}
    policy(one, away(two), quorum=2)
    found = []
    for _ in range(4):
        grow()
        ask_all(runtime)
        clock.advance(timedelta(seconds=10))
        found.append(quorum(runtime))

    assert [each.met for each in found] == [True, True, False, False]
    assert last is not None
    assert {each.since for each in found} == {from_ms(last.time_ms)}
    when = from_ms(last.time_ms).astimezone(runtime.settings.zone)
    assert f"not cosigned by it since {when:%Y-%m-%d %H:%M:%S}" in found[-1].words


def test_however_long_a_witness_is_away_the_older_checkpoint_stands(
    runtime: Runtime, start: Start, policy: Policy, grow: Grow
) -> None:
    one, two = start("one"), start("two")
    policy(one, two, quorum=2)
    index = grow()
    ask_all(runtime)
    policy(one, away(two), quorum=2)
    for _ in range(130):
        grow()
        ask_all(runtime)

    assert size(published(runtime)) == index + 1
    assert f"for {index + 1} of" in quorum(runtime).words


def test_a_proof_carries_the_cosignatures(
    runtime: Runtime, start: Start, policy: Policy, grow: Grow
) -> None:
    one, two = start("one"), start("two")
    policy(one, two, quorum=2)
    index = grow(70)
    ask_all(runtime)

    with log_read(runtime) as (_, reader):
        newest, entry = reader.latest_checkpoint(), reader.get(index)
        assert newest is not None
        assert entry is not None
        proof = str(reader.prove(index, newest))

    assert verify_proof(proof, entry.leaf, runtime.journal.log.vkey()).size == index + 1
    note = parse_note(proof.split("\n\n", 1)[1])
    assert min(one.cosigner.key.time_of(note), two.cosigner.key.time_of(note)) > 0


def test_a_witness_that_begins_afresh_catches_up(
    runtime: Runtime, start: Start, policy: Policy, grow: Grow
) -> None:
    one = start("one")
    policy(one, quorum=1)
    grow(4)
    ask_all(runtime)
    for path in one.state.glob("*.checkpoint"):
        path.unlink()
    grow(4)

    assert endings(runtime) == [Ending.COSIGNED]


def test_a_log_that_was_rolled_back_is_refused_and_told_of(
    runtime: Runtime, start: Start, policy: Policy, grow: Grow
) -> None:
    one = start("one")
    policy(one, quorum=1)
    grow(2)
    ahead = runtime.journal.log.checkpoint().note.replace("\n2\n", "\n9\n")
    (one.state).mkdir(exist_ok=True)
    _pretend(one, runtime, ahead)

    (answer,) = ask_all(runtime)

    assert answer.ending is Ending.AHEAD
    assert "9 entries" in answer.detail
    (standing,) = standings(runtime)
    assert standing.ending is Ending.AHEAD
    assert _alarms(runtime) == 1
    ask_all(runtime)
    assert _alarms(runtime) == 1


def test_a_forked_log_is_refused_and_told_of(
    runtime: Runtime, start: Start, policy: Policy, grow: Grow
) -> None:
    one = start("one")
    policy(one, quorum=1)
    grow(3)
    held = runtime.journal.log.checkpoint().note
    lines = held.split("\n")
    lines[1], lines[2] = "2", "A" * 43 + "="
    _pretend(one, runtime, "\n".join(lines))

    (answer,) = ask_all(runtime)

    assert answer.ending is Ending.CONTRADICTED
    assert _alarms(runtime) == 1
    assert published(runtime) is None


def test_an_answer_that_is_no_cosignature_is_not_kept(
    runtime: Runtime, start: Start, policy: Policy, grow: Grow
) -> None:
    grow()
    note = runtime.journal.log.checkpoint().note
    stranger = note.rsplit("\n", 2)[1]
    for body in (b"", b"nonsense\n", b"\xff", b"x" * 100_000, f"{stranger}\n".encode()):
        policy(start(f"w{len(body)}", _answering("200 OK", body)), quorum=1)
        assert endings(runtime) == [Ending.MALFORMED]
    assert runtime.db is not None
    assert published(runtime) is None


@pytest.mark.parametrize(
    ("status", "ending"),
    [
        ("400 Bad", Ending.REFUSED), ("403 No", Ending.REFUSED), ("404 No", Ending.REFUSED),
        ("500 No", Ending.REFUSED), ("302 Found", Ending.REFUSED),
        ("422 No", Ending.CONTRADICTED), ("409 No", Ending.CONTRADICTED),
    ],
)  # fmt: skip
def test_each_refusal_is_told_apart(
    runtime: Runtime, start: Start, policy: Policy, grow: Grow, status: str, ending: Ending
) -> None:
    policy(start("one", _answering(status, b"no\n")), quorum=1)
    grow()

    assert endings(runtime) == [ending]


@pytest.mark.parametrize("told", [b"x\n", b"-1\n", b"01\n", b"\xff\n"])
def test_a_size_that_is_no_number_is_malformed(
    runtime: Runtime, start: Start, policy: Policy, grow: Grow, told: bytes
) -> None:
    policy(start("one", _answering("409 No", told, "text/x.tlog.size")), quorum=1)
    grow()

    assert endings(runtime) == [Ending.MALFORMED]


def test_private_addresses_are_not_called(
    runtime: Runtime, start: Start, policy: Policy, grow: Grow
) -> None:
    policy(start("one"), quorum=1)
    grow()
    closed = runtime.settings.model_copy(update={"outbound_networks": ()})

    (answer,) = ask_all(replace(runtime, settings=closed))

    assert answer.ending is Ending.UNREACHABLE
    assert "SUMUN_OUTBOUND_NETWORKS" in answer.detail


def test_a_policy_that_cannot_be_read_is_not_no_policy(runtime: Runtime, app: Flask) -> None:
    (runtime.settings.home / policy_file.NAME).write_text("quorum nobody\n")

    with pytest.raises(OperatorError, match="line 1"):
        published(runtime)
    assert app.test_client().get("/log/checkpoint").status_code == 503


def _answering(status: str, body: bytes, kind: str = "text/plain") -> Callable[[Any], Any]:
    def wrap(_served: Any) -> Any:
        def app(_environ: Any, begin: Any) -> list[bytes]:
            begin(status, [("Content-Type", kind), ("Location", "http://127.0.0.1:1/")])
            return [body]

        return app

    return wrap


def _pretend(one: Neighbour, runtime: Runtime, note: str) -> None:
    """Put a checkpoint into the witness's memory as if it had cosigned it."""
    path = one.state / f"{file_name(runtime.journal.log.origin)}.checkpoint"
    write_durably(path, note)


def _alarms(runtime: Runtime) -> int:
    with log_read(runtime) as (_, reader):
        return len(reader.search(Filters(action="witness.refused")))


def test_the_worker_asks_at_its_interval(
    runtime: Runtime, start: Start, policy: Policy, grow: Grow
) -> None:
    policy(start("one"), quorum=1)
    index = grow()

    (beat,) = [one for one in beats(runtime) if one.name == "witnessing"]
    beat.run()

    assert beat.seconds == runtime.settings.witness_seconds
    assert size(published(runtime)) == index + 1
