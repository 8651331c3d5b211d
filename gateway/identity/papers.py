"""Documents that people upload as evidence: what kind of file they are.

Told from their first bytes. They are evidence: kept under their SHA-256 in the object store,
handed out as downloads only.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.errors import Problem, ProblemCode

MAX_BYTES = 5 << 20
_KINDS = (
    (b"%PDF-", "application/pdf", "pdf"),
    (b"\x89PNG\r\n\x1a\n", "image/png", "png"),
    (b"\xff\xd8\xff", "image/jpeg", "jpg"),
)


@dataclass(frozen=True, slots=True)
class Kind:
    """A media type with its file ending."""

    media_type: str
    ending: str


def kind_of(head: bytes) -> Kind | None:
    """The kind of a file that begins with `head`; None for anything but PDF, PNG and JPEG."""
    for magic, media_type, ending in _KINDS:
        if head.startswith(magic):
            return Kind(media_type, ending)
    return None


def check(paper: bytes, field: str) -> None:
    """Raise Problem 422 or 413, naming `field`, for what cannot be such a document."""
    if len(paper) > MAX_BYTES:
        raise Problem(
            ProblemCode.TOO_LARGE,
            "서류는 5MB를 넘을 수 없습니다.",
            "The document may have 5 MB at most.",
            field=field,
        )
    if kind_of(paper) is None:
        raise Problem(
            ProblemCode.VALIDATION_FAILED,
            "서류는 PDF, PNG, JPEG 파일로 올려 주십시오.",
            "Upload the document as a PDF, PNG or JPEG file.",
            field=field,
        )
