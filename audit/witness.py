"""C2SP tlog-witness: the request `add-checkpoint`, and the witness that answers it.

The witness keeps the newest checkpoint of each log that it cosigned. It is durable before the
cosignature leaves, and compared and replaced under one lock, so that a crash or two requests at
once can never make it cosign two histories.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from audit.checkpoint import Checkpoint, parse_decimal, parse_hash, parse_text
from audit.cosignature import Cosigner
from audit.errors import NoteMalformed, ProofInvalid, RequestMalformed, SignatureInvalid
from audit.merkle import EMPTY_ROOT, shows_fork, verify_consistency
from audit.note import Note, Signature, SignatureType, Verifier, key_id, parse_note
from audit.witness_state import Held, Kind, WitnessState

PATH = "add-checkpoint"
SIZE_TYPE = "text/x.tlog.size"
PLAIN = "text/plain; charset=utf-8"
MAX_PROOF = 63
MAX_REQUEST_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class AddCheckpoint:
    """What a log sends: the size known to be cosigned, the proof from it, the checkpoint."""

    old: int
    proof: tuple[bytes, ...]
    checkpoint: str

    def __str__(self) -> str:
        """Return the request's body."""
        hashes = [b64encode(one).decode() for one in self.proof]
        lines = [f"old {self.old}", *hashes, ""]
        return "".join(f"{line}\n" for line in lines) + self.checkpoint


def parse_request(data: bytes) -> AddCheckpoint:
    """Parse a body strictly; the checkpoint is left as it is. Raises RequestMalformed."""
    if len(data) > MAX_REQUEST_BYTES:
        raise RequestMalformed(f"a request has at most {MAX_REQUEST_BYTES} bytes")
    try:
        head, gap, checkpoint = data.decode("utf-8").partition("\n\n")
    except UnicodeDecodeError as error:
        raise RequestMalformed("the request is not UTF-8") from error
    first, *hashes = head.split("\n")
    if not gap or not first.startswith("old "):
        raise RequestMalformed("a request begins with 'old' and holds a checkpoint")
    if len(hashes) > MAX_PROOF:
        raise RequestMalformed(f"a consistency proof has at most {MAX_PROOF} lines")
    try:
        old = parse_decimal(first.removeprefix("old "))
        return AddCheckpoint(old, tuple(parse_hash(line) for line in hashes), checkpoint)
    except NoteMalformed as error:
        raise RequestMalformed(str(error)) from error


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer."""

    status: HTTPStatus
    body: str
    content_type: str = PLAIN


class Witness:
    """Cosigns what extends the checkpoints it cosigned before. Safe to share between threads.

    `logs` are the trusted keys by origin; `clock_s` tells seconds since 1970.
    """

    def __init__(
        self,
        cosigner: Cosigner,
        logs: Mapping[str, Sequence[Verifier]],
        state: WitnessState,
        clock_s: Callable[[], int],
    ) -> None:
        self._cosigner = cosigner
        self._logs = logs
        self._state = state
        self._clock_s = clock_s

    def add_checkpoint(self, body: bytes) -> Answer:
        """Answer one request as tlog-witness demands. Raises StateDamaged or OSError."""
        try:
            request = parse_request(body)
            note = parse_note(request.checkpoint)
            new = parse_text(note.text)
        except (RequestMalformed, NoteMalformed) as error:
            return _refusal(HTTPStatus.BAD_REQUEST, str(error))
        if new.origin not in self._logs:
            return _refusal(HTTPStatus.NOT_FOUND, "this witness does not know the log")
        signed = self._signed(note, new.origin)
        if signed is None:
            return _refusal(HTTPStatus.FORBIDDEN, "no trusted key of the log signed this")
        if request.old > new.size:
            return _refusal(HTTPStatus.BAD_REQUEST, "the old size is larger than the checkpoint's")
        with self._state.held(new.origin) as held:
            return self._decide(request, signed, new, held)

    def _signed(self, note: Note, origin: str) -> Note | None:
        """The note with the log's own lines only: anybody may add others to a genuine one."""
        for verifier in self._logs[origin]:
            try:
                verifier.check(note)
            except SignatureInvalid:
                continue
            return _own(note, verifier)
        return None

    def _decide(self, request: AddCheckpoint, note: Note, new: Checkpoint, held: Held) -> Answer:
        size, root = (held.size, held.root) if held.note else (0, EMPTY_ROOT)
        if request.old != size:
            return Answer(HTTPStatus.CONFLICT, f"{size}\n", SIZE_TYPE)
        if new.size == size and new.root != root:
            held.keep(Kind.FORK, note)
            return _refusal(HTTPStatus.CONFLICT, "the log signed another root for this size")
        try:
            verify_consistency(size, new.size, request.proof, root, new.root)
        except ProofInvalid as error:
            forked = shows_fork(size, new.size, request.proof, root, new.root)
            held.keep(Kind.FORK if forked else Kind.REFUSED, note, request.proof)
            return _refusal(HTTPStatus.UNPROCESSABLE_ENTITY, str(error))
        held.replace(str(note))
        line = self._cosigner.cosign(note.text, self._clock_s())
        return Answer(HTTPStatus.OK, f"{line}\n")


def _own(note: Note, verifier: Verifier) -> Note:
    """Keep the verified line and, if it holds, the one with the time; the first of each counts."""
    plain = _lines(note, verifier, SignatureType.ED25519)
    timed = _lines(note, verifier, SignatureType.COSIGNATURE)
    try:
        verifier.check_time(note)
    except SignatureInvalid:
        timed = []
    return Note(note.text, (*plain[:1], *timed[:1]))


def _lines(note: Note, verifier: Verifier, kind: SignatureType) -> list[Signature]:
    wanted = (verifier.name, key_id(verifier.name, kind, verifier.public))
    return [one for one in note.signatures if (one.name, one.key_id) == wanted]


def _refusal(status: HTTPStatus, why: str) -> Answer:
    return Answer(status, f"{why}\n")
