"""Small makers for tests of exports."""

from __future__ import annotations

import io
import uuid
import zipfile
from collections.abc import Callable
from typing import Any

from gateway.exports.service import (
    PackageWanted,
    ResultWanted,
    Sink,
    request_package,
    submit_result,
)
from tests.logs import numbered

REASON = "검출된 내용이 지어낸 예시임을 확인했습니다."


def zipped(files: dict[str, bytes | str], **options: Any) -> bytes:
    """A ZIP file of `files`."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, **options) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def filling(data: bytes) -> Callable[[Sink], None]:
    """What writes `data` as the submitted file."""
    return lambda sink: void(sink.write(data))


def void(_value: object) -> None:
    """Nothing."""


def package(stage: Any, *patterns: str, **changes: Any) -> uuid.UUID:
    """Ask for a package as the holder."""
    wanted = PackageWanted(stage.world.grant, patterns, **changes)
    return request_package(stage.runtime, stage.me, wanted)


def result(stage: Any, files: dict[str, bytes | str] | bytes, title: str = "결과") -> uuid.UUID:
    """Hand in a result as the holder."""
    data = files if isinstance(files, bytes) else zipped(files)
    wanted = ResultWanted(stage.world.grant, title)
    return submit_result(stage.runtime, stage.me, wanted, filling(data))


def events(stage: Any) -> int:
    """How many events the log has, once those of committed transactions are numbered."""
    return numbered(stage.runtime)
