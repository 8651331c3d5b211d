"""A witness as C2SP tlog-witness demands: honest growth is cosigned, everything else is not."""

from __future__ import annotations

import threading
from base64 import b64encode
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit.cosignature import Cosigner, WitnessKey
from audit.errors import NoteMalformed, RequestMalformed, SignatureInvalid, StateDamaged
from audit.merkle import EMPTY_ROOT, shows_fork
from audit.note import Signer, parse_note
from audit.witness import MAX_REQUEST_BYTES, SIZE_TYPE, Answer, Witness, parse_request
from audit.witness_state import EVIDENCE, MAX_EVIDENCE, WitnessState, file_name
from tests.unit.audit.witnesses import SECONDS, Tree
from tests.unit.audit.world import ORIGIN, SIGNER, WITNESS


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "witness"


@pytest.fixture
def witness(folder: Path) -> Witness:
    return opened(folder)


def opened(folder: Path) -> Witness:
    """The witness as after a restart."""
    logs = {ORIGIN: [SIGNER.verifier]}
    return Witness(WITNESS, logs, WitnessState(folder), lambda: SECONDS)


def cosigned_at(answer: Answer, note: str) -> int:
    assert answer.status == 200, answer
    return WITNESS.key.time_of(parse_note(note + answer.body))


def test_honest_growth_is_cosigned_across_restarts(folder: Path) -> None:
    tree = Tree.of(300)
    sizes = [0, 1, 7, 256, 257, 300]

    for old, new in zip([0, *sizes], sizes, strict=False):
        answer = opened(folder).add_checkpoint(tree.request(old, new))
        assert cosigned_at(answer, tree.note(new)) == SECONDS


def test_the_same_checkpoint_is_cosigned_again(witness: Witness) -> None:
    tree = Tree.of(5)
    witness.add_checkpoint(tree.request(0))

    again = witness.add_checkpoint(tree.request(5, 5))

    assert cosigned_at(again, tree.note()) == SECONDS


def test_a_wrong_old_size_is_told_the_right_one(witness: Witness) -> None:
    tree = Tree.of(9)
    witness.add_checkpoint(tree.request(0, 6))

    answer = witness.add_checkpoint(tree.request(3, 9))

    assert answer == Answer(answer.status, "6\n", SIZE_TYPE)
    assert answer.status == 409
    assert cosigned_at(witness.add_checkpoint(tree.request(6)), tree.note()) == SECONDS


def test_a_fork_of_larger_size_is_refused_and_kept(witness: Witness, folder: Path) -> None:
    tree = Tree.of(10)
    witness.add_checkpoint(tree.request(0, 6))
    fork = tree.fork(3, 12)

    answer = witness.add_checkpoint(fork.request(6))

    assert answer.status == 422
    proof = "".join(f"{b64encode(one).decode()}\n" for one in fork.proof(6, 12))
    (kept,) = (folder / EVIDENCE).glob("fork-*")
    assert kept.read_text() == f"{tree.note(6)}\n{fork.note()}\n{proof}"


def test_a_fork_of_the_same_size_is_refused_and_kept(witness: Witness, folder: Path) -> None:
    tree = Tree.of(6)
    witness.add_checkpoint(tree.request(0))

    answer = witness.add_checkpoint(tree.fork(5, 6).request(6))

    assert answer.status == 409
    assert answer.content_type != SIZE_TYPE
    assert [path.name.split("-")[0] for path in (folder / EVIDENCE).iterdir()] == ["fork"]


def kept_as(folder: Path, kind: str) -> list[str]:
    return [path.read_text() for path in sorted((folder / EVIDENCE).glob(f"{kind}-*"))]


def with_junk(body: bytes, number: int) -> bytes:
    """The same request; anybody may add lines of other keys to a genuine checkpoint."""
    junk = b64encode(b"junk" + number.to_bytes(64, "big")).decode()
    return body + f"— stranger.example {junk}\n".encode()


def test_lines_that_anybody_adds_make_no_further_evidence(witness: Witness, folder: Path) -> None:
    tree = Tree.of(10)
    witness.add_checkpoint(with_junk(tree.request(0, 6), 0))
    fork = tree.fork(3, 12)

    for number in range(MAX_EVIDENCE + 20):
        assert witness.add_checkpoint(with_junk(fork.request(6), number)).status == 422

    (kept,) = kept_as(folder, "fork")
    assert "stranger" not in kept
    assert kept.startswith(f"{tree.note(6)}\n{fork.note()}")


def test_the_same_checkpoint_with_other_lines_changes_no_evidence(
    witness: Witness, folder: Path
) -> None:
    """What is held is written anew when it is sent again; it stays the same checkpoint."""
    tree = Tree.of(6)
    witness.add_checkpoint(tree.request(0))
    for number in range(20):
        witness.add_checkpoint(with_junk(tree.request(6, 6), number))
        witness.add_checkpoint(tree.fork(5, 6).request(6))

    assert len(kept_as(folder, "fork")) == 1


def test_genuine_checkpoints_with_wrong_proofs_push_out_no_fork(
    witness: Witness, folder: Path
) -> None:
    tree = Tree.of(30 + 2 * MAX_EVIDENCE)
    witness.add_checkpoint(tree.request(0, 6))
    for size in range(7, 7 + MAX_EVIDENCE + 10):
        body = f"old 6\n{HASH}\n\n{tree.note(size)}".encode()
        assert witness.add_checkpoint(body).status == 422
    fork = tree.fork(3, 12)

    witness.add_checkpoint(fork.request(6))

    assert len(kept_as(folder, "refused")) == MAX_EVIDENCE
    assert fork.note() in kept_as(folder, "fork")[0]


def test_a_log_that_goes_on_with_another_history_is_always_among_the_evidence(
    witness: Witness, folder: Path
) -> None:
    """Over a power of two no proof shows a fork by itself; then the newest are kept."""
    tree = Tree.of(8)
    witness.add_checkpoint(tree.request(0))
    forks = [tree.fork(3, 9 + n) for n in range(MAX_EVIDENCE + 5)]
    for fork in forks:
        assert witness.add_checkpoint(fork.request(8)).status == 422

    kept = kept_as(folder, "refused")
    assert len(kept) == MAX_EVIDENCE
    assert any(forks[-1].note() in text for text in kept)


def test_proved_forks_are_kept_up_to_a_number_and_the_first_stay(
    witness: Witness, folder: Path
) -> None:
    tree = Tree.of(6)
    witness.add_checkpoint(tree.request(0))
    forks = [tree.fork(3, 7 + n) for n in range(MAX_EVIDENCE + 5)]
    for fork in forks:
        witness.add_checkpoint(fork.request(6))

    kept = kept_as(folder, "fork")
    assert len(kept) == MAX_EVIDENCE
    assert any(forks[0].note() in text for text in kept)


def test_a_proof_shows_a_fork_only_when_it_leads_to_the_new_root() -> None:
    tree = Tree.of(30)
    fork = tree.fork(3, 20)
    sizes = [(old, new) for old in range(20) for new in range(old, 21)]

    for old, new in sizes:
        honest = (tree.proof(old, new), tree.root(old), tree.root(new))
        assert not shows_fork(old, new, *honest)
        junk = (tree.proof(old, new), tree.root(old), fork.root(new))
        assert not shows_fork(old, new, *junk)
    proved = {
        (old, new)
        for old, new in sizes
        if shows_fork(old, new, fork.proof(old, new), tree.root(old), fork.root(new))
    }
    assert proved == {(old, new) for old, new in sizes if old > 3 and old & (old - 1) and old < new}


def test_a_smaller_tree_is_refused_however_it_is_asked_for(witness: Witness) -> None:
    tree = Tree.of(9)
    witness.add_checkpoint(tree.request(0))
    beyond = f"old 9\n\n{tree.note(4)}".encode()

    answers = [witness.add_checkpoint(body) for body in (beyond, tree.request(0, 4))]

    assert [answer.status for answer in answers] == [400, 409]
    assert answers[1].body == "9\n"


def test_an_unknown_log_is_not_found(witness: Witness) -> None:
    text = Tree.of(2).note().replace(ORIGIN, "other.example/log")

    assert witness.add_checkpoint(f"old 0\n\n{text}".encode()).status == 404


def test_another_key_is_forbidden(witness: Witness) -> None:
    tree = Tree.of(2, signer=Signer(ORIGIN, b"z" * 32))

    assert witness.add_checkpoint(tree.request(0)).status == 403


def test_a_changed_checkpoint_is_forbidden(witness: Witness) -> None:
    body = Tree.of(2).request(0).replace(b"\n2\n", b"\n3\n")

    assert witness.add_checkpoint(body).status == 403


def test_a_wrong_proof_is_refused_and_changes_nothing(witness: Witness) -> None:
    tree = Tree.of(9)
    witness.add_checkpoint(tree.request(0, 4))
    wrong = tree.request(4).replace(b64encode(tree.proof(4, 9)[0]), b64encode(b"\0" * 32))

    answer = witness.add_checkpoint(wrong)

    assert answer.status == 422
    assert cosigned_at(witness.add_checkpoint(tree.request(4)), tree.note()) == SECONDS


def test_a_proof_from_nothing_must_be_empty(witness: Witness) -> None:
    body = f"old 0\n{b64encode(EMPTY_ROOT).decode()}\n\n{Tree.of(2).note()}"

    assert witness.add_checkpoint(body.encode()).status == 422


NOTE = Tree.of(2).note()
HASH = b64encode(EMPTY_ROOT).decode()


@pytest.mark.parametrize(
    "body",
    [
        "", "old 0\n", f"old 0\n{NOTE}", f"old\n\n{NOTE}", f"old  0\n\n{NOTE}",
        f"old 00\n\n{NOTE}", f"old -1\n\n{NOTE}", f"old 0\r\n\n{NOTE}", f" old 0\n\n{NOTE}",
        f"old 0 \n\n{NOTE}", f"old ٠\n\n{NOTE}", f"old {10**19}\n\n{NOTE}",
        f"old 0\n{HASH[:-1]}\n\n{NOTE}", f"old 0\nAAAA\n\n{NOTE}", f"old 0\n{HASH} \n\n{NOTE}",
        "old 0\n" + f"{HASH}\n" * 64 + f"\n{NOTE}", "old 0\n\n", "old 0\n\nnonsense",
        f"old 0\n\n{NOTE[:-1]}", f"old 0\n\n\n{NOTE}",
        "old 0\n\n" + NOTE.replace("\n2\n", "\n02\n"),
        "old 0\n\n" + NOTE.replace("— ", "- "), f"old 0\n\n{NOTE}\0",
    ],
)  # fmt: skip
def test_a_malformed_request_is_a_bad_request(witness: Witness, body: str) -> None:
    assert witness.add_checkpoint(body.encode()).status == 400


def test_bytes_that_are_no_text_or_too_many_are_a_bad_request(witness: Witness) -> None:
    long = b"old 0\n\n" + b"x" * MAX_REQUEST_BYTES

    assert [witness.add_checkpoint(body).status for body in (b"old 0\n\n\xff", long)] == [400, 400]
    with pytest.raises(RequestMalformed):
        parse_request(long)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_whatever_is_sent_is_answered_and_nothing_else_is_cosigned(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Any bytes of a genuine request changed, cut out or put in."""
    witness = opened(tmp_path_factory.mktemp("fuzzed"))
    body = Tree.of(6).request(0)
    at = data.draw(st.integers(0, len(body)))
    cut = data.draw(st.integers(0, 8))
    mutated = body[:at] + data.draw(st.binary(max_size=8)) + body[at + cut :]

    answer = witness.add_checkpoint(mutated)

    assert answer.status in {200, 400, 403, 404, 409, 422}
    if answer.status == 200:
        assert mutated.partition(b"\n\n")[2].startswith(Tree.of(6).note().split("\n\n")[0].encode())


def test_what_was_remembered_before_a_crash_binds_afterwards(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process dies after the checkpoint is on disk and before its cosignature leaves."""

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Cosigner, "cosign", killed)
    with pytest.raises(KeyboardInterrupt):
        opened(folder).add_checkpoint(Tree.of(6).request(0))
    monkeypatch.undo()

    fork = opened(folder).add_checkpoint(Tree.of(6).fork(2, 8).request(0))
    honest = opened(folder).add_checkpoint(Tree.of(8).request(6))

    assert (fork.status, fork.body) == (409, "6\n")
    assert cosigned_at(honest, Tree.of(8).note()) == SECONDS


def test_damaged_state_signs_nothing(witness: Witness, folder: Path) -> None:
    witness.add_checkpoint(Tree.of(2).request(0))
    (folder / f"{file_name(ORIGIN)}.checkpoint").write_text("damaged")

    with pytest.raises(StateDamaged):
        opened(folder).add_checkpoint(Tree.of(3).request(2))


def test_a_state_that_cannot_be_written_signs_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_path: object, _text: object) -> None:
        raise OSError(28, "No space left on device")

    witness = opened(folder)
    monkeypatch.setattr("audit.witness_state.write_durably", full)

    with pytest.raises(OSError, match="space"):
        witness.add_checkpoint(Tree.of(2).request(0))
    monkeypatch.undo()
    assert cosigned_at(witness.add_checkpoint(Tree.of(3).request(0)), Tree.of(3).note()) == SECONDS


def test_of_two_histories_at_once_only_one_is_cosigned(witness: Witness) -> None:
    tree = Tree.of(40)
    bodies = [tree.fork(0, 20 + n).request(0) for n in range(8)]
    answers: list[Answer] = []
    threads = [
        threading.Thread(target=lambda body=body: answers.append(witness.add_checkpoint(body)))
        for body in bodies
    ]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(int(answer.status) for answer in answers) == [200] + [409] * 7


def test_a_forgotten_log_begins_afresh(witness: Witness, folder: Path) -> None:
    witness.add_checkpoint(Tree.of(9).request(0))

    forgotten = WitnessState(folder).forget(ORIGIN)

    assert forgotten == Tree.of(9).note()
    assert cosigned_at(witness.add_checkpoint(Tree.of(4).request(0)), Tree.of(4).note()) == SECONDS
    assert WitnessState(folder).forget("unknown.example/log") is None


def test_an_old_cosignature_does_not_pass_for_a_newer_checkpoint(witness: Witness) -> None:
    tree = Tree.of(9)
    old = witness.add_checkpoint(tree.request(0, 4)).body

    with pytest.raises(SignatureInvalid):
        WITNESS.key.time_of(parse_note(tree.note(9) + old))


def test_of_several_cosignatures_the_newest_counts() -> None:
    text = parse_note(NOTE).text
    lines = [str(WITNESS.cosign(text, at)) for at in (5, 9, 7)]
    note = parse_note(NOTE + "".join(f"{line}\n" for line in lines))

    assert WITNESS.key.time_of(note) == 9


def test_a_time_that_was_changed_breaks_the_cosignature() -> None:
    text = parse_note(NOTE).text
    line = WITNESS.cosign(text, 5)
    moved = type(line)(line.name, line.key_id, (6).to_bytes(8, "big") + line.value[8:])

    with pytest.raises(SignatureInvalid):
        WITNESS.key.time_of(parse_note(f"{NOTE}{moved}\n"))


def test_the_key_of_a_witness_is_written_as_it_is_read() -> None:
    assert WitnessKey.parse(str(WITNESS.key)) == WITNESS.key


@pytest.mark.parametrize("vkey", ["", "a+b+c", str(SIGNER.verifier), str(WITNESS.key)[:-1]])
def test_another_kind_of_key_is_no_witness(vkey: str) -> None:
    with pytest.raises(NoteMalformed):
        WitnessKey.parse(vkey)


@pytest.mark.parametrize(("name", "seed"), [("a b", b"1" * 32), ("", b"1" * 32), ("a", b"1")])
def test_a_key_that_no_note_can_carry_is_refused(name: str, seed: bytes) -> None:
    with pytest.raises(NoteMalformed):
        Cosigner(name, seed)
