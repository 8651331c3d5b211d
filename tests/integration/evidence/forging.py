"""What the holder of the log's own key can put into an evidence bundle."""

from __future__ import annotations

import hashlib
import json
import zipfile
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

from audit.note import Signer
from audit.standalone.verify_bundle import FORMAT, OWN

Members = dict[str, bytes]
Change = Callable[[dict[str, Any], Members], None]


def members_of(path: Path) -> Members:
    """Every member of a bundle by name."""
    with zipfile.ZipFile(path) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def pack(path: Path, members: Members, packed: str | None = None) -> None:
    """Write members as they are, the one named `packed`."""
    with zipfile.ZipFile(path, "w") as target:
        for name, data in members.items():
            how = zipfile.ZIP_DEFLATED if name == packed else zipfile.ZIP_STORED
            target.writestr(name, data, how)


def forge(
    bundle: Path, target: Path, signer: Signer, change: Change, *, listed: bool = True
) -> None:
    """Write the bundle again after `change` to manifest and members, listed and signed anew."""
    members = members_of(bundle)
    manifest = json.loads(members["manifest.json"])
    for name in OWN:
        del members[name]
    change(manifest, members)
    if listed:
        manifest["members"] = {
            name: {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
            for name, data in members.items()
        }
    resign(target, signer, json.dumps(manifest).encode(), members)


def resign(target: Path, signer: Signer, manifest: bytes, members: Members) -> None:
    """Write members under a manifest of these bytes, signed."""
    digest = b64encode(hashlib.sha256(manifest).digest()).decode()
    note = signer.sign(f"{FORMAT}\n{signer.verifier.name}\n{digest}\n", 0)
    pack(target, {**members, "manifest.json": manifest, "manifest.sig": str(note).encode()})


def without(index: int | None, pruned: list[int], added: Members) -> Change:
    """Leave one entry's ciphertext out, and say that everything below `pruned` was pruned."""

    def change(manifest: dict[str, Any], members: Members) -> None:
        kept = [f"pruned/{lowest}." for lowest in pruned]
        for name in [name for name in members if name.startswith("pruned/")]:
            if not name.startswith(tuple(kept)):
                del members[name]
        members.update(added)
        manifest["range"]["pruned"] = pruned
        if index is not None:
            at = index - manifest["range"]["first"]
            members["range/redacted"] = _emptied(members["range/redacted"], at)

    return change


def _emptied(data: bytes, number: int) -> bytes:
    position = 0
    for _ in range(number):
        position += 4 + int.from_bytes(data[position : position + 4], "big")
    length = int.from_bytes(data[position : position + 4], "big")
    assert length > 0
    return data[:position] + bytes(4) + data[position + 4 + length :]
