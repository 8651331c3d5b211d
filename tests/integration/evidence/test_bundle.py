"""Evidence bundles: what a stranger can check, and what nobody can change unseen."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import venv
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from audit.standalone.verify_bundle import NotVerified, verify
from gateway.evidence.reading import signer
from gateway.evidence.service import Exported, Order, export
from gateway.identity.models import Person
from gateway.journal import Act, Actor
from gateway.oversight.queries import Question, resolve
from gateway.runtime import Runtime
from tests.integration.evidence.conftest import Command, fill
from tests.people import make_person

ALONE = ("cryptography", "cffi", "_cffi_backend*.so")


@pytest.fixture
def lee(runtime: Runtime) -> Person:
    return make_person(runtime, "lee.member", name="이회원")


@pytest.fixture
def bundle(runtime: Runtime, command: Command, kim: Person, lee: Person, tmp_path: Path) -> Path:
    """Kim's downloads among Lee's."""
    for person in (lee, kim, lee, kim):
        fill(runtime, 70, person)
    target = tmp_path / "evidence.zip"
    made = command("export", "--person", "kim.sumun", "--dataset", "voices", "--out", str(target))
    assert made.exit_code == 0, made.output
    return target


def test_a_bundle_is_verified_with_python_and_cryptography_alone(
    runtime: Runtime, bundle: Path, tmp_path: Path
) -> None:
    python = _empty_environment(tmp_path / "empty")
    with zipfile.ZipFile(bundle) as opened:
        opened.extract("verify_bundle.py", tmp_path)

    done = _run(python, tmp_path / "verify_bundle.py", bundle, "--key", _vkey(runtime))

    assert done.returncode == 0, done.stdout + done.stderr
    assert "verified: 140 entries are in the log" in done.stdout
    assert "is the operator's statement" in done.stdout


def test_the_command_says_the_same(runtime: Runtime, command: Command, bundle: Path) -> None:
    done = command("verify-bundle", str(bundle), "--key", _vkey(runtime), "--json")

    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert said["verified"]
    assert len(said["selected"]) == 140
    assert "entries" not in said["completeness"]["ko"]


def test_without_a_key_the_verifier_says_where_it_took_it(command: Command, bundle: Path) -> None:
    done = command("verify-bundle", str(bundle))

    assert done.exit_code == 0
    assert "the key was taken from the bundle" in done.stdout


def test_entries_that_do_not_answer_the_query_cannot_be_read(
    bundle: Path, runtime: Runtime, kim: Person, lee: Person
) -> None:
    with zipfile.ZipFile(bundle) as opened:
        everything = b"".join(opened.read(name) for name in opened.namelist())

    for text in ("kim.sumun", "lee.member", "김수문", "이회원", "음성/a.wav"):
        assert text.encode() not in everything


def test_opened_fields_are_added_on_demand(
    runtime: Runtime, command: Command, kim: Person, tmp_path: Path
) -> None:
    target = tmp_path / "opened.zip"
    fill(runtime, 3, kim)

    made = command("export", "--action", "download.", "--opened", "--out", str(target), "--json")

    assert made.exit_code == 0, made.output
    manifest, _ = verify(target)
    with zipfile.ZipFile(target) as opened:
        fields = json.loads(opened.read(f"opened/{manifest['selected'][0]}.json"))
    assert [one["personal"]["name"] for one in fields.values()] == ["김수문"]
    assert "by the operator's word" in manifest["opened"]


def test_the_bundle_proves_growth_from_a_checkpoint_kept_before(
    runtime: Runtime, command: Command, kim: Person, tmp_path: Path
) -> None:
    kept, target = tmp_path / "kept", tmp_path / "evidence.zip"
    fill(runtime, 5, kim)
    kept.write_text(runtime.journal.log.checkpoint().note)
    fill(runtime, 300, kim)

    made = command("export", "--since", str(kept), "--out", str(target))
    done = command("verify-bundle", str(target), "--since", str(kept))

    assert made.exit_code == 0, made.output
    assert done.exit_code == 0, done.output
    assert "the log extends the checkpoint of" in done.stdout


def test_a_bundle_without_that_proof_is_not_enough_for_who_keeps_a_checkpoint(
    runtime: Runtime, command: Command, bundle: Path, tmp_path: Path
) -> None:
    kept = tmp_path / "kept"
    kept.write_text(runtime.journal.log.checkpoint().note)

    done = command("verify-bundle", str(bundle), "--since", str(kept))

    assert done.exit_code == 1
    assert "no proof from the checkpoint you keep" in done.stdout


@pytest.mark.parametrize("text", ["", "nonsense", "other.example/log\n3\nx\n\n— a b\n"])
def test_a_checkpoint_of_another_log_is_refused(
    runtime: Runtime, command: Command, tmp_path: Path, text: str
) -> None:
    kept = tmp_path / "kept"
    kept.write_text(text)
    fill(runtime, 3)

    refused = command("export", "--since", str(kept), "--out", str(tmp_path / "x.zip"))

    assert refused.exit_code == 2
    assert refused.stderr.count("\n") == 1
    assert not (tmp_path / "x.zip").exists()


def test_a_redacted_entry_can_be_opened_on_order(
    command: Command, bundle: Path, tmp_path: Path
) -> None:
    manifest, _ = verify(bundle)
    hidden = next(n for n in range(manifest["range"]["end"]) if n not in manifest["selected"])
    keys = tmp_path / "keys.json"

    handed = command("open-redacted", str(bundle), str(hidden), "--out", str(keys))
    done = command("verify-bundle", str(bundle), "--open", str(keys), "--json")

    assert handed.exit_code == 0, handed.output
    (leaf,) = json.loads(done.stdout)["opened"].values()
    assert json.loads(leaf)["v"] == 1


def test_a_wrong_key_opens_nothing(command: Command, bundle: Path, tmp_path: Path) -> None:
    manifest, _ = verify(bundle)
    hidden = next(n for n in range(manifest["range"]["end"]) if n not in manifest["selected"])
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps({"keys": {str(hidden): "00" * 32}}))

    assert command("verify-bundle", str(bundle), "--open", str(keys)).exit_code == 1


def test_the_key_of_another_log_does_not_verify_it(command: Command, bundle: Path) -> None:
    from audit.note import Signer

    other = str(Signer("localhost:8400/log", b"x" * 32).verifier)

    done = command("verify-bundle", str(bundle), "--key", other)

    assert done.exit_code == 1
    assert "the log whose key you trust" in done.stdout


def test_no_byte_of_any_member_can_be_changed_unseen(bundle: Path, tmp_path: Path) -> None:
    rng = random.Random(2026)
    with zipfile.ZipFile(bundle) as opened:
        members = {info.filename: opened.read(info) for info in opened.infolist()}
    names = [name for name in members if members[name]]

    for name in [*rng.sample(names, 40), *_of_each_kind(names)]:
        data = bytearray(members[name])
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        changed = tmp_path / "changed.zip"
        _pack(changed, members | {name: bytes(data)})
        with pytest.raises(NotVerified):
            verify(changed)


def test_no_byte_of_the_file_can_be_changed_so_that_another_bundle_is_read(bundle: Path) -> None:
    rng, data = random.Random(7), bundle.read_bytes()
    original = _contents(bundle)
    changed = bundle.with_name("changed.zip")

    for _ in range(150):
        copy = bytearray(data)
        copy[rng.randrange(len(copy))] ^= 1 << rng.randrange(8)
        changed.write_bytes(copy)
        try:
            verify(changed)
        except NotVerified:
            continue
        assert _contents(changed) == original


def test_members_left_out_added_or_swapped_are_noticed(bundle: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(bundle) as opened:
        members = {name: opened.read(name) for name in opened.namelist()}
    first, second = [name for name in members if name.startswith("entries/")][:2]
    swapped = members | {first: members[second], second: members[first]}
    fewer = {name: data for name, data in members.items() if name != first}

    for other in (swapped, fewer, members | {"more.txt": b"x"}):
        changed = tmp_path / "changed.zip"
        _pack(changed, other)
        with pytest.raises(NotVerified):
            verify(changed)


def test_what_is_no_bundle_is_not_verified(command: Command, tmp_path: Path) -> None:
    nothing, text = tmp_path / "nothing.zip", tmp_path / "text.zip"
    text.write_text("no bundle")

    missing, damaged = command("verify-bundle", str(nothing)), command("verify-bundle", str(text))

    assert (missing.exit_code, damaged.exit_code) == (2, 1)
    assert missing.stderr.count("\n") == 1


def test_the_range_follows_the_period(runtime: Runtime, kim: Person, tmp_path: Path) -> None:
    fill(runtime, 600, kim)
    runtime.clock.advance(timedelta(days=2))  # type: ignore[attr-defined]
    fill(runtime, 10, kim)

    made = _export(runtime, Question(action="download.", since="2026-11-03"), tmp_path / "b.zip")

    manifest, _ = verify(tmp_path / "b.zip")
    assert made.entries == 10
    assert manifest["range"]["first"] > 500


def test_a_question_nothing_answers_still_proves_its_range(
    runtime: Runtime, kim: Person, tmp_path: Path
) -> None:
    fill(runtime, 5, kim)

    made = _export(runtime, Question(dataset="none-such"), tmp_path / "b.zip")

    assert made.entries == 0
    assert verify(tmp_path / "b.zip")[0]["range"]["end"] >= 5


def test_the_log_tells_of_the_export_with_its_digest(
    runtime: Runtime, command: Command, bundle: Path
) -> None:
    import hashlib

    from gateway.evidence.reading import snapshot

    with snapshot(runtime) as (_sql, reader):
        from audit.reader import Filters

        (row,) = reader.search(Filters(action=Act.LOG_EXPORTED))
        detail = reader.leaf(row).detail
    assert detail["sha256"] == hashlib.sha256(bundle.read_bytes()).hexdigest()
    assert (detail["form"], detail["entries"], detail["opened"]) == ("bundle", 140, False)


def test_nothing_is_left_when_the_export_cannot_be_recorded(
    runtime: Runtime, kim: Person, tmp_path: Path
) -> None:
    fill(runtime, 3, kim)
    with runtime.db.read() as session:
        found = resolve(session, Question(), runtime.settings.zone)
    runtime.journal.log.checkpoint()
    runtime.journal.log._batcher.close()

    with pytest.raises(Exception, match="closed"):
        export(runtime, Actor.operator(), Order(found.filters), tmp_path / "b.zip")

    assert list(tmp_path.glob("*b.zip*")) == []


def _export(runtime: Runtime, question: Question, target: Path) -> Exported:
    with runtime.db.read() as session:
        found = resolve(session, question, runtime.settings.zone)
    return export(runtime, Actor.operator(), Order(found.filters, found.plain()), target)


def _vkey(runtime: Runtime) -> str:
    return str(signer(runtime).verifier)


def _contents(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def _of_each_kind(names: list[str]) -> list[str]:
    kinds: dict[str, str] = {}
    for name in names:
        kinds.setdefault(name.partition("/")[0] + name[-4:], name)
    return list(kinds.values())


def _pack(path: Path, members: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w") as target:
        for name, data in members.items():
            target.writestr(name, data)


def _empty_environment(folder: Path) -> Path:
    """A virtual environment in which nothing but cryptography is installed."""
    venv.create(folder, with_pip=False, symlinks=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    here = Path(sys.executable).parent.parent
    (installed,) = here.glob("lib/python*/site-packages")
    for source in (one for name in ALONE for one in installed.glob(name)):
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, packages / source.name)
    return folder / "bin" / "python"


def _run(python: Path, *words: object) -> subprocess.CompletedProcess[str]:
    bare: dict[str, Any] = {key: os.environ[key] for key in ("PATH",)}
    command = [str(python), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, env=bare, check=False)
