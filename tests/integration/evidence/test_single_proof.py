"""A stranger who holds one proof verifies it with the one file, and nothing else."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from audit.proof import parse_proof
from audit.receipt import COLLECTING, header_value
from audit.standalone import verify_bundle
from gateway.evidence.reading import signer
from gateway.identity.models import Person
from gateway.journal import Act, Actor, Entry
from gateway.runtime import Runtime
from gateway.witnessing.receipt_check import check
from tests.integration.evidence.conftest import Command, fill

Alone = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def alone(tmp_path: Path, runtime: Runtime) -> Alone:
    """Run the verifier as a file of its own, with the log's key."""
    script = tmp_path / "verify_bundle.py"
    shutil.copy(verify_bundle.__file__, script)
    key = str(signer(runtime).verifier)

    def run(*words: object, key: str = key) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-I", str(script), *map(str, words), "--key", key]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    return run


@pytest.fixture
def proof(runtime: Runtime, command: Command, kim: Person, tmp_path: Path) -> Path:
    fill(runtime, 300, kim)
    path = tmp_path / "one.tlog-proof"
    made = command("prove", "290", "--out", str(path))
    assert made.exit_code == 0, made.output
    assert "verify_bundle.py --proof" in made.stderr
    return path


def test_a_proof_from_the_page_or_command_proves_itself(alone: Alone, proof: Path) -> None:
    done = alone("--proof", proof)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "verified: entry 290 is in the log localhost:8400/log, among" in done.stdout
    assert '"operation":"download.authorized"' in done.stdout


def test_no_character_of_a_proof_can_be_changed(runtime: Runtime, proof: Path) -> None:
    """What follows the log's own signature may change: other signatures may stand there."""
    text, key = proof.read_text(), str(signer(runtime).verifier)
    signed = text.index("\n", text.index("\n— "))
    for at in range(0, signed, 7):
        forged = text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]
        with pytest.raises((verify_bundle.NotVerified, UnicodeDecodeError)):
            verify_bundle.verify_proof(forged, [key])


def test_another_key_an_altered_proof_and_a_missing_one_are_told_apart(
    alone: Alone, proof: Path, tmp_path: Path
) -> None:
    from audit.note import Signer

    other = str(Signer("localhost:8400/log", b"x" * 32).verifier)
    altered = tmp_path / "altered"
    altered.write_text(proof.read_text().replace("index 290", "index 289"))

    foreign = alone("--proof", proof, key=other)
    changed, missing = alone("--proof", altered), alone("--proof", tmp_path / "nowhere")

    assert [foreign.returncode, changed.returncode, missing.returncode] == [1, 1, 2]
    assert "give both" in foreign.stdout
    assert "does not lead to the root" in changed.stdout
    assert missing.stderr.count("\n") == 1


@pytest.mark.parametrize("text", ["", "\x1b[2J", "c2sp.org/tlog-proof@v1\n\n", "x" * 10**6])
def test_what_is_no_proof_is_refused_in_one_line(alone: Alone, tmp_path: Path, text: str) -> None:
    (tmp_path / "p").write_text(text)

    done = alone("--proof", tmp_path / "p")

    assert (done.returncode, done.stdout.count("\n"), done.stderr) == (1, 1, "")
    assert "\x1b" not in done.stdout


def test_a_proof_of_a_receipt_needs_the_receipt(
    alone: Alone, runtime: Runtime, tmp_path: Path
) -> None:
    token = COLLECTING.set([])
    runtime.journal.append(Entry(Actor.system(), Act.BACKUP_MADE))
    collected = COLLECTING.get()
    COLLECTING.reset(token)
    assert collected is not None
    receipt = runtime.journal.log.receipt(collected[-1])
    path = tmp_path / "p"
    path.write_text(str(check(runtime, receipt).proof))
    (tmp_path / "note").write_text(receipt)
    (tmp_path / "line").write_text(f"Sumun-Receipt: {header_value(receipt)}\n")
    (tmp_path / "forged").write_text(receipt.replace("event ", "event f"))

    bare = alone("--proof", path)
    held = [alone("--proof", path, "--receipt", tmp_path / one) for one in ("note", "line")]
    forged = alone("--proof", path, "--receipt", tmp_path / "forged")

    assert (bare.returncode, "give --entry or --receipt" in bare.stdout) == (1, True)
    assert [one.returncode for one in held] == [0, 0], held[0].stdout
    assert "its hash, as the receipt names it" in held[0].stdout
    assert forged.returncode == 1


def test_the_entry_of_another_proof_is_not_its_entry(
    alone: Alone, proof: Path, tmp_path: Path
) -> None:
    held = parse_proof(proof.read_text())
    (tmp_path / "leaf").write_bytes(held.extra or b"")
    (tmp_path / "other").write_bytes(b"{}")
    (tmp_path / "bare").write_text(str(type(held)(held.index, held.hashes, held.checkpoint)))

    right = alone("--proof", tmp_path / "bare", "--entry", tmp_path / "leaf")
    wrong = alone("--proof", tmp_path / "bare", "--entry", tmp_path / "other")
    both = alone("--proof", proof, "--entry", tmp_path / "other")

    assert [right.returncode, wrong.returncode, both.returncode] == [0, 1, 1], right.stdout


def test_a_bundle_and_a_proof_at_once_or_neither_are_refused(alone: Alone, proof: Path) -> None:
    assert alone().returncode == 2
    assert alone("some.zip", "--proof", proof).returncode == 2
