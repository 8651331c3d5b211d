"""Signed addresses: ranged, resumed, refused with every reason, dead on revocation."""

from __future__ import annotations

import hashlib
import uuid
from typing import Any

import httpx2

from gateway.access import grants
from gateway.demo.cast import Cast
from gateway.demo.delivery import IMAGES
from gateway.demo.stage import Stage
from gateway.demo.web import Visitor
from gateway.runtime import Runtime

OK, PARTIAL, FORBIDDEN = 200, 206, 403


def download(stage: Stage, kim: Visitor) -> Any:
    """Fetch one file in two parts through a signed address; returns the address's facts."""
    with stage.step("A signed address: half a file, then the rest, compared by sha256"):
        items = kim.call("GET", f"/api/v1/datasets/{IMAGES}/versions/v2/items")["items"]
        item = max(items, key=lambda found: found["bytes"])
        issued = kim.call("POST", "/api/v1/urls", json={"dataset": IMAGES, "path": item["path"]})
        half = issued["size"] // 2
        first = httpx2.get(issued["url"], headers={"Range": f"bytes=0-{half - 1}"})
        stage.check(first.status_code == PARTIAL, f"{half} bytes, then the line breaks")
        rest = httpx2.get(
            issued["url"], headers={"Range": f"bytes={half}-", "If-Range": first.headers["ETag"]}
        )
        whole = hashlib.sha256(first.content + rest.content).hexdigest()
        stage.check(whole == issued["sha256"], f"{issued['size']} bytes resumed and verified")
        tampered = issued["url"].replace(item["path"][:4], "XXXX")
        stage.check(httpx2.get(tampered).status_code == FORBIDDEN, "another path: 403")
        return issued


def refused(stage: Stage, lee: Visitor, path: str) -> None:
    """A person without any of it: every reason at once, each with the way to yes."""
    with stage.step("A refusal names every reason, and what would make it a yes"):
        answer = lee.try_call("POST", "/api/v1/urls", json={"dataset": IMAGES, "path": path})
        blockers = answer.json()["blockers"]
        for blocker in blockers:
            stage.say(f"{blocker['ko']} → {blocker['remedy_ko']} ({blocker['actor_ko']})")
            stage.say(f"  {blocker['en']} → {blocker['remedy_en']} ({blocker['actor_en']})")
        codes = {blocker["code"] for blocker in blockers}
        expected = {"GRANT_MISSING", "ACCEPTANCE_NOT_LIVE", "TRAINING_MISSING"}
        stage.check(answer.status_code == FORBIDDEN, "403")
        stage.check(expected <= codes, f"{len(codes)} reasons, each with its remedy")


def revoked(stage: Stage, runtime: Runtime, cast: Cast, grant_id: str, url: str) -> None:
    """The steward revokes the grant; the address that worked is dead on the next request."""
    with stage.step("Revocation kills the address that is already out"):
        stage.check(httpx2.get(url).status_code == OK, "it still works")
        reason = "연구과제 중단이 확인되어 권한을 취소함"
        grants.revoke(runtime, cast["steward"].actor, uuid.UUID(grant_id), reason)
        answer = httpx2.get(url)
        stage.check(answer.status_code == FORBIDDEN, "the next request gets 403")
        codes = [blocker["code"] for blocker in answer.json()["blockers"]]
        stage.check("GRANT_REVOKED" in codes, "and says why: GRANT_REVOKED")
