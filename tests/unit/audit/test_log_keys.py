"""The log's signing key is handed over in the log itself, and the history is verified."""

from __future__ import annotations

import contextlib

import pytest

from audit.checkpoint import Checkpoint, open_checkpoint
from audit.dbapi import Sql
from audit.errors import LogUnavailable, NoteMalformed, SignatureInvalid
from audit.event import Party, PartyKind
from audit.log_keys import (
    ROTATED,
    current_vkey,
    handover_text,
    open_handover,
    read_history,
    sign_handover,
)
from audit.note import Note, Signer, Verifier
from audit.rotate import rotate_key
from audit.sequencer import Log
from audit.stores import StoredCheckpoint
from audit.verify import verify
from tests.unit.audit.world import ORIGIN, SIGNER, VKEY, World, drop_triggers, event, vault

NEW, NEWER = Signer(ORIGIN, b"n" * 32), Signer(ORIGIN, b"m" * 32)
KEPT = {str(one.verifier): one for one in (SIGNER, NEW, NEWER)}
HEAD = Checkpoint(ORIGIN, 3, b"r" * 32)


def rotate(world: World, old: Signer = SIGNER, new: Signer = NEW) -> StoredCheckpoint:
    """Hand over as an operator does, beside whatever runs."""
    said = event(action=ROTATED, actor=Party("operator:0", kind=PartyKind.OPERATOR))
    with contextlib.closing(world.connect()) as connection, world.lock():
        return rotate_key(connection, world.dialect, vault=vault(), old=old, new=new, event=said)


def growing(world: World) -> Log:
    """A log that finds a rotated key again, with entries before and after two rotations."""
    log = world.log(load_signer=lambda vkey: KEPT[vkey])
    for old, new in ((SIGNER, NEW), (NEW, NEWER)):
        log.append(event())
        log.checkpoint()
        log.append(event())
        rotate(world, old, new)
        world.now_ms += 2000
    log.append(event())
    log.checkpoint()
    return log


def findings(world: World, vkey: str) -> list[str]:
    with contextlib.closing(world.connect()) as connection:
        report = verify(connection, world.dialect, vkey, vault())
    return [f"{one.index} {one.table}.{one.column}" for one in report.findings]


def test_a_rotated_log_verifies_under_every_one_of_its_keys(world: World) -> None:
    log = growing(world)

    assert log.vkey() == str(NEWER.verifier)
    assert [findings(world, str(one.verifier)) for one in (SIGNER, NEW, NEWER)] == [[]] * 3


def test_each_checkpoint_carries_the_key_of_its_size(world: World) -> None:
    growing(world)
    with contextlib.closing(world.connect()) as connection:
        history, faults = read_history(Sql(connection, world.dialect), VKEY)
    notes = world.execute("SELECT size, note FROM audit_checkpoints ORDER BY seq")

    assert faults == {}
    assert history.current == NEWER.verifier
    assert [open_checkpoint(note, history.at(size))[0].size for size, note in notes] == [
        size for size, _ in notes
    ]
    assert {str(history.at(size)) for size, _ in notes} == set(KEPT)


def test_a_stranger_to_the_log_is_no_key_of_it(world: World) -> None:
    growing(world)
    stranger = Signer(ORIGIN, b"x" * 32)

    assert "2 audit_entries.leaf" in findings(world, str(stranger.verifier))


def test_a_process_that_cannot_find_the_new_key_signs_nothing(world: World) -> None:
    log = world.log()
    log.append(event())
    rotate(world)
    log.append(event())
    world.now_ms += 2000

    with pytest.raises(LogUnavailable, match="restart"):
        log.checkpoint()


def test_a_key_that_does_not_sign_hands_nothing_over(world: World) -> None:
    world.log().append(event())
    rotate(world)

    with pytest.raises(LogUnavailable, match="another key"):
        rotate(world, SIGNER, NEWER)
    assert findings(world, VKEY) == []


def test_a_checkpoint_signed_with_the_old_key_after_the_rotation_is_found(world: World) -> None:
    growing(world)
    drop_triggers(world)
    ((seq, size, root),) = world.execute(
        "SELECT seq, size, root FROM audit_checkpoints ORDER BY seq DESC LIMIT 1"
    )
    forged = SIGNER.sign(str(Checkpoint(ORIGIN, size, bytes(root))), world.now_ms // 1000)
    world.execute("UPDATE audit_checkpoints SET note = ? WHERE seq = ?", str(forged), seq)

    assert findings(world, VKEY) == [f"{size - 1} audit_checkpoints.note"]


def test_an_altered_rotation_is_named_and_stops_the_signing(world: World) -> None:
    log = growing(world)
    log.append(event())
    drop_triggers(world)
    query = "SELECT idx, leaf FROM audit_entries WHERE action = ? ORDER BY idx DESC LIMIT 1"
    ((index, leaf),) = world.execute(query, ROTATED)
    forged = bytes(leaf).replace(b"new_vkey", b"new_vkez")
    world.execute("UPDATE audit_entries SET leaf = ? WHERE idx = ?", forged, index)

    assert f"{index} audit_entries.leaf" in findings(world, VKEY)
    with pytest.raises(LogUnavailable, match="rotation"):
        log.vkey()


def test_a_handover_names_the_next_key_under_both_signatures() -> None:
    signed, new = open_handover(sign_handover(HEAD, SIGNER, NEW, 5), SIGNER.verifier)

    assert (signed.size, new) == (3, NEW.verifier)


def test_a_handover_needs_both_signatures() -> None:
    text = handover_text(HEAD, NEW.verifier)

    for signer in (SIGNER, NEW):
        with pytest.raises(SignatureInvalid):
            open_handover(str(signer.sign(text, 5)), SIGNER.verifier)


def test_a_plain_checkpoint_that_both_signed_hands_nothing_over() -> None:
    both = [*SIGNER.sign(str(HEAD), 5).signatures, *NEW.sign(str(HEAD), 5).signatures]

    with pytest.raises(NoteMalformed):
        open_handover(str(Note(str(HEAD), tuple(both))), SIGNER.verifier)


def test_a_log_hands_over_within_its_name_only() -> None:
    other = Signer("other.example/log", b"n" * 32)

    with pytest.raises(NoteMalformed):
        open_handover(sign_handover(HEAD, SIGNER, other, 5), SIGNER.verifier)


def test_the_history_of_a_log_without_rotations_is_its_key(world: World) -> None:
    world.log().append(event())
    with contextlib.closing(world.connect()) as connection:
        sql = Sql(connection, world.dialect)
        history, faults = read_history(sql, VKEY)
        assert current_vkey(sql) is None

    assert (history.keys, faults) == ((Verifier.parse(VKEY),), {})
