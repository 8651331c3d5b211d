"""Writes an evidence bundle: entries with their proofs, and the whole range around them.

A filtered export cannot show that nothing was left out. So the bundle covers a range of indexes
without a gap: selected entries open, all others as ciphertext under a key of their own, and the
leaf hash of each, from which the signed root follows. The operator can open any redacted entry
on order, and its hash shows that it is the one. `audit.standalone.verify_bundle` is the reader.
"""

from __future__ import annotations

import hashlib
import zipfile
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO, Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from audit import canonical
from audit.checkpoint import parse_text
from audit.dbapi import Sql
from audit.errors import ProofInvalid
from audit.leaf import decode
from audit.merkle import (
    TILE_WIDTH,
    TileReader,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    range_root,
    split_tile,
)
from audit.note import Signer, parse_note
from audit.proof import TlogProof
from audit.reader import LogReader
from audit.standalone import verify_bundle
from audit.vault import KeyVault

_DATE = (1980, 1, 1, 0, 0, 0)
_PAGE = 512
_LEAVES = "SELECT idx, leaf FROM audit_entries WHERE idx >= ? AND idx < ? ORDER BY idx"
_TILES_KEPT = 4096
_WHOLE_KO = (
    "이 범위에서는{} 모든 기록이 공개 또는 가림 처리된 상태로 이 묶음에 들어 있으며, "
    "이는 증명됩니다. 가림 처리된 기록 가운데 조건에 맞는 것이 없다는 점은 "
    "운영자의 진술입니다. 확인하려면 가림 처리된 기록을 열어 달라고 요구하십시오."
)
_GONE_KO = (
    "{}번 앞의 기록은 보관 파일로 옮기고 삭제하여 해시만 들어 있습니다. 그 내용과 조건에 "
    "맞는지는 이 묶음으로 알 수 없으며, 감사 기록이 알려 주는 보관 파일에서 확인해야 합니다."
)
OPENED = (
    "Personal fields as this log opened them when the bundle was made. They are sealed in the "
    "entries, so they are bound to them only by the operator's word, until opened again."
)


@dataclass(frozen=True, slots=True)
class Keys:
    """The log's verifier keys, oldest first, and the notes that hand over from each to the next."""

    keys: tuple[str, ...]
    handovers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pruned:
    """Why entries below `minimum` may be missing: the signed `note`, and the index of the entry
    that tells of their archive."""

    minimum: int
    note: str
    archived: int


@dataclass(frozen=True, slots=True)
class Contents:
    """What a bundle shall hold.

    `bundle` is its random id, `made` ISO 8601, `query` the question,
    `selected` the indexes that answer it, in order, all within `first` to `end` (half-open).
    `checkpoint` and `trusted` are signed notes; `trusted` is what the auditor kept from before.
    `pruned` are the steps by which the minimum rose, lowest first; none if the range is above it.
    `policies` are files by name. With `opened` the personal fields of selected entries are added.
    """

    bundle: str
    made: str
    query: Mapping[str, object]
    selected: Sequence[int]
    first: int
    end: int
    pruned: Sequence[Pruned]
    checkpoint: str
    trusted: str | None
    keys: Keys
    policies: Mapping[str, bytes]
    opened: bool


class Sources:
    """Where a bundle is written from: one snapshot of the log, and its keys."""

    def __init__(self, sql: Sql, reader: LogReader, vault: KeyVault, signer: Signer) -> None:
        self.sql = sql
        self.reader = reader
        self.vault = vault
        self.signer = signer
        self.tile: TileReader = lru_cache(_TILES_KEPT)(reader.tile)


def write_bundle(target: IO[bytes], contents: Contents, sources: Sources) -> dict[str, Any]:
    """Write the bundle as a ZIP file into `target`, and return its manifest.

    Raises ValueError for a selection outside the range, TileMissing, ProofInvalid, SealBroken or
    NoteMalformed when the log or a checkpoint given is damaged.
    """
    return _Writer(target, contents, sources).write()


class _Writer:
    def __init__(self, target: IO[bytes], contents: Contents, sources: Sources) -> None:
        self._zip = zipfile.ZipFile(target, "w", allowZip64=True)
        self._contents = contents
        self._sources = sources
        self._members: dict[str, dict[str, object]] = {}
        self._size = parse_text(parse_note(contents.checkpoint).text).size

    def write(self) -> dict[str, Any]:
        contents = self._contents
        selected = contents.selected
        if selected and not contents.first <= selected[0] <= selected[-1] < contents.end:
            raise ValueError("an entry lies outside the range")
        self._put("checkpoint", contents.checkpoint.encode())
        keys = {"keys": list(contents.keys.keys), "handovers": list(contents.keys.handovers)}
        self._put("keys.json", canonical.write(keys))
        for name, data in contents.policies.items():
            self._put(f"policies/{name}", data)
        self._put("verify_bundle.py", Path(verify_bundle.__file__).read_bytes())
        trusted = self._trusted()
        hashes = self._redacted()
        self._put("range/hashes", bytes(hashes))
        for step in contents.pruned:
            self._pruned(step)
        for index in selected:
            self._entry(index)
        manifest = self._manifest(trusted)
        self._sign(manifest)
        self._zip.close()
        return manifest

    def _trusted(self) -> dict[str, object] | None:
        note = self._contents.trusted
        if note is None:
            return None
        self._put("trusted-checkpoint", note.encode())
        old = parse_text(parse_note(note).text).size
        proof = consistency_proof(old, self._size, self._sources.tile)
        return {"size": old, "proof": [b64encode(one).decode() for one in proof]}

    def _redacted(self) -> bytearray:
        """Write every entry of the range that is not selected; return all leaf hashes."""
        hashes, selected = bytearray(), set(self._contents.selected)
        digest, size = hashlib.sha256(), 0
        below = max((step.minimum for step in self._contents.pruned), default=0)
        with self._zip.open(_info("range/redacted"), "w", force_zip64=True) as file:
            for index, leaf in self._leaves():
                if leaf is None and index >= below:
                    raise ProofInvalid(f"entry {index} is missing; run: sumun audit verify")
                hashes += leaf_hash(leaf) if leaf is not None else self._stored_hash(index)
                shown = leaf is None or index in selected
                box = b"" if shown else self._encrypt(index, leaf or b"")
                block = len(box).to_bytes(4, "big") + box
                file.write(block)
                digest.update(block)
                size += len(block)
        self._members["range/redacted"] = {"sha256": digest.hexdigest(), "bytes": size}
        return hashes

    def _leaves(self) -> Iterator[tuple[int, bytes | None]]:
        """Each index of the range with its leaf; None where it was pruned."""
        for start in range(self._contents.first, self._contents.end, _PAGE):
            end = min(start + _PAGE, self._contents.end)
            rows = self._sources.sql.all(_LEAVES, (start, end))
            found = {int(row[0]): bytes(row[1]) for row in rows}
            yield from ((index, found.get(index)) for index in range(start, end))

    def _stored_hash(self, index: int) -> bytes:
        tile, offset = divmod(index, TILE_WIDTH)
        return split_tile(self._sources.tile(0, tile, TILE_WIDTH))[offset]

    def _encrypt(self, index: int, leaf: bytes) -> bytes:
        bundle = self._contents.bundle
        key = AESGCM(self._sources.vault.redaction_key(bundle, index))
        # Each key seals one entry only, so the nonce may stand still.
        return key.encrypt(b"\0" * 12, leaf, f"sumun-redacted-v1|{bundle}|{index}".encode())

    def _entry(self, index: int) -> None:
        leaf = self._proved(index, f"entries/{index}.json", f"proofs/{index}.tlog-proof")
        if self._contents.opened:
            fields = self._sources.reader.personal(decode(leaf))
            self._put(f"opened/{index}.json", canonical.write(fields))

    def _pruned(self, step: Pruned) -> None:
        name = f"pruned/{step.minimum}"
        self._put(f"{name}.minimum", step.note.encode())
        self._proved(step.archived, f"{name}.json", f"{name}.tlog-proof")

    def _proved(self, index: int, entry: str, proof: str) -> bytes:
        """Write an entry and its proof under these names; return its leaf."""
        row = self._sources.reader.get(index)
        if row is None:
            raise ValueError(f"entry {index} is not there")
        path = inclusion_proof(index, self._size, self._sources.tile)
        self._put(entry, row.leaf)
        self._put(proof, str(TlogProof(index, path, self._contents.checkpoint)).encode())
        return row.leaf

    def _around(self) -> Iterator[bytes]:
        """The subtrees left and right of the range, in the order of the verifier's walk."""
        stack = [(0, self._size)] if self._size else []
        first, end = self._contents.first, self._contents.end
        while stack:
            low, high = stack.pop()
            if high <= first or low >= end:
                yield range_root(low, high, self._size, self._sources.tile)
            elif not first <= low < high <= end:
                middle = low + (1 << ((high - low - 1).bit_length() - 1))
                stack += [(middle, high), (low, middle)]

    def _completeness(self) -> dict[str, str]:
        """What is proved of the range; of what was pruned nothing is."""
        end, pruned = self._contents.end, [step.minimum for step in self._contents.pruned]
        korean, below = _WHOLE_KO.format(""), max(pruned, default=0)
        if below:
            kept = _WHOLE_KO.format(f" {below}번부터") if below < end else ""
            korean = f"{_GONE_KO.format(below)} {kept}".rstrip()
        english = verify_bundle.completeness({"end": end, "pruned": pruned})
        return {"en": english, "ko": korean}

    def _manifest(self, trusted: dict[str, object] | None) -> dict[str, Any]:
        contents = self._contents
        return {
            "format": verify_bundle.FORMAT,
            "bundle": contents.bundle,
            "made": contents.made,
            "origin": self._sources.signer.verifier.name,
            "key": contents.keys.keys[-1],
            "size": self._size,
            "trusted": trusted,
            "query": dict(contents.query),
            "selected": list(contents.selected),
            "range": {
                "first": contents.first,
                "end": contents.end,
                "pruned": [step.minimum for step in contents.pruned],
                "around": [b64encode(one).decode() for one in self._around()],
            },
            "opened": OPENED if contents.opened else None,
            "completeness": self._completeness(),
            "members": self._members,
        }

    def _sign(self, manifest: Mapping[str, Any]) -> None:
        data = canonical.write(manifest)
        digest = b64encode(hashlib.sha256(data).digest()).decode()
        signer = self._sources.signer
        text = f"{verify_bundle.FORMAT}\n{signer.verifier.name}\n{digest}\n"
        self._zip.writestr(_info("manifest.json"), data)
        self._zip.writestr(_info("manifest.sig"), str(signer.sign_plainly(text)))

    def _put(self, name: str, data: bytes) -> None:
        self._members[name] = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
        self._zip.writestr(_info(name), data)


def _info(name: str) -> zipfile.ZipInfo:
    """A member that says nothing of the host it was written on."""
    info = zipfile.ZipInfo(name, _DATE)
    info.compress_type = zipfile.ZIP_STORED if name.startswith("range/") else zipfile.ZIP_DEFLATED
    info.create_system = 3
    info.external_attr = 0o644 << 16
    return info
