"""The Merkle tree of RFC 6962 and RFC 9162, kept as C2SP tiles of height 8.

Levels are tile levels: a hash at level L covers 256**L leaves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256

from audit.errors import ProofInvalid

HASH_BYTES = 32
TILE_HEIGHT = 8
TILE_WIDTH = 256
EMPTY_ROOT = sha256(b"").digest()

TileReader = Callable[[int, int, int], bytes]
"""(level, tile index, width) -> width * 32 bytes; raises TileMissing."""


def leaf_hash(leaf: bytes) -> bytes:
    """Return SHA-256(0x00 || leaf), RFC 6962 section 2.1."""
    return sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return SHA-256(0x01 || left || right), RFC 6962 section 2.1."""
    return sha256(b"\x01" + left + right).digest()


def perfect_root(hashes: Sequence[bytes]) -> bytes:
    """Return the root over 2**k hashes of equal height."""
    level = list(hashes)
    while len(level) > 1:
        pairs = zip(level[::2], level[1::2], strict=True)
        level = [sha256(b"\x01" + left + right).digest() for left, right in pairs]
    return level[0]


def split_tile(data: bytes) -> list[bytes]:
    """Cut tile bytes into 32-byte hashes."""
    return [data[i : i + HASH_BYTES] for i in range(0, len(data), HASH_BYTES)]


def edge_levels(size: int) -> int:
    """Return how many levels have hashes: the least L with size < 256**L."""
    return (size.bit_length() + TILE_HEIGHT - 1) // TILE_HEIGHT


def partial_width(size: int, level: int) -> int:
    """Return the width of the partial tile at a level of a tree of `size` leaves."""
    return (size >> (TILE_HEIGHT * level)) % TILE_WIDTH


def fold(parts: Sequence[bytes]) -> bytes:
    """Join perfect subtrees, given left to right, into the root above them."""
    if not parts:
        return EMPTY_ROOT
    root = parts[-1]
    for left in reversed(parts[:-1]):
        root = node_hash(left, root)
    return root


def _subtree(height: int, index: int, size: int, read: TileReader) -> bytes:
    """Root of the perfect subtree of 2**height leaves number `index`, from one tile."""
    level, up = divmod(height, TILE_HEIGHT)
    first = index << up
    tile, start = divmod(first, TILE_WIDTH)
    count = 1 << up
    full = ((tile + 1) << (TILE_HEIGHT * (level + 1))) <= size
    width = TILE_WIDTH if full else partial_width(size, level)
    data = read(level, tile, width)
    return perfect_root(split_tile(data[start * HASH_BYTES : (start + count) * HASH_BYTES]))


def range_root(low: int, high: int, size: int, read: TileReader) -> bytes:
    """Return MTH(D[low:high]) of a range as RFC 6962 splits it, in a tree of `size` leaves."""
    parts = []
    while low < high:
        height = (high - low).bit_length() - 1
        if low:
            height = min(height, (low & -low).bit_length() - 1)
        parts.append(_subtree(height, low >> height, size, read))
        low += 1 << height
    return fold(parts)


def _largest_power_below(count: int) -> int:
    return 1 << ((count - 1).bit_length() - 1)


def inclusion_proof(index: int, size: int, read: TileReader) -> tuple[bytes, ...]:
    """Return the audit path of a leaf, leaf's sibling first (RFC 6962 section 2.1.1).

    Raises ValueError unless 0 <= index < size; TileMissing from the reader.
    """
    if not 0 <= index < size:
        raise ValueError(f"index {index} is not in a tree of {size} leaves")
    path, low, high = [], 0, size
    while high - low > 1:
        middle = low + _largest_power_below(high - low)
        if index < middle:
            path.append(range_root(middle, high, size, read))
            high = middle
        else:
            path.append(range_root(low, middle, size, read))
            low = middle
    return tuple(reversed(path))


def consistency_proof(old: int, new: int, read: TileReader) -> tuple[bytes, ...]:
    """Return the proof that a tree of `new` leaves extends one of `old` (RFC 6962 2.1.2).

    Empty for old == new and old == 0. Raises ValueError unless 0 <= old <= new.
    """
    if not 0 <= old <= new:
        raise ValueError(f"no consistency from {old} to {new} leaves")
    if old in (0, new):
        return ()
    path, low, high, whole = [], 0, new, True
    while old != high:
        middle = low + _largest_power_below(high - low)
        if old <= middle:
            path.append(range_root(middle, high, new, read))
            high = middle
        else:
            path.append(range_root(low, middle, new, read))
            low, whole = middle, False
    if not whole:
        path.append(range_root(low, high, new, read))
    return tuple(reversed(path))


def verify_inclusion(
    index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes
) -> None:
    """Check an audit path for a leaf hash (RFC 9162 section 2.1.3.2). Raises ProofInvalid."""
    if not 0 <= index < size:
        raise ProofInvalid(f"index {index} is not in a tree of {size} leaves")
    node, last, result = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise ProofInvalid("the inclusion proof is too long")
        if node & 1 or node == last:
            result = node_hash(sibling, result)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            result = node_hash(result, sibling)
        node, last = node >> 1, last >> 1
    if last != 0 or result != root:
        raise ProofInvalid("the inclusion proof does not lead to the root")


def verify_consistency(
    old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes
) -> None:
    """Check that one tree extends another (RFC 9162 section 2.1.4.2). Raises ProofInvalid."""
    if not 0 <= old <= new:
        raise ProofInvalid(f"a tree of {new} leaves does not extend one of {old}")
    if old in (0, new):
        same = old_root == (EMPTY_ROOT if old == 0 else new_root)
        if proof or not same:
            raise ProofInvalid("the trees differ, or the proof is not empty")
        return
    _verify_growth(old, new, proof, old_root, new_root)


def _verify_growth(
    old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes
) -> None:
    if _grown(old, new, proof, old_root) != (old_root, new_root):
        raise ProofInvalid("the consistency proof does not lead to both roots")


def shows_fork(
    old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes
) -> bool:
    """Tell whether a proof shows that one tree does not extend another.

    It does when it leads to the new root, and over the new tree's first `old` leaves to another
    root than the old one: nobody can make that up without the new tree. For an `old` that is a
    power of two no proof says so, because it begins with the old root itself.
    """
    if not 0 < old < new or not old & (old - 1):
        return False
    try:
        first, second = _grown(old, new, proof, old_root)
    except ProofInvalid:
        return False
    return second == new_root and first != old_root


def _grown(old: int, new: int, proof: Sequence[bytes], old_root: bytes) -> tuple[bytes, bytes]:
    """The roots of the first `old` and of all `new` leaves that a proof leads to."""
    path = list(proof) if old & (old - 1) else [old_root, *proof]
    if not path:
        raise ProofInvalid("the consistency proof is empty")
    node, last = old - 1, new - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    first = second = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise ProofInvalid("the consistency proof is too long")
        if node & 1 or node == last:
            first, second = node_hash(sibling, first), node_hash(sibling, second)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            second = node_hash(second, sibling)
        node, last = node >> 1, last >> 1
    if last != 0:
        raise ProofInvalid("the consistency proof is too short")
    return first, second
