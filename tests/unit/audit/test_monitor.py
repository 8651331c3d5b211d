"""A monitor finds every way in which a log can show two histories, and explains a restore."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path

import pytest

from audit.checkpoint import Checkpoint, parse_text
from audit.cosignature import Cosigner
from audit.dbapi import Sql
from audit.errors import (
    NoteMalformed,
    SignatureInvalid,
    SourceUnreachable,
    StateDamaged,
    TileMissing,
)
from audit.event import Party, PartyKind, encode
from audit.keyring import gather
from audit.log_keys import sign_handover
from audit.merkle import leaf_hash
from audit.monitor import Known, Seen, Verdict, look
from audit.monitor_keys import Past
from audit.monitor_state import STATE, MonitorState
from audit.monitor_time import Freshness
from audit.note import Signer, Verifier, parse_note
from audit.policy_file import parse_policy
from audit.restoration import FIELD, RESTORED, Restoration
from audit.tiles import TilePath
from tests.unit.audit.witnesses import Tree
from tests.unit.audit.world import ORIGIN, SEED, SIGNER, WITNESS, World, event, vault

TRUSTED = Known(SIGNER.verifier)
NEW = Signer(ORIGIN, b"n" * 32)
OTHER = Cosigner("two.example/w", b"v" * 32)


class Shown:
    """What a log shows to one who asks."""

    def __init__(self, tree: Tree, note: str | None = None, past: Past | None = None) -> None:
        self._tree = tree
        self._note = note or tree.note()
        self._past = past or Past()

    def checkpoint(self) -> str:
        return self._note

    def past(self) -> Past:
        return self._past

    def tile(self, path: TilePath) -> bytes:
        """As a real log: a partial tile only while it is the newest."""
        assert path.level is not None
        held = len(self._tree.hashes) >> 8 * path.level
        width = min(256, held - path.index * 256)
        if path.width > width or (path.width < 256 and width == 256):
            raise TileMissing(str(path))
        return self._tree.tile(path.level, path.index, path.width)


def after(tree: Tree, size: int | None = None) -> Known:
    """What a monitor remembers that has seen a tree of some size."""
    return Known(SIGNER.verifier, tree.note(size))


def verdicts(tree: Tree, sizes: Iterable[int]) -> list[Verdict]:
    """Look again each time the log has grown to one of these sizes."""
    known, found = TRUSTED, []
    for size in sizes:
        grown = Tree.of(size, signer=tree.signer)
        seen = look(Shown(grown), known)
        known = seen.known
        found.append(seen.verdict)
    return found


def test_a_log_that_only_grows_is_followed() -> None:
    found = verdicts(Tree.of(0), [0, 1, 1, 200, 256, 257, 700])

    assert found == [
        Verdict.FIRST, Verdict.GREW, Verdict.UNCHANGED, *[Verdict.GREW] * 4,
    ]  # fmt: skip


def test_a_checkpoint_is_checked_against_tiles_that_were_completed_since() -> None:
    tree = Tree.of(520)

    seen = look(Shown(tree, tree.note(300)), after(tree, 100))

    assert seen.verdict is Verdict.GREW


def test_a_rollback_is_found_with_both_checkpoints_as_evidence() -> None:
    tree = Tree.of(40)

    seen = look(Shown(tree, tree.note(30)), after(tree))

    assert (seen.verdict, seen.evidence) == (Verdict.ROLLED_BACK, (tree.note(), tree.note(30)))


@pytest.mark.parametrize("size", [40, 41, 300])
def test_a_fork_is_found_whatever_its_size(size: int) -> None:
    tree = Tree.of(40)
    fork = tree.fork(17, size)

    seen = look(Shown(fork), after(tree))

    assert (seen.verdict, seen.evidence) == (Verdict.FORKED, (tree.note(), fork.note()))


def test_a_log_whose_tiles_are_not_those_it_signed_is_found() -> None:
    tree = Tree.of(60)

    seen = look(Shown(tree.fork(50, 60), tree.note()), after(tree, 40))

    assert seen.verdict is Verdict.FORKED


def test_two_views_are_found_by_comparing_with_a_peer() -> None:
    tree = Tree.of(40)
    other = tree.fork(30, 40)

    for shown, peer in ((40, 35), (35, 40), (40, 40)):
        seen = look(Shown(tree, tree.note(shown)), TRUSTED, [other.note(peer)])
        assert seen.verdict is Verdict.SPLIT_VIEW
        assert seen.evidence == (other.note(peer), tree.note(shown))


def test_peers_who_were_shown_the_same_log_agree() -> None:
    tree = Tree.of(300)

    seen = look(Shown(tree, tree.note(280)), TRUSTED, [tree.note(n) for n in (0, 3, 280, 300)])

    assert seen.verdict is Verdict.FIRST


def test_a_peer_of_another_log_is_refused() -> None:
    tree = Tree.of(4)

    with pytest.raises(SignatureInvalid):
        look(Shown(tree), TRUSTED, [Tree.of(4, signer=NEW).note()])
    with pytest.raises(NoteMalformed):
        look(Shown(tree), TRUSTED, ["nonsense"])


@pytest.mark.parametrize(
    "note",
    [
        Tree.of(4, signer=NEW).note(),
        Tree.of(4).note().replace("\n4\n", "\n5\n"),
        Tree.of(4).note().replace(ORIGIN, "other.example/log"),
        str(SIGNER.sign(str(Checkpoint("other.example/log", 4, b"r" * 32)), 1)),
        "nonsense",
        "",
    ],
)
def test_what_the_log_did_not_sign_is_found(note: str) -> None:
    seen = look(Shown(Tree.of(4), note or "\n"), TRUSTED)

    assert seen.verdict is Verdict.NOT_SIGNED
    assert seen.known == TRUSTED


def handed_over(tree: Tree, size: int) -> Past:
    head = Checkpoint(ORIGIN, size, tree.root(size))
    return Past(handovers=(sign_handover(head, SIGNER, NEW, 5),))


def test_a_key_is_followed_through_its_hand_over() -> None:
    tree = Tree.of(9)
    renewed = Tree.of(9, signer=NEW)

    seen = look(Shown(renewed, past=handed_over(tree, 6)), after(tree, 5))

    assert seen.verdict is Verdict.GREW
    assert seen.known.key == NEW.verifier
    assert look(Shown(renewed, past=handed_over(tree, 6)), seen.known).verdict is Verdict.UNCHANGED


def test_a_new_key_without_a_hand_over_is_found() -> None:
    seen = look(Shown(Tree.of(9, signer=NEW)), after(Tree.of(9), 5))

    assert seen.verdict is Verdict.NOT_SIGNED


def test_a_key_that_was_handed_over_signs_nothing_larger() -> None:
    tree = Tree.of(9)

    seen = look(Shown(tree, past=handed_over(tree, 6)), after(tree, 5))

    assert seen.verdict is Verdict.NOT_SIGNED
    assert "handed over" in seen.words


def test_an_unmet_quorum_is_found() -> None:
    policy = parse_policy(f"witness one {WITNESS.key}\nquorum one\n".encode())
    tree = Tree.of(4)
    line = WITNESS.cosign(tree.note().split("\n\n")[0] + "\n", 7)

    bare = look(Shown(tree), TRUSTED, policy=policy)
    cosigned = look(Shown(tree, f"{tree.note()}{line}\n"), TRUSTED, policy=policy)

    assert (bare.verdict, cosigned.verdict) == (Verdict.QUORUM_UNMET, Verdict.FIRST)


def told_of(tree: Tree, size: int, *keys: Signer) -> Past:
    """What a log tells after its key was handed over at `size`."""
    return Past(handed_over(tree, size).handovers, keys=tuple(str(one.verifier) for one in keys))


def test_between_a_rotation_and_the_next_cosigning_the_older_checkpoint_is_believed() -> None:
    """The log gives its new key; witnesses have cosigned only what the old one signed."""
    tree = Tree.of(9)
    past = told_of(tree, 6, SIGNER, NEW)

    seen = look(Shown(tree, tree.note(6), past), Known(NEW.verifier))
    again = look(Shown(tree, tree.note(6), past), seen.known)
    later = look(Shown(Tree.of(9, signer=NEW), past=past), seen.known)

    assert [one.verdict for one in (seen, again, later)] == [
        Verdict.FIRST, Verdict.UNCHANGED, Verdict.GREW,
    ]  # fmt: skip
    assert seen.known.key == NEW.verifier


def test_a_key_before_the_trusted_one_signs_nothing_larger() -> None:
    tree = Tree.of(9)

    seen = look(Shown(tree, past=told_of(tree, 6, SIGNER, NEW)), Known(NEW.verifier))

    assert seen.verdict is Verdict.NOT_SIGNED
    assert "handed over" in seen.words


@pytest.mark.parametrize("keys", [("nonsense", ""), (str(Signer(ORIGIN, b"z" * 32).verifier),)])
def test_a_key_that_handed_nothing_over_is_not_believed(keys: tuple[str, ...]) -> None:
    tree = Tree.of(9)
    past = Past(handed_over(tree, 6).handovers, keys=keys)

    assert look(Shown(tree, tree.note(6), past), Known(NEW.verifier)).verdict is Verdict.NOT_SIGNED


def test_a_rotation_while_the_monitor_looks_is_no_finding() -> None:
    """The history is read after the checkpoint, so it always knows the key that signed it."""
    tree = Tree.of(9)

    class Rotating(Shown):
        asked = False

        def checkpoint(self) -> str:
            self.asked = True
            return Tree.of(9, signer=NEW).note()

        def past(self) -> Past:
            return handed_over(tree, 6) if self.asked else Past()

    assert look(Rotating(tree), after(tree, 5)).verdict is Verdict.GREW


def test_a_log_that_stopped_is_found() -> None:
    tree = Tree.of(9)
    note = tree.note(9, 1_000_000)

    verdicts = [
        look(Shown(tree, note), after(tree, 5), fresh=Freshness(now, 600)).verdict
        for now in (1_000_000, 1_000_600, 1_000_601)
    ]

    assert verdicts == [Verdict.GREW, Verdict.GREW, Verdict.STALE]


def test_an_old_checkpoint_is_told_with_its_time_and_may_be_remembered() -> None:
    tree = Tree.of(9)

    seen = look(Shown(tree, tree.note(9, 0)), after(tree, 5), fresh=Freshness(10**9, 60))

    assert "1970-01-01 00:00 UTC" in seen.words
    assert (seen.fine, seen.extends) == (False, True)
    assert seen.known.note == tree.note(9, 0)


def test_a_witness_vouches_for_the_time_of_a_log_that_says_none() -> None:
    policy = parse_policy(f"witness one {WITNESS.key}\nquorum one\n".encode())
    tree = Tree.of(4)
    text = str(Checkpoint(ORIGIN, 4, tree.root(4)))
    bare = str(SIGNER.sign_plainly(text))
    cosigned = f"{bare}{WITNESS.cosign(text, 1_000_000)}\n"
    fresh = Freshness(1_000_010, 60)

    assert look(Shown(tree, bare), TRUSTED, fresh=fresh).verdict is Verdict.STALE
    assert look(Shown(tree, cosigned), TRUSTED, (), policy, fresh).verdict is Verdict.FIRST


def test_a_checkpoint_that_is_dated_ahead_is_found_at_once() -> None:
    """It would never grow old, however long the log shows it."""
    tree, now = Tree.of(9), 1_000_000
    notes = [tree.note(9, now + ahead) for ahead in (300, 301, 10**9, 2**63)]

    seen = [look(Shown(tree, note), after(tree, 5), fresh=Freshness(now, 60)) for note in notes]

    assert [one.verdict for one in seen] == [Verdict.GREW, *[Verdict.FUTURE] * 3]
    assert "the log dated" in seen[1].words
    assert (seen[1].fine, seen[1].extends, seen[1].evidence) == (False, True, (notes[1],))
    assert look(Shown(tree, notes[2]), after(tree, 5)).verdict is Verdict.GREW


def test_with_a_quorum_the_age_is_what_the_quorum_says() -> None:
    """A log and one witness of two agree to date an old checkpoint anew."""
    text = f"witness one {WITNESS.key}\nwitness two {OTHER.key}\n"
    both = parse_policy(f"{text}group all all one two\nquorum all\n".encode())
    tree, now = Tree.of(4), 1_000_000

    def shown(log: int, one: int, two: int) -> Shown:
        note = tree.note(4, log)
        body = note.split("\n\n")[0] + "\n"
        return Shown(tree, f"{note}{WITNESS.cosign(body, one)}\n{OTHER.cosign(body, two)}\n")

    seen = [
        look(shown(*times), TRUSTED, (), both, Freshness(now, 600))
        for times in ((0, now, now - 600), (now, now, 0), (now, 0, now), (0, now, now + 301))
    ]

    assert [one.verdict for one in seen] == [
        Verdict.FIRST, Verdict.STALE, Verdict.STALE, Verdict.FUTURE,
    ]  # fmt: skip
    assert "1970-01-01" in seen[1].words
    assert "two dated" in seen[3].words


def test_two_histories_are_told_before_age() -> None:
    tree = Tree.of(40)

    seen = look(Shown(tree.fork(3, 41)), after(tree), fresh=Freshness(10**10, 60))

    assert seen.verdict is Verdict.FORKED


def said_of(tree: Tree, kept: int, known: int | None = None, signer: Signer = SIGNER) -> str:
    """The note of a restore from a backup of `kept` leaves; `known` leaves were published."""
    below = parse_text(parse_note(tree.note(kept)).text)
    lost = None if known is None else parse_text(parse_note(tree.note(known)).text)
    time_ms = event().time_ms
    return str(signer.sign_plainly(str(Restoration(ORIGIN, kept, below.root, 2, time_ms, lost))))


def restored(
    world: World,
    tree: Tree,
    kept: int,
    size: int,
    *,
    known: int | None = None,
    note: str | None = None,
) -> tuple[Tree, Past]:
    """The tree restored from a backup of `kept` leaves and grown again, with its entry."""
    after_it = tree.fork(kept, size)
    detail = {FIELD: said_of(tree, kept, known) if note is None else note}
    said = event(action=RESTORED, actor=Party("operator:0", kind=PartyKind.OPERATOR), detail=detail)
    with contextlib.closing(world.connect()) as connection:
        leaf = encode(said, gather(vault(), Sql(connection, world.dialect), said), b"0" * 16)
    after_it.hashes[kept] = leaf_hash(leaf)
    return after_it, Past(restores=((kept, leaf),))


@pytest.mark.parametrize("size", [25, 40, 90])
def test_a_restored_backup_is_told_apart_from_a_fork(sqlite_log: World, size: int) -> None:
    tree = Tree.of(40)
    shown, past = restored(sqlite_log, tree, 20, size)

    seen = look(Shown(shown, past=past), after(tree))

    assert seen.verdict is Verdict.RESTORED
    assert not seen.fine
    assert "backup of 20 entries" in seen.words
    assert "the 20 entries after them" in seen.words
    assert look(Shown(shown, past=past), seen.known).verdict is Verdict.UNCHANGED


def test_a_restore_explains_only_what_came_after_the_backup(sqlite_log: World) -> None:
    tree = Tree.of(40)
    shown, past = restored(sqlite_log, tree, 20, 50)
    shown.hashes[3] = leaf_hash(b"altered before the backup")

    assert look(Shown(shown, past=past), after(tree)).verdict is Verdict.FORKED


@pytest.mark.parametrize("size", [25, 40, 90])
def test_what_a_restore_names_as_lost_is_no_second_view(sqlite_log: World, size: int) -> None:
    tree = Tree.of(40)
    shown, past = restored(sqlite_log, tree, 20, size, known=33)
    mine = Known(SIGNER.verifier, shown.note())

    assert look(Shown(shown, past=past), mine, [tree.note(33)]).verdict is Verdict.UNCHANGED


@pytest.mark.parametrize("peer", [30, 32, 34, 40])
def test_a_restore_explains_no_checkpoint_that_it_does_not_name(
    sqlite_log: World, peer: int
) -> None:
    """Otherwise one entry would excuse whatever somebody else goes on being shown."""
    tree = Tree.of(40)
    shown, past = restored(sqlite_log, tree, 20, 33, known=33)
    mine = Known(SIGNER.verifier, shown.note())

    seen = look(Shown(shown, past=past), mine, [tree.note(peer)])

    assert seen.verdict is Verdict.SPLIT_VIEW
    assert seen.evidence == (tree.note(peer), shown.note())


@pytest.mark.parametrize("size", [25, 40, 90])
def test_a_restore_on_the_peers_side_explains_nothing(sqlite_log: World, size: int) -> None:
    """The peer is shown a log with a restore in it, this monitor the same log without one."""
    tree = Tree.of(40)
    other, past = restored(sqlite_log, tree, 20, size, known=40)

    class TwoFaced(Shown):
        """Serves whatever tiles would prove the peer's branch."""

        def tile(self, path: TilePath) -> bytes:
            return other.tile(path.level or 0, path.index, path.width)

    for shown in (Shown(tree, past=past), TwoFaced(tree, past=past)):
        assert look(shown, TRUSTED, [other.note()]).verdict is Verdict.SPLIT_VIEW


def test_an_entry_that_is_not_in_the_tree_explains_nothing(sqlite_log: World) -> None:
    tree = Tree.of(40)
    _, past = restored(sqlite_log, tree, 20, 50)

    assert look(Shown(tree.fork(20, 50), past=past), after(tree)).verdict is Verdict.FORKED


@pytest.mark.parametrize(
    "note",
    [
        "",
        "nonsense",
        Tree.of(40).note(20),
        said_of(Tree.of(40), 19),
        said_of(Tree.of(40, "x"), 20),
        said_of(Tree.of(40), 20, 40, Signer(ORIGIN, b"o" * 32)),
        said_of(Tree.of(40), 20, 40, Signer("other.example/log", SEED)),
    ],
)
def test_a_restore_that_the_log_did_not_sign_for_that_place_explains_nothing(
    sqlite_log: World, note: str
) -> None:
    tree = Tree.of(40)
    shown, past = restored(sqlite_log, tree, 20, 50, note=note)

    assert look(Shown(shown, past=past), after(tree)).verdict is Verdict.FORKED


def test_what_is_remembered_is_read_again(tmp_path: Path) -> None:
    state, known = MonitorState(tmp_path / "state"), after(Tree.of(4))

    assert state.read() is None
    state.write(known)

    assert MonitorState(tmp_path / "state").read() == known
    assert (tmp_path / "state" / "checkpoint").read_text() == known.note


@pytest.mark.parametrize("text", ["", "nonsense", f"{SIGNER.verifier}\n", "key\nnote"])
def test_damaged_memory_is_not_taken_for_a_first_look(tmp_path: Path, text: str) -> None:
    state = MonitorState(tmp_path)
    (tmp_path / STATE).write_text(text)

    with pytest.raises(StateDamaged):
        state.read()


def test_evidence_is_kept_once(tmp_path: Path) -> None:
    state = MonitorState(tmp_path)
    notes = (Tree.of(4).note(), Tree.of(4, "x").note())

    first, again = state.keep(notes), state.keep(notes)

    assert first == again is not None
    assert first is not None
    assert first.read_text() == "\n".join(notes)
    assert state.keep(()) is None


def test_a_log_that_cannot_be_asked_is_no_finding() -> None:
    class Silent(Shown):
        def checkpoint(self) -> str:
            raise SourceUnreachable("no route")

    with pytest.raises(SourceUnreachable):
        look(Silent(Tree.of(1)), TRUSTED)


def test_seen_and_known_name_the_key(tmp_path: Path) -> None:
    seen = look(Shown(Tree.of(1)), TRUSTED)

    assert isinstance(seen, Seen)
    assert seen.known.key == Verifier.parse(str(SIGNER.verifier))
