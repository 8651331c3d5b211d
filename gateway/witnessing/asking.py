"""Asks one witness to cosign one checkpoint: C2SP tlog-witness, the log's side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from audit.checkpoint import parse_decimal
from audit.cosigned import Cosigned
from audit.errors import NoteMalformed, SignatureInvalid
from audit.note import parse_note
from audit.policy_file import WitnessLine
from audit.stores import StoredCheckpoint
from audit.witness import MAX_REQUEST_BYTES, PATH, SIZE_TYPE, AddCheckpoint
from gateway.security.outbound import Outbound, Reply, Unreachable
from gateway.witnessing.models import Ending

# Once for a size that we did not know, once more for another gateway that asked in between.
TRIES = 3
REFUSALS: dict[int, str] = {
    HTTPStatus.BAD_REQUEST: "it could not read the request",
    HTTPStatus.FORBIDDEN: "it does not trust the log's key",
    HTTPStatus.NOT_FOUND: "it does not know this log",
}


@dataclass(frozen=True, slots=True)
class Answered:
    """How one witness answered. `cosigned` is there only when it signed; `size` is what it has."""

    witness: WitnessLine
    ending: Ending
    detail: str = ""
    size: int | None = None
    cosigned: Cosigned | None = None


def ask(
    outbound: Outbound,
    witness: WitnessLine,
    checkpoint: StoredCheckpoint,
    known: int,
    prove: Callable[[int, int], tuple[bytes, ...]],
) -> Answered:
    """Send a checkpoint, beginning from the `known` cosigned size; never raises for the witness.

    `prove` makes the consistency proof between two sizes.
    """
    old = known
    for _ in range(TRIES):
        request = AddCheckpoint(old, prove(old, checkpoint.size), checkpoint.note)
        try:
            reply = outbound.post(f"{str(witness.url).rstrip('/')}/{PATH}", str(request).encode())
        except Unreachable as error:
            return Answered(witness, Ending.UNREACHABLE, str(error))
        if reply.status != HTTPStatus.CONFLICT or reply.content_type != SIZE_TYPE:
            return _judge(witness, checkpoint, reply)
        size = _size(reply)
        if size is None:
            return Answered(witness, Ending.MALFORMED, "it names a size that is no number")
        if size > checkpoint.size:
            what = f"it has cosigned {size} entries, the log has {checkpoint.size}"
            return Answered(witness, Ending.AHEAD, what, size)
        old = size
    return Answered(witness, Ending.REFUSED, "it names another size each time", old)


def _judge(witness: WitnessLine, checkpoint: StoredCheckpoint, reply: Reply) -> Answered:
    if reply.status == HTTPStatus.OK:
        return _opened(witness, checkpoint, reply)
    if reply.status in (HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY):
        what = "it holds a checkpoint that this one does not extend: the log was forked"
        return Answered(witness, Ending.CONTRADICTED, what)
    why = REFUSALS.get(reply.status, f"it answered {reply.status}")
    return Answered(witness, Ending.REFUSED, why)


def _opened(witness: WitnessLine, checkpoint: StoredCheckpoint, reply: Reply) -> Answered:
    """Take this witness's line out of the answer, and nothing else."""
    try:
        if len(reply.body) > MAX_REQUEST_BYTES:
            raise NoteMalformed("the answer is too long")
        note = parse_note(checkpoint.note + reply.body.decode("utf-8"))
        line, seconds = witness.key.line_of(note)
    except (NoteMalformed, SignatureInvalid, UnicodeDecodeError) as error:
        return Answered(witness, Ending.MALFORMED, f"its answer is no cosignature: {error}")
    row = Cosigned.of(checkpoint.seq, line, seconds)
    return Answered(witness, Ending.COSIGNED, "", checkpoint.size, row)


def _size(reply: Reply) -> int | None:
    try:
        return parse_decimal(reply.body.decode("ascii").removesuffix("\n"))
    except (NoteMalformed, UnicodeDecodeError):
        return None
