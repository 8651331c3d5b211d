"""A package is scanned on its way out, held, looked at, released."""

from __future__ import annotations

import hashlib
import io
import uuid
import zipfile

import httpx2
from sqlalchemy import select

from gateway.demo.stage import Stage
from gateway.demo.web import Visitor
from gateway.exports.models import Export
from gateway.runtime import Runtime
from gateway.scanning.models import FindingRow

FORBIDDEN, CONFLICT = 403, 409


def package(
    stage: Stage, runtime: Runtime, company: Visitor, steward: Visitor, grant_id: str
) -> None:
    """The company asks for the dialogues as one package."""
    with stage.step("A package is assembled, scanned on its way out, and held"):
        body = {
            "kind": "package",
            "grant_id": grant_id,
            "version": "v1",
            "patterns": ["*"],
        }
        made = company.call("POST", "/api/v1/exports", json=body)
        path = f"/api/v1/exports/{made['id']}"
        held = company.wait_for(path, {"held", "released"})
        stage.check(held["state"] == "held", "personal data was found, so it is held")
        early = company.try_call("POST", f"{path}/url", json={})
        stage.check(early.status_code in {FORBIDDEN, CONFLICT}, "nobody can fetch it yet")
    with stage.step("The steward sees masked findings in context, and releases with a reason"):
        seen = steward.call("GET", path)
        contexts = _contexts(runtime, uuid.UUID(made["id"]))
        for line in contexts:
            stage.say(line)
        shown = str(seen) + "".join(contexts)
        hidden = all(value not in shown for value in ("4111-1111", "010-0000-1234"))
        stage.check(hidden, "the values themselves are never shown")
        decision = {
            "decision": "release",
            "reason": "지어낸 인물과 번호임을 확인하여 반출을 승인함",
            "content_sha256": seen["content_sha256"],
        }
        steward.try_call("POST", f"{path}/decision", json=decision)
        released = company.wait_for(path, {"released"})
        issued = company.call("POST", f"{path}/url", json={})
        body_bytes = httpx2.get(issued["url"]).content
        digest = hashlib.sha256(body_bytes).hexdigest()
        stage.check(digest == released["content_sha256"], "what arrives is what was reviewed")
        names = zipfile.ZipFile(io.BytesIO(body_bytes)).namelist()
        stage.check(len(names) >= 4, f"{len(names)} files, their Korean names intact")


def _contexts(runtime: Runtime, export_id: uuid.UUID) -> list[str]:
    """The findings as the steward's page shows them: kind, file, masked context."""
    with runtime.db.read() as session:
        rows = session.scalars(
            select(FindingRow)
            .join(Export, Export.scan_id == FindingRow.scan_id)
            .where(Export.id == export_id)
            .order_by(FindingRow.id)
        )
        return [
            f"{row.entity_type:16} {row.location.get('member', row.path)}: {row.context.strip()}"
            for row in rows
        ]
