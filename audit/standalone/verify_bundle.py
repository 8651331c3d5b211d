"""Verifies an evidence bundle of a Sumun audit log. Needs only Python and `cryptography`.

    python verify_bundle.py BUNDLE.zip --key 'NAME+HASH+KEY' [--since CHECKPOINT] [--open KEYS.json]

`--key` is the log's verifier key (`/log/key`), from a source you trust; without it the key in
the bundle is used, which proves only that the bundle holds together. `--since` is a checkpoint
you kept: the bundle must prove that the log extends it. `--open` holds keys of redacted entries,
which the operator hands out on order.

Exit status 0: verified. 1: not verified, with the reason. 2: it could not be done.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
import zipfile
from base64 import b64decode, b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

FORMAT = "sumun-evidence-bundle-v1"
NOTE_ED25519 = 1
OWN = ("manifest.json", "manifest.sig")
DECIMAL = re.compile("0|[1-9][0-9]{0,18}")
MAX_MEMBER = 1 << 34


class NotVerified(Exception):
    """The bundle is not what it claims to be."""


class Unreadable(Exception):
    """The verification could not be done."""


def need(holds: object, why: str) -> None:
    """Raise NotVerified unless something holds."""
    if not holds:
        raise NotVerified(why)


def unb64(text: object) -> bytes:
    """Decode base64 in its one standard spelling."""
    need(isinstance(text, str), "base64 is expected")
    data = b64decode(str(text), validate=True)
    need(b64encode(data).decode() == text, "base64 in a non-standard spelling")
    return data


def number(text: str) -> int:
    """Parse a decimal without leading zeros."""
    need(DECIMAL.fullmatch(text), "a number is malformed")
    return int(text)


def leaf_hash(leaf: bytes) -> bytes:
    """SHA-256(0x00 || leaf), RFC 6962."""
    return hashlib.sha256(b"\0" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 || left || right), RFC 6962."""
    return hashlib.sha256(b"\1" + left + right).digest()


@dataclass(frozen=True)
class Key:
    """A verifier key of C2SP signed-note: name, 4-byte id and Ed25519 key."""

    name: str
    id: bytes
    public: bytes

    @classmethod
    def parse(cls, text: str) -> Key:
        name, _, rest = text.partition("+")
        digest, _, encoded = rest.partition("+")
        data = unb64(encoded)
        need(len(data) == 33 and data[0] == NOTE_ED25519, "the key is no Ed25519 verifier key")
        right = hashlib.sha256(name.encode() + b"\n" + data).digest()[:4]
        need(digest == right.hex(), "the hash in the verifier key is not that of the key")
        return cls(name, right, data[1:])

    def open(self, note: str) -> list[str]:
        """Verify a signed note; return the lines of its text."""
        body, gap, tail = note.rpartition("\n\n")
        need(gap and tail.endswith("\n"), "a signed note is malformed")
        for line in tail[:-1].split("\n"):
            dash, name, value = (*line.split(" "), "", "")[:3]
            data = unb64(value)
            if (dash, name, data[:4]) == ("\u2014", self.name, self.id):
                message = (body + "\n").encode()
                Ed25519PublicKey.from_public_bytes(self.public).verify(data[4:], message)
                return body.split("\n")
        raise NotVerified(f"a note is not signed by {self.name}")


@dataclass
class Bundle:
    """An opened bundle, member by member."""

    zip: zipfile.ZipFile
    manifest: dict[str, Any]
    keys: list[Key] = field(default_factory=list)

    def read(self, name: str) -> bytes:
        return self.zip.read(name)

    def text(self, name: str) -> str:
        return self.read(name).decode()

    def note(self, text: str) -> list[str]:
        """Verify a note by whichever of the log's keys signed it."""
        for key in reversed(self.keys):
            try:
                return key.open(text)
            except (NotVerified, InvalidSignature):
                continue
        raise NotVerified("a note is signed by none of the log's keys")

    def checkpoint(self, text: str) -> tuple[int, bytes]:
        """Verify a checkpoint; return its size and root."""
        lines = self.note(text)
        need(len(lines) >= 3 and lines[0] == self.keys[-1].name, "the checkpoint is of another log")
        root = unb64(lines[2])
        need(len(root) == 32, "the checkpoint's root is no hash")
        return number(lines[1]), root


def check_members(bundle: Bundle) -> None:
    """Every member is listed with its digest, and nothing else is there."""
    members = bundle.manifest["members"]
    names = [info.filename for info in bundle.zip.infolist()]
    need(len(set(names)) == len(names), "two members have the same name")
    need(set(names) == {*members, *OWN}, "members are missing, or not listed in the manifest")
    for name, said in members.items():
        info, digest = bundle.zip.getinfo(name), hashlib.sha256()
        need(info.file_size == said["bytes"] <= MAX_MEMBER, f"{name}: not of the size stated")
        with bundle.zip.open(name) as file:
            while block := file.read(1 << 20):
                digest.update(block)
        need(digest.hexdigest() == said["sha256"], f"{name}: altered")


def check_keys(bundle: Bundle, trusted: str | None) -> None:
    """The log's keys, oldest first: each hands over to the next; one of them is trusted."""
    history = json.loads(bundle.text("keys.json"))
    texts, handovers = history["keys"], history["handovers"]
    bundle.keys = [Key.parse(text) for text in texts]
    need(len(handovers) == len(texts) - 1, "the key history has gaps")
    for at, note in enumerate(handovers):
        old, new, said = bundle.keys[at], bundle.keys[at + 1], texts[at + 1]
        lines = old.open(note)
        need(lines == new.open(note), "a hand-over is not signed by both keys")
        need(lines[0] == old.name == new.name, "a hand-over is of another log")
        need(lines[3:] == [f"next-key {said}"], "a hand-over names another key")
    need(bundle.manifest["key"] == texts[-1], "the manifest names another key")
    need(trusted in (None, *texts), "the bundle is not of the log whose key you trust")


def check_manifest(bundle: Bundle) -> None:
    """The manifest is signed by the log's present key."""
    digest = b64encode(hashlib.sha256(bundle.read("manifest.json")).digest()).decode()
    key = bundle.keys[-1]
    right = [FORMAT, key.name, digest]
    need(key.open(bundle.text("manifest.sig")) == right, "the manifest is not the one signed")


def check_consistency(old: int, new: int, proof: list[bytes], roots: tuple[bytes, bytes]) -> None:
    """RFC 9162, section 2.1.4.2."""
    need(0 < old <= new, "the log is shorter than the checkpoint trusted before")
    if old == new:
        need(not proof and roots[0] == roots[1], "the log differs from the checkpoint trusted")
        return
    path = proof if old & (old - 1) else [roots[0], *proof]
    need(path, "the consistency proof is empty")
    node, last = old - 1, new - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    first = second = path[0]
    for one in path[1:]:
        need(last, "the consistency proof is too long")
        if node & 1 or node == last:
            first, second = node_hash(one, first), node_hash(one, second)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            second = node_hash(second, one)
        node, last = node >> 1, last >> 1
    need(last == 0 and (first, second) == roots, "the log does not extend the checkpoint trusted")


def check_inclusion(index: int, size: int, leaf: bytes, proof: list[bytes], root: bytes) -> None:
    """RFC 9162, section 2.1.3.2."""
    node, last, result = index, size - 1, leaf
    for one in proof:
        need(last, f"entry {index}: the proof is too long")
        if node & 1 or node == last:
            result = node_hash(one, result)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            result = node_hash(result, one)
        node, last = node >> 1, last >> 1
    need(last == 0 and result == root, f"entry {index}: the proof does not lead to the root")


def check_entries(bundle: Bundle, size: int, root: bytes) -> None:
    """Each selected entry is in the log, by a proof of its own, and in the range."""
    note, first = bundle.text("checkpoint"), bundle.manifest["range"]["first"]
    hashes = bundle.read("range/hashes")
    for index in bundle.manifest["selected"]:
        leaf = leaf_hash(bundle.read(f"entries/{index}.json"))
        head, _, signed = bundle.text(f"proofs/{index}.tlog-proof").partition("\n\n")
        lines = head.split("\n")
        need(lines[:2] == ["c2sp.org/tlog-proof@v1", f"index {index}"], f"entry {index}: no proof")
        need(signed == note, f"entry {index}: the proof is under another checkpoint")
        check_inclusion(index, size, leaf, [unb64(line) for line in lines[2:]], root)
        at = 32 * (index - first)
        need(hashes[at : at + 32] == leaf, f"entry {index}: not the one in the range")


def check_range(bundle: Bundle, size: int, root: bytes) -> None:
    """The hashes of the range, with what lies around it, make up the whole tree."""
    said, hashes = bundle.manifest["range"], bundle.read("range/hashes")
    first, end = said["first"], said["end"]
    need(0 <= first <= end <= size and len(hashes) == 32 * (end - first), "the range has gaps")
    around = iter([unb64(one) for one in said["around"]])

    def subtree(low: int, high: int) -> bytes:
        if high <= first or low >= end:
            return next(around)
        if high - low == 1:
            return hashes[32 * (low - first) : 32 * (low - first) + 32]
        middle = low + (1 << ((high - low - 1).bit_length() - 1))
        return node_hash(subtree(low, middle), subtree(middle, high))

    whole = subtree(0, size) if size else hashlib.sha256(b"").digest()
    need(whole == root and next(around, None) is None, "the range is not that of the log")


def redacted(bundle: Bundle) -> Iterator[tuple[int, bytes]]:
    """Each entry of the range with its ciphertext; empty for selected and pruned ones."""
    said = bundle.manifest["range"]
    with bundle.zip.open("range/redacted") as file:
        for index in range(said["first"], said["end"]):
            length = file.read(4)
            need(len(length) == 4, f"entry {index}: the redacted entry is missing")
            box = file.read(int.from_bytes(length, "big"))
            need(len(box) == int.from_bytes(length, "big"), f"entry {index}: cut short")
            yield index, box
        need(not file.read(1), "there is more than the range holds")


def check_redacted(bundle: Bundle, keys: dict[str, str]) -> dict[int, bytes]:
    """Every entry is here, open or as ciphertext; opens those whose keys are given."""
    said, opened = bundle.manifest["range"], {}
    selected, hashes = set(bundle.manifest["selected"]), bundle.read("range/hashes")
    for index, box in redacted(bundle):
        need(not box or index not in selected, f"entry {index}: both open and redacted")
        here = box or index in selected or index < said["pruned_below"]
        need(here, f"entry {index}: neither open nor redacted")
        if str(index) in keys and box:
            aad = f"sumun-redacted-v1|{bundle.manifest['bundle']}|{index}".encode()
            leaf = AESGCM(bytes.fromhex(keys[str(index)])).decrypt(b"\0" * 12, box, aad)
            at = 32 * (index - said["first"])
            need(leaf_hash(leaf) == hashes[at : at + 32], f"entry {index}: another entry")
            opened[index] = leaf
    return opened


def check_trusted(bundle: Bundle, size: int, root: bytes, since: str | None) -> None:
    """The log extends the checkpoint that the auditor trusted before."""
    said = bundle.manifest["trusted"]
    need(since is None or said, "the bundle has no proof from the checkpoint you keep")
    if said is None:
        return
    old, old_root = bundle.checkpoint(bundle.text("trusted-checkpoint"))
    proof = [unb64(one) for one in said["proof"]]
    check_consistency(old, size, proof, (old_root, root))
    if since is not None:
        need(bundle.checkpoint(since) == (old, old_root), "the proof is from another checkpoint")


def verify(
    path: Path, key: str | None = None, since: str | None = None, keys: dict[str, str] | None = None
) -> tuple[dict[str, Any], dict[int, bytes]]:
    """Verify a bundle; return its manifest and the redacted entries opened with `keys`.

    `key` is a verifier key, `since` the text of a checkpoint, `keys` hexadecimal keys by index.
    Raises NotVerified, or Unreadable when there is no ZIP file to read.
    """
    try:
        with zipfile.ZipFile(path) as opened:
            return _verify(opened, key, since, keys or {})
    except OSError as error:
        raise Unreadable(f"{path}: {error.strerror or error}") from error
    except NotVerified:
        raise
    except (InvalidSignature, InvalidTag) as error:
        raise NotVerified("a signature or a redacted entry does not verify") from error
    # Whatever a damaged file makes the parsers say, the bundle is not verified.
    except Exception as error:
        raise NotVerified(f"the bundle is damaged: {error}") from error


def _verify(
    opened: zipfile.ZipFile, key: str | None, since: str | None, keys: dict[str, str]
) -> tuple[dict[str, Any], dict[int, bytes]]:
    bundle = Bundle(opened, json.loads(opened.read("manifest.json")))
    need(bundle.manifest["format"] == FORMAT, f"the format is not {FORMAT}")
    check_members(bundle)
    check_keys(bundle, key)
    check_manifest(bundle)
    size, root = bundle.checkpoint(bundle.text("checkpoint"))
    check_trusted(bundle, size, root, since)
    check_range(bundle, size, root)
    check_entries(bundle, size, root)
    return bundle.manifest, check_redacted(bundle, keys)


def summary(manifest: dict[str, Any], key_given: bool) -> str:
    """What was verified, and what was not, in words."""
    said, chosen = manifest["range"], len(manifest["selected"])
    pruned = max(0, min(said["end"], said["pruned_below"]) - said["first"])
    lines = [
        f"verified: {chosen} entries are in the log, each by its own proof",
        f"whole range: entries {said['first']} to {said['end'] - 1}, "
        f"{said['end'] - said['first'] - chosen} of them redacted or pruned ({pruned} pruned)",
        f"query: {json.dumps(manifest['query'], ensure_ascii=False, sort_keys=True)}",
        f"completeness: {manifest['completeness']['en']}",
    ]
    if manifest["trusted"]:
        lines.append(f"the log extends the checkpoint of {manifest['trusted']['size']} entries")
    if not key_given:
        lines.append(f"the key was taken from the bundle; compare it yourself: {manifest['key']}")
    return "\n".join(lines)


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description="Verify an evidence bundle.")
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--key", help="the log's verifier key")
    parser.add_argument("--since", type=Path, help="a checkpoint you kept")
    parser.add_argument("--open", type=Path, help="keys of redacted entries")
    given = parser.parse_args()
    try:
        since = given.since and given.since.read_text("utf-8")
        keys = json.loads(given.open.read_text("utf-8"))["keys"] if given.open else {}
        manifest, opened = verify(given.bundle, given.key, since, keys)
    except NotVerified as error:
        sys.stdout.write(f"NOT VERIFIED: {error}\n")
        return 1
    except (Unreadable, OSError, ValueError, KeyError, TypeError) as error:
        sys.stderr.write(f"verify_bundle: {error}\n")
        return 2
    sys.stdout.write(summary(manifest, given.key is not None) + "\n")
    for index, leaf in opened.items():
        sys.stdout.write(f"{index} {leaf.decode()}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
