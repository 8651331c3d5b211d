"""Search by keyset, tiles, proofs and counts, on both databases."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from audit.dbapi import Sql
from audit.errors import SealBroken, TileMissing
from audit.event import Domain, Event, Party
from audit.merkle import verify_consistency
from audit.ocsf import Outcome
from audit.proof import verify_proof
from audit.reader import LogReader
from audit.search import Filters
from tests.unit.audit.world import NOW_MS, VKEY, World, event, vault

DAY_MS = 86_400_000


@contextlib.contextmanager
def reader(world: World) -> Iterator[LogReader]:
    with contextlib.closing(world.connect()) as connection:
        yield LogReader(connection, world.dialect, vault())


def fill(world: World, *events: Event) -> None:
    log = world.log()
    world.record(log, *events)
    log.close()


def found(world: World, **filters: object) -> list[int]:
    with reader(world) as read:
        return [entry.index for entry in read.search(Filters(**filters))]  # type: ignore[arg-type]


def test_each_filter_finds_its_entries_newest_first(world: World) -> None:
    fill(
        world,
        event(),
        event(actor=Party("lee", "company"), outcome=Outcome.DENY, time_ms=NOW_MS + DAY_MS),
        event(subjects=("lee",), dataset="text", version=None, item="b.txt", ref="grant:1"),
        event(action="download.completed", actor=None, place=None, personal={}, item=None),
    )
    assert found(world) == [3, 2, 1, 0]
    assert found(world, person="lee") == [2, 1]
    assert found(world, actor="lee") == [1]
    assert found(world, subject="lee") == [2]
    assert found(world, organisation="company") == [1]
    assert found(world, dataset="text") == [2]
    assert found(world, item="patient/0001.dcm", outcome=Outcome.ALLOW) == [0]
    assert found(world, action="download.") == [3, 2, 1, 0]
    assert found(world, action="download.completed") == [3]
    assert found(world, outcome=Outcome.DENY) == [1]
    assert found(world, ref="grant:1") == [2]
    assert found(world, since_ms=NOW_MS + 1) == [1]
    assert found(world, until_ms=NOW_MS + 1, person="lee") == [2]
    assert found(world, person="nobody") == []


def test_pages_lead_to_older_and_back_to_newer_entries(world: World) -> None:
    fill(world, *(event(subjects=("lee",)) for _ in range(25)))
    with reader(world) as read:
        first = [entry.index for entry in read.search(Filters(person="lee"), limit=10)]
        older = [e.index for e in read.search(Filters(person="lee"), before=15, limit=10)]
        newer = [e.index for e in read.search(Filters(person="lee"), after=14, limit=10)]
    assert first == newer == list(range(24, 14, -1))
    assert older == list(range(14, 4, -1))


def test_counts_by_outcome_count_each_entry_once(world: World) -> None:
    both = event(subjects=("kim",))
    fill(world, both, event(outcome=Outcome.DENY), event(time_ms=NOW_MS + DAY_MS))
    with reader(world) as read:
        counts = read.counts(Filters(person="kim"), DAY_MS, offset_ms=9 * 3_600_000)
    assert [(one.outcome, one.entries) for one in counts] == [
        (Outcome.ALLOW, 1),
        (Outcome.DENY, 1),
        (Outcome.ALLOW, 1),
    ]
    assert all((one.start_ms + 9 * 3_600_000) % DAY_MS == 0 for one in counts)


def test_an_entry_is_proved_under_a_checkpoint_and_checkpoints_extend(world: World) -> None:
    log = world.log()
    world.record(log, *(event() for _ in range(300)))
    log.append(event())
    old = log.checkpoint()
    log.append(event())
    new = log.checkpoint(covering=302)
    with reader(world) as read:
        for index in (0, 255, 256, 300):
            entry = read.get(index)
            assert entry is not None
            assert verify_proof(str(read.prove(index, old)), entry.leaf, VKEY).size == 301
        proof = read.consistency(old.size, new.size)
        assert [one.seq for one in read.checkpoints()] == [2, 1]
        assert read.latest_checkpoint() == new
    verify_consistency(old.size, new.size, proof, bytes(old.root), bytes(new.root))


def test_tiles_and_bundles_are_served_to_their_width_and_no_further(world: World) -> None:
    fill(world, *(event() for _ in range(260)))
    with reader(world) as read:
        assert len(read.tile(0, 0)) == 8192
        assert len(read.tile(0, 1, 4)) == 128
        assert len(read.tile(1, 0, 1)) == 32
        assert read.entry_bundle(1, 4)
        for missing in ((0, 1, 5), (0, 2, 1), (1, 0, 2), (2, 0, 1)):
            with pytest.raises(TileMissing):
                read.tile(*missing)
        with pytest.raises(TileMissing):
            read.entry_bundle(1, 5)


def test_sealed_fields_open_until_the_key_is_destroyed(world: World) -> None:
    fill(world, event())
    token = vault().token(Domain.PERSON, "kim")
    with reader(world) as read:
        entry = read.get(0)
        assert entry is not None
        fields = read.personal(read.leaf(entry))[token]
        assert fields is not None
        assert fields["personal"] == {"name": "김수문"}
    log = world.log()
    with world.transaction() as connection:
        log.record(connection, event(action="subject.erased", subjects=("kim",)))
        assert vault().destroy(Sql(connection, world.dialect), "kim", NOW_MS)
    log.close()
    with reader(world) as read:
        assert read.personal(read.leaf(entry)) == {token: None}
    assert world.verify().findings == ()


def test_an_event_about_an_erased_person_is_still_recorded(world: World) -> None:
    fill(world, event())
    log = world.log()
    with world.transaction() as connection:
        log.record(connection, event(action="subject.erased", subjects=("kim",)))
        vault().destroy(Sql(connection, world.dialect), "kim", NOW_MS)
    log.append(event())
    log.close()
    assert world.verify().findings == ()


def test_a_damaged_key_is_an_error_and_not_an_empty_field(sqlite_log: World) -> None:
    fill(sqlite_log, event())
    sqlite_log.execute("DROP TRIGGER audit_person_keys_update")
    sqlite_log.execute("UPDATE audit_person_keys SET created_ms = 1")
    with reader(sqlite_log) as read:
        entry = read.get(0)
        assert entry is not None
        with pytest.raises(SealBroken):
            read.personal(read.leaf(entry))
