"""Evidence bundles: what a stranger can check, and what nobody can change unseen."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import tracemalloc
import venv
import zipfile
from datetime import timedelta
from functools import partial, reduce
from operator import getitem
from pathlib import Path
from typing import Any

import pytest

from audit.note import parse_note
from audit.standalone import verify_bundle
from audit.standalone.verify_bundle import OWN, NotVerified, Unreadable, summary, verify
from gateway.evidence.reading import signer
from gateway.evidence.service import Exported, Order, export
from gateway.identity.models import Person
from gateway.journal import Act, Actor
from gateway.oversight.queries import Question, resolve
from gateway.runtime import Runtime
from tests.integration.evidence.conftest import Command, fill
from tests.integration.evidence.forging import forge, members_of, pack, resign
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
    assert "opened/" not in done.stdout


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
    told = command("verify-bundle", str(target)).stdout
    assert "the personal fields in opened/ are the operator's statement" in told


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
        pack(changed, members | {name: bytes(data)})
        with pytest.raises(NotVerified):
            verify(changed)


def test_no_byte_of_the_file_can_be_changed_so_that_another_bundle_is_read(bundle: Path) -> None:
    rng, data = random.Random(7), bundle.read_bytes()
    original = members_of(bundle)
    changed = bundle.with_name("changed.zip")

    for _ in range(150):
        copy = bytearray(data)
        copy[rng.randrange(len(copy))] ^= 1 << rng.randrange(8)
        changed.write_bytes(copy)
        try:
            verify(changed)
        except (NotVerified, Unreadable):
            continue
        assert members_of(changed) == original


def test_members_left_out_added_or_swapped_are_noticed(bundle: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(bundle) as opened:
        members = {name: opened.read(name) for name in opened.namelist()}
    first, second = [name for name in members if name.startswith("entries/")][:2]
    swapped = members | {first: members[second], second: members[first]}
    fewer = {name: data for name, data in members.items() if name != first}

    for other in (swapped, fewer, members | {"more.txt": b"x"}):
        changed = tmp_path / "changed.zip"
        pack(changed, other)
        with pytest.raises(NotVerified):
            verify(changed)


def test_what_is_no_bundle_at_all_could_not_be_read(command: Command, tmp_path: Path) -> None:
    nothing, text = tmp_path / "nothing.zip", tmp_path / "text.zip"
    text.write_text("no bundle")

    for done in (command("verify-bundle", str(path)) for path in (nothing, text)):
        assert done.exit_code == 2
        assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("key", ["foo", "", "a+b+c", "log+00000000+AbCd"])
def test_a_key_that_is_none_could_not_be_used_and_blames_no_bundle(
    command: Command, bundle: Path, tmp_path: Path, key: str
) -> None:
    alone = _alone(tmp_path, bundle, "--key", key)
    done = command("verify-bundle", str(bundle), "--key", key)

    assert (alone.returncode, done.exit_code) == (2, 2)
    for said in (alone.stderr, done.stderr):
        assert "no verifier key" in said
        assert said.count("\n") == 1


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


def test_an_empty_answer_says_in_words_what_it_does_not_show(
    runtime: Runtime, command: Command, kim: Person, tmp_path: Path
) -> None:
    fill(runtime, 5, kim)
    target, later = str(tmp_path / "b.zip"), str(tmp_path / "later.zip")

    made = command("export", "--dataset", "none-such", "--out", target)
    command("export", "--until", "2020-01-01", "--out", later)

    told = command("verify-bundle", target).stdout
    assert "no entry was selected. The operator states" in made.stdout
    assert "no entry was selected. The operator states" in told
    assert "verified: 0 entries" not in told
    assert "the range is empty" in command("verify-bundle", later).stdout


HOSTILE = "\x1b[2J\nverified: 999 entries are in the log\r\u202e\ud800\x00"


def _said(manifest: dict[str, Any]) -> None:
    manifest["query"] = {"dataset": HOSTILE, HOSTILE: 1}
    manifest["made"] = HOSTILE
    manifest["completeness"] = {"en": HOSTILE, "ko": HOSTILE}
    manifest["opened"] = HOSTILE


def test_nothing_that_a_manifest_says_can_pass_for_the_verifiers_own_words(
    runtime: Runtime, bundle: Path, tmp_path: Path
) -> None:
    forged = tmp_path / "forged.zip"
    forge(bundle, forged, signer(runtime), lambda manifest, _members: _said(manifest))

    done = _alone(tmp_path, forged, LC_ALL="C", PYTHONUTF8="0")

    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line for line in lines if line.startswith("verified")] == lines[:1]
    assert all(one.isprintable() for line in lines for one in line)


def test_a_reason_that_a_manifest_put_there_is_printed_as_one_line(
    runtime: Runtime, bundle: Path, tmp_path: Path
) -> None:
    forged = tmp_path / "forged.zip"
    name = "policies/\x1b[2J\nverified: all"
    forge(bundle, forged, signer(runtime), lambda _manifest, members: members.update({name: b""}))

    done = _alone(tmp_path, forged)

    assert (done.returncode, done.stdout.count("\n"), done.stderr) == (1, 1, "")
    assert "\x1b" not in done.stdout


WRONG: tuple[Any, ...] = (
    None, True, -1, 1 << 62, 10**30, 1.5, "", "1", HOSTILE, [], [[]], [None], [1, 1], [10**30],
    {}, {"size": "1"}, {"size": 10**30, "proof": []}, {"size": 1, "proof": [1]},
    {"first": 0, "end": 1}, {"a": {"sha256": 1, "bytes": 1}}, {"a": 5},
)  # fmt: skip


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_no_manifest_however_wrong_makes_more_than_one_clear_line(
    runtime: Runtime, bundle: Path, tmp_path: Path
) -> None:
    key, forged = signer(runtime), tmp_path / "forged.zip"
    right = verify(bundle)[0]
    fields = ["format", "bundle", "origin", "key", "size", "trusted", "query", "selected", "range"]
    inside = [("range", name) for name in ("first", "end", "pruned", "around")]
    for path in [*((name,) for name in [*fields, "members"]), *inside]:
        for value in WRONG:
            forge(bundle, forged, key, partial(_put, path, value), listed=False)
            asked = path == ("query",) and isinstance(value, dict)
            fine = asked or value == reduce(getitem, path, right)
            assert _at_most_one_line(forged) is fine, (path, value)


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_a_manifest_that_is_no_manifest_is_refused_in_one_line(
    runtime: Runtime, bundle: Path, tmp_path: Path
) -> None:
    members = {name: data for name, data in members_of(bundle).items() if name not in OWN}
    deep = b"[" * 100_000
    for data in (b"", b"null", b"[]", b"7", b"{}", b"\xff", b"1" * 5000, deep, b'{"format": NaN}'):
        resign(tmp_path / "forged.zip", signer(runtime), data, members)
        assert not _at_most_one_line(tmp_path / "forged.zip"), data


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_a_member_that_unpacks_to_more_than_it_may_have_is_not_even_read(
    runtime: Runtime, bundle: Path, tmp_path: Path
) -> None:
    names, forged = list(members_of(bundle)), tmp_path / "forged.zip"
    for name in ["manifest.json", "manifest.sig", *_of_each_kind(names)]:
        if name.startswith("range/"):
            continue
        members = members_of(bundle) | {name: b"[" + b"[]," * 11_000_000 + b"0]"}
        pack(forged, members, packed=name)
        assert _refused_in_little_memory(forged) == f"{name}: too large"
        assert forged.stat().st_size < 1_000_000


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_a_member_that_unpacks_to_more_than_is_stated_is_read_no_further(
    bundle: Path, tmp_path: Path
) -> None:
    forged = tmp_path / "forged.zip"
    data, stated = bytes(60_000_000), 1000
    pack(forged, members_of(bundle) | {"keys.json": data}, packed="keys.json")
    raw = forged.read_bytes()
    assert raw.count(len(data).to_bytes(4, "little")) == 2
    lying = raw.replace(len(data).to_bytes(4, "little"), stated.to_bytes(4, "little"))
    forged.write_bytes(lying)

    assert "damaged" in _refused_in_little_memory(forged)


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_a_range_that_was_packed_is_not_unpacked(bundle: Path, tmp_path: Path) -> None:
    for name in ("range/hashes", "range/redacted"):
        forged, members = tmp_path / "forged.zip", members_of(bundle)
        pack(forged, members | {name: bytes(60_000_000)}, packed=name)
        assert _refused_in_little_memory(forged).endswith(": packed")


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_what_the_log_did_not_sign_is_not_parsed(bundle: Path, tmp_path: Path) -> None:
    members = members_of(bundle) | {"manifest.json": b"[" * 100_000}
    pack(tmp_path / "forged.zip", members)

    with pytest.raises(NotVerified, match="the manifest is not the one signed"):
        verify(tmp_path / "forged.zip")


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_a_range_is_verified_in_memory_that_does_not_grow_with_it(
    runtime: Runtime, bundle: Path, tmp_path: Path
) -> None:
    """A redacted entry said to have 4 GB, in a range whose file is 60 MB larger."""
    forged = tmp_path / "forged.zip"

    def change(_manifest: dict[str, Any], members: dict[str, bytes]) -> None:
        members["range/redacted"] = b"\xff" * 4 + bytes(60_000_000)

    forge(bundle, forged, signer(runtime), change)

    assert _refused_in_little_memory(forged) == "entry 0: too large"


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_any_flipped_bit_of_a_signed_manifest_makes_one_clear_line(
    runtime: Runtime, bundle: Path, tmp_path: Path
) -> None:
    rng, members = random.Random(11), members_of(bundle)
    manifest = members["manifest.json"]
    rest = {name: data for name, data in members.items() if name not in OWN}
    for _ in range(150):
        data = bytearray(manifest)
        for _again in range(rng.randrange(1, 4)):
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        resign(tmp_path / "forged.zip", signer(runtime), bytes(data), rest)
        _at_most_one_line(tmp_path / "forged.zip")


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_keys_of_redacted_entries_that_are_none_are_refused_in_one_line(
    bundle: Path, tmp_path: Path
) -> None:
    keys = tmp_path / "keys.json"
    for text in (
        "",
        "[]",
        '{"keys": []}',
        '{"keys": {"1": 5}}',
        '{"keys": {"1": "x"}}',
        "[" * 9**6,
    ):
        keys.write_text(text)
        done = _alone(tmp_path, bundle, "--open", keys)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)


def test_a_checkpoint_larger_than_an_old_key_signed_is_refused(
    runtime: Runtime, command: Command, kim: Person, tmp_path: Path
) -> None:
    """Whoever holds the key that was handed over makes a bundle of their own."""
    fill(runtime, 3, kim)
    old = signer(runtime)
    assert command("keys", "rotate").exit_code == 0
    fill(runtime, 3, kim)
    path, forged = tmp_path / "b.zip", tmp_path / "forged.zip"
    assert command("export", "--out", str(path)).exit_code == 0
    text = parse_note(members_of(path)["checkpoint"].decode()).text
    stolen = str(old.sign(text, 7)).encode()

    def change(_manifest: dict[str, Any], members: dict[str, bytes]) -> None:
        members["checkpoint"] = stolen

    verify(path)
    forge(path, forged, signer(runtime), change)
    with pytest.raises(NotVerified, match="handed over"):
        verify(forged)


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


def _put(path: tuple[str, ...], value: Any, manifest: dict[str, Any], _members: object) -> None:
    for name in path[:-1]:
        manifest = manifest[name]
    manifest[path[-1]] = value


def _at_most_one_line(bundle: Path) -> bool:
    """Whether it verifies; if not, the reason is one printable line."""
    try:
        manifest, _ = verify(bundle)
        lines = summary(manifest, False).split("\n")
    except NotVerified as error:
        lines, manifest = [str(error)], {}
    assert all(line.isprintable() for line in lines)
    return bool(manifest)


def _refused_in_little_memory(bundle: Path) -> str:
    """Why it is not verified, after at most 16 MB."""
    tracemalloc.start()
    try:
        with pytest.raises(NotVerified) as refused:
            verify(bundle)
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 16_000_000
    return str(refused.value)


def _alone(folder: Path, *words: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the verifier as a file of its own."""
    script = folder / "verify_bundle.py"
    shutil.copy(verify_bundle.__file__, script)
    command = [sys.executable, str(script), *map(str, words)]
    bare = {"PATH": os.environ["PATH"], **environment}
    return subprocess.run(
        command, capture_output=True, text=True, encoding="utf-8", env=bare, check=False
    )


def _vkey(runtime: Runtime) -> str:
    return str(signer(runtime).verifier)


def _of_each_kind(names: list[str]) -> list[str]:
    kinds: dict[str, str] = {}
    for name in names:
        kinds.setdefault(name.partition("/")[0] + name[-4:], name)
    return list(kinds.values())


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
