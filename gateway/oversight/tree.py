"""C2SP tlog-tiles over HTTP: checkpoint, key, tiles and verifier for all, entries for auditors."""

from __future__ import annotations

from pathlib import Path

from flask import Blueprint, Response, request
from werkzeug.wrappers import Response as BaseResponse

from audit.errors import TileMissing, TilePathMalformed
from audit.merkle import TILE_WIDTH
from audit.standalone import verify_bundle
from audit.tiles import TilePath, parse_path
from gateway.errors import OperatorError, Problem, ProblemCode
from gateway.identity.http import actor, require_role, rt
from gateway.identity.models import Role
from gateway.journal import Act, Entry
from gateway.oversight.reading import reading, verifier_key
from gateway.oversight.service_search import MAX_INDEX
from gateway.web.pages import IMMUTABLE
from gateway.witnessing.service import published

TEXT, BYTES = "text/plain; charset=utf-8", "application/octet-stream"
FRESH, NEVER = "no-cache", "no-store"

blueprint = Blueprint("tree", __name__, url_prefix="/log")


@blueprint.get("/checkpoint")
def checkpoint() -> BaseResponse:
    """A checkpoint over the whole log, signed at most a second ago or covering every entry.

    With a quorum of witnesses it is the newest one that they cosigned.
    """
    try:
        note = published(rt())
    except OperatorError as error:
        raise Problem(
            ProblemCode.BUSY,
            "외부 확인자 설정을 읽을 수 없습니다. 운영자에게 알려 주십시오.",
            "The witnesses file cannot be read. Tell the operator.",
        ) from error
    if note is None:
        raise Problem(
            ProblemCode.NOT_FOUND,
            "외부 확인자가 아직 어떤 체크포인트에도 서명하지 않았습니다.",
            "The witnesses have not yet cosigned any checkpoint.",
        )
    return _answer(note.encode(), TEXT, FRESH)


@blueprint.get("/key")
def key() -> BaseResponse:
    """The verifier key of the log's checkpoints."""
    return _answer(f"{verifier_key(rt())}\n".encode(), TEXT, FRESH)


@blueprint.get("/verify_bundle.py")
def verifier() -> BaseResponse:
    """The verifier of bundles and proofs as one file, to read before it is run."""
    return _answer(Path(verify_bundle.__file__).read_bytes(), TEXT, FRESH)


@blueprint.get("/tile/<path:rest>")
def tile(rest: str) -> BaseResponse:
    """A hash tile, or for auditors an entry bundle. Full tiles never change."""
    path = _parse(rest)
    if path.level is None:
        return _entries(path)
    body = _read(path)
    return _answer(body, BYTES, IMMUTABLE if path.width == TILE_WIDTH else NEVER)


def _entries(path: TilePath) -> BaseResponse:
    require_role(Role.AUDITOR)
    body = _read(path)
    detail = {"index": path.index * TILE_WIDTH, "entries": path.width}
    rt().journal.append(Entry(actor(), Act.LOG_EXPORTED, ref=f"log:{path}", detail=detail))
    return _answer(body, BYTES, NEVER)


def _parse(rest: str) -> TilePath:
    try:
        return parse_path(f"tile/{rest}")
    except TilePathMalformed as error:
        raise Problem(
            ProblemCode.BAD_REQUEST,
            "타일 주소가 C2SP tlog-tiles 형식이 아닙니다.",
            "This is not the path of a tile as C2SP tlog-tiles writes it.",
        ) from error


def _read(path: TilePath) -> bytes:
    missing = Problem(
        ProblemCode.NOT_FOUND,
        "이 타일은 아직 없습니다. 체크포인트의 크기를 확인해 주십시오.",
        "This tile does not exist yet. See the size in the checkpoint.",
    )
    if path.index >= MAX_INDEX // TILE_WIDTH:
        raise missing
    try:
        with reading(rt()) as opened:
            if path.level is None:
                return opened.log.entry_bundle(path.index, path.width)
            return opened.log.tile(path.level, path.index, path.width)
    except TileMissing as error:
        raise missing from error


def _answer(body: bytes, content_type: str, caching: str) -> BaseResponse:
    response = Response(body, content_type=content_type)
    response.headers["Cache-Control"] = caching
    response.add_etag()
    return response.make_conditional(request)
