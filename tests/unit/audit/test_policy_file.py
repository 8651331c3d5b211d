"""C2SP tlog-policy: which witnesses make a quorum."""

from __future__ import annotations

import contextlib
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.cosignature import Cosigner
from audit.errors import PolicyMalformed
from audit.note import parse_note
from audit.policy_file import MAX_BYTES, parse_policy
from tests.unit.audit.witnesses import Tree
from tests.unit.audit.world import SIGNER, VKEY

COSIGNERS = {name: Cosigner(f"{name}.example", name.encode() * 16) for name in ("X1", "X2", "Y1")}
LINES = "".join(f"witness {name} {one.key}\n" for name, one in COSIGNERS.items())
POLICY = f"""# who counts
log {VKEY} https://log.example/
{LINES}
group X any X1 X2
\tgroup  XY   all  X\tY1
quorum XY
"""


def test_groups_count_as_the_specification_says() -> None:
    policy = parse_policy(POLICY.encode())
    names = ["X1", "X2", "Y1"]
    every = [set(c) for n in range(4) for c in itertools.combinations(names, n)]

    met = [who for who in every if policy.met(who)]

    assert met == [{"X1", "Y1"}, {"X2", "Y1"}, {"X1", "X2", "Y1"}]


def test_without_a_quorum_nothing_is_asked() -> None:
    assert parse_policy(b"quorum none\n").met(set())


@pytest.mark.parametrize(
    ("groups", "fewest"),
    [
        ("quorum none", 0),
        ("quorum X1", 1),
        ("group G all X1 X2 Y1\nquorum G", 3),
        ("group X any X1 X2\ngroup G all X Y1\nquorum G", 2),
        ("group X all X1 X2\ngroup G any X Y1\nquorum G", 1),
    ],
)
def test_the_smallest_quorum_is_known(groups: str, fewest: int) -> None:
    assert parse_policy(f"{LINES}{groups}\n".encode()).fewest == fewest


def test_a_single_witness_is_a_quorum() -> None:
    policy = parse_policy(f"{LINES}quorum Y1\n".encode())

    assert [policy.met({name}) for name in ("X1", "Y1")] == [False, True]


def test_a_number_of_members_is_a_threshold() -> None:
    policy = parse_policy(f"{LINES}group G 2 X1 X2 Y1\nquorum G\n".encode())

    assert [policy.met(set(who)) for who in (["X1"], ["X1", "Y1"])] == [False, True]


def test_only_valid_cosignatures_count() -> None:
    policy, note = parse_policy(POLICY.encode()), Tree.of(2).note()
    text = parse_note(note).text
    right = COSIGNERS["X1"].cosign(text, 7)
    wrong = COSIGNERS["Y1"].cosign(parse_note(Tree.of(3).note()).text, 7)
    stranger = Cosigner("Z.example", b"z" * 32).cosign(text, 7)

    found = policy.cosigners(parse_note(f"{note}{right}\n{wrong}\n{stranger}\n"))

    assert found == {"X1": 7}


def test_a_policy_is_written_as_it_is_read() -> None:
    policy = parse_policy(POLICY.encode())

    assert parse_policy(str(policy).encode()) == policy


def test_names_are_octets_of_any_kind() -> None:
    data = f"{LINES}".encode().replace(b"Y1 ", b"\xff\xfe ") + b"quorum \xff\xfe\n"

    assert parse_policy(data).quorum == "\udcff\udcfe"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "newline"),
        ("quorum none", "newline"),
        ("quorum none\r\n", "control"),
        ("# nothing\n", "missing"),
        ("quorum none\nquorum none\n", "second"),
        ("quorum X1\n", "not defined"),
        ("quorum none none\n", "one name"),
        ("quorums none\n", "none of log"),
        (f"log\n{LINES}quorum none\n", "verifier key"),
        (f"log {VKEY} a b\nquorum none\n", "address"),
        ("log nonsense\nquorum none\n", "line 1"),
        (f"witness X1\n{LINES}quorum none\n", "verifier key"),
        (f"witness X1 {VKEY}\nquorum none\n", "type 0x04"),
        (f"{LINES}{LINES}quorum none\n", "listed already"),
        (f"{LINES}witness X1 {Cosigner('n', b'n' * 32).key}\nquorum none\n", "taken"),
        (f"{LINES}witness none {Cosigner('n', b'n' * 32).key}\nquorum none\n", "taken"),
        (f"{LINES}group G 2\nquorum G\n", "at least one"),
        (f"{LINES}group G 0 X1\nquorum G\n", "not any"),
        (f"{LINES}group G 02 X1 X2\nquorum G\n", "not any"),
        (f"{LINES}group G 3 X1 X2\nquorum G\n", "never be met"),
        (f"{LINES}group G any X1 X1\nquorum G\n", "in a group already"),
        (f"{LINES}group G any X1\ngroup H any X1\nquorum G\n", "in a group already"),
        (f"{LINES}group G any none\nquorum G\n", "not defined"),
        (f"{LINES}group G any G\nquorum G\n", "not defined"),
        (f"{LINES}group X1 any X2\nquorum X1\n", "taken"),
        (f"group G any X1\n{LINES}quorum G\n", "not defined"),
        ("#" * MAX_BYTES + "\n", "at most"),
    ],
)
def test_any_other_policy_is_refused_and_the_fault_named(text: str, what: str) -> None:
    with pytest.raises(PolicyMalformed, match=what):
        parse_policy(text.encode())


def test_the_logs_own_key_is_no_witness() -> None:
    own = Cosigner(SIGNER.verifier.name, b"s" * 32).key

    with pytest.raises(PolicyMalformed, match="listed already"):
        parse_policy(f"log {VKEY}\nwitness own {own}\nquorum own\n".encode())


@settings(max_examples=300, deadline=None)
@given(at=st.integers(0, len(POLICY)), cut=st.integers(0, 8), put=st.binary(max_size=8))
def test_any_file_is_a_policy_or_refused(at: int, cut: int, put: bytes) -> None:
    data = POLICY.encode()

    with contextlib.suppress(PolicyMalformed):
        parse_policy(data[:at] + put + data[at + cut :])
