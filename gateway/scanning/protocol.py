"""What goes between the scanner and its children: requests, and answers that are not trusted.

A request is one JSON datagram with descriptors. An answer is four bytes of length, big-endian,
and JSON of that length, read strictly: the child may have been taken over by the file it read.
"""

from __future__ import annotations

import json
import re
import socket
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from gateway.scanning.model import MAX_FINDINGS, FileReport, Finding, Location, Reason

MAX_REQUEST = 1 << 16
MAX_ANSWER = 96 << 20
_LENGTH = 4
_MAX_CONTEXT = 200
_MAX_PLACE = 8_192
_ENTITY = re.compile(r"[A-Z][A-Z_]{1,39}")
_RECOGNIZER = re.compile(r"[A-Za-z]{1,80}")
_PLACES = frozenset({"line", "field", "row", "column", "page", "member", "tag"})
_FIELDS = frozenset(
    {"location", "entity_type", "start", "end", "score_permille", "recognizer", "context"}
)


class Task(StrEnum):
    """What a child is asked to do."""

    SCAN = "scan"
    REDACT_DICOM = "redact_dicom"


class ProtocolError(Exception):
    """The other side did not answer, or answered something that is not an answer."""


@dataclass(frozen=True, slots=True)
class Request:
    """One file's task. `seconds` is the time it may take; `key` serves REDACT_DICOM only."""

    task: Task
    path: str
    size: int
    languages: tuple[str, ...]
    seconds: int
    key: str = ""

    def encode(self) -> bytes:
        """Return the datagram. Raises `ProtocolError` where a path is too long for it."""
        data = json.dumps(asdict(self)).encode()
        if len(data) > MAX_REQUEST:
            raise ProtocolError("the file's name is too long")
        return data

    @staticmethod
    def decode(data: bytes) -> Request:
        """Read a datagram from the scanner itself, which is trusted."""
        fields: dict[str, Any] = json.loads(data)
        fields["languages"] = tuple(fields["languages"])
        return Request(**{**fields, "task": Task(fields["task"])})


def send_frame(sock: socket.socket, value: object) -> None:
    """Send one answer frame."""
    data = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    sock.sendall(len(data).to_bytes(_LENGTH, "big") + data)


def receive_frame(sock: socket.socket) -> Any:
    """Receive one answer frame. Raises `ProtocolError`; `TimeoutError` from the socket."""
    length = int.from_bytes(_exactly(sock, _LENGTH), "big")
    if length > MAX_ANSWER:
        raise ProtocolError("the answer is too large")
    try:
        return json.loads(_exactly(sock, length))
    except (ValueError, RecursionError) as error:
        raise ProtocolError("the answer is not JSON") from error


class Silence(ProtocolError):
    """The child closed its end without a whole answer: it died."""


def _exactly(sock: socket.socket, count: int) -> bytes:
    data = bytearray()
    while len(data) < count:
        part = sock.recv(min(count - len(data), 1 << 20))
        if not part:
            raise Silence("the child ended without an answer")
        data += part
    return bytes(data)


def report_to_wire(report: FileReport) -> dict[str, Any]:
    """Return the JSON form of a report; path and size are known to the receiver."""
    findings = [{name: getattr(f, name) for name in _FIELDS} for f in report.findings]
    return {"findings": findings, "unscannable": report.unscannable}


def report_from_wire(answer: Any, path: str, size: int) -> FileReport:
    """Read an answer strictly. Raises `ProtocolError` on anything unexpected."""
    _require(isinstance(answer, dict) and set(answer) == {"findings", "unscannable"})
    entries, reason = answer["findings"], answer["unscannable"]
    _require(isinstance(entries, list) and len(entries) <= 2 * MAX_FINDINGS)
    _require(reason is None or reason in set(Reason))
    return FileReport(path, size, tuple(_finding(entry, path) for entry in entries), reason)


def _finding(entry: Any, path: str) -> Finding:
    _require(isinstance(entry, dict) and set(entry) == _FIELDS)
    _require(_matches(_ENTITY, entry["entity_type"]))
    _require(_matches(_RECOGNIZER, entry["recognizer"]))
    _require(isinstance(entry["context"], str) and len(entry["context"]) <= _MAX_CONTEXT)
    _require(_is_count(entry["score_permille"]) and entry["score_permille"] <= 1000)
    _require_span(entry["start"], entry["end"])
    return Finding(path=path, **{**entry, "location": _location(entry["location"])})


def _require_span(start: Any, end: Any) -> None:
    if start is not None or end is not None:
        _require(_is_count(start) and _is_count(end) and start <= end)


def _location(value: Any) -> Location:
    _require(isinstance(value, dict) and set(value) <= _PLACES)
    _require(all(_is_place(part) for part in value.values()))
    return dict(value)


def _is_place(part: Any) -> bool:
    if isinstance(part, str):
        return len(part) <= _MAX_PLACE
    return isinstance(part, int) and not isinstance(part, bool) and part >= -1


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _matches(pattern: re.Pattern[str], value: Any) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _require(condition: bool) -> None:
    if not condition:
        raise ProtocolError("the answer is not in the agreed form")
