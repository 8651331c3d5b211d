"""Takes the bytes of a result: as the body of an API call, or as files of a form.

Nothing is held in memory. A body beyond the usual limit is read only for the holder of the live
grant that the address names, and for few at a time: the files of a form lie on the disk before
anything of the form can be checked.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from typing import IO, Any

from flask import Flask, g, request
from werkzeug.datastructures import FileStorage

from gateway.access.models import Grant
from gateway.catalog.paths import PathInvalid, from_file_name
from gateway.delivery.gate import Slots
from gateway.errors import Problem, ProblemCode
from gateway.exports import zipwriter
from gateway.exports.service import MAX_RESULT_BYTES, Sink
from gateway.exports.service_fetch import ZIP
from gateway.exports.zipwriter import Source
from gateway.identity.authenticators import authenticate
from gateway.identity.http import rt

ENDPOINTS = frozenset({"exports.submit", "exports_api.submit"})
GRANT = "grant_id"
EXTENSION = "sumun.uploads"
MAX_UPLOADS, MAX_EACH = 32, 2
CHUNK_BYTES = 1 << 20
# The other fields of the form, and the envelope of each file.
FORM_BYTES = 1 << 20
Fill = Callable[[Sink], None]


def install(app: Flask) -> None:
    """Raise the limit where results are taken. Runs before the check of forged forms, which
    reads the form; raises Problem BUSY for more uploads at a time than a person or all may have.
    """
    app.extensions[EXTENSION] = slots = Slots(MAX_UPLOADS, MAX_EACH)

    def raise_limit(endpoint: str | None, _values: Any) -> None:
        holder = _holder() if endpoint in ENDPOINTS else None
        if holder is not None:
            g.upload_done = slots.take(str(holder))
            request.max_content_length = MAX_RESULT_BYTES + FORM_BYTES

    app.url_value_preprocessor(raise_limit)
    app.teardown_request(_give_back)


def from_body() -> Fill:
    """The body of this request, which is a ZIP file. Raises Problem UNSUPPORTED_MEDIA_TYPE."""
    if request.mimetype != ZIP:
        raise Problem(
            ProblemCode.UNSUPPORTED_MEDIA_TYPE,
            "분석 결과물은 application/zip 형식으로 보내 주십시오.",
            "Send the result as application/zip.",
        )
    return lambda sink: _copy(request.stream, sink)


def from_form() -> Fill:
    """The files of this form: one ZIP file as it is, anything else as members of a new one.

    Raises Problem VALIDATION_FAILED without a file, or for a name that cannot stand in a ZIP.
    """
    files = [each for each in request.files.getlist("files") if each.filename]
    if not files:
        raise _wrong("파일을 골라 주십시오.", "Please choose a file.")
    if len(files) == 1 and _name(files[0]).lower().endswith(".zip"):
        return lambda sink: _copy(files[0].stream, sink)
    sources = [Source(_name(each), _size(each), _blocks(each.stream)) for each in files]
    return lambda sink: _pack(sources, sink)


def _holder() -> uuid.UUID | None:
    """The signed-in person, when the grant that the query names is theirs and open."""
    grant_id, presented = _named(), authenticate(rt(), request)
    if grant_id is None or presented is None or presented.live is None:
        return None
    with rt().db.read() as session:
        grant = session.get(Grant, grant_id)
    person_id = presented.live.person_id
    return person_id if grant and grant.person_id == person_id and _open(grant) else None


def _named() -> uuid.UUID | None:
    try:
        return uuid.UUID(request.args.get(GRANT, ""))
    except ValueError:
        return None


def _open(grant: Grant) -> bool:
    now = rt().clock.now()
    return grant.ended_at is None and not grant.suspended and grant.starts_at <= now < grant.ends_at


def _give_back(_error: BaseException | None) -> None:
    if (done := g.pop("upload_done", None)) is not None:
        done()


def _pack(sources: list[Source], sink: Sink) -> None:
    for _member in zipwriter.write(sink, sources):
        pass


def _copy(stream: IO[bytes], sink: Sink) -> None:
    for block in _blocks(stream):
        sink.write(block)


def _blocks(stream: IO[bytes]) -> Iterator[bytes]:
    while block := stream.read(CHUNK_BYTES):
        yield block


def _size(file: FileStorage) -> int:
    size = file.stream.seek(0, os.SEEK_END)
    file.stream.seek(0)
    return size


def _name(file: FileStorage) -> str:
    try:
        return from_file_name(file.filename or "")
    except PathInvalid:
        raise _wrong(
            "파일 이름을 사용할 수 없습니다. 이름을 바꾼 뒤 다시 골라 주십시오.",
            "A file name cannot be used. Rename the file and choose it again.",
        ) from None


def _wrong(ko: str, en: str) -> Problem:
    return Problem(ProblemCode.VALIDATION_FAILED, ko, en, field="files")
