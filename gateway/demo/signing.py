"""The company's signing official signs through a mailed link; a steward confirms the signature."""

from __future__ import annotations

import email
import email.policy
import io
import re
import time
from pathlib import Path
from typing import Any

import httpx2
from reportlab.pdfgen.canvas import Canvas

from gateway.demo.stage import Stage, StepFailed
from gateway.demo.web import POLL_SECONDS, WAIT_SECONDS, Visitor
from gateway.runtime import Runtime

CODE, OFFICIAL = "company", "장새날"
ADDRESS = "official@example.com"
TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
HASH = re.compile(r'name="sha256" value="([0-9a-f]{64})"')


def official_signs(stage: Stage, runtime: Runtime, member: Visitor, steward: Visitor) -> None:
    """A member asks, the official signs from the letter in the outbox, the steward confirms."""
    with stage.step(f"The company's signing official signs the {CODE} agreement by a mailed link"):
        place = member.call("GET", "/api/v1/me")["memberships"][0]
        below = f"/api/v1/organisations/{place['organisation_id']}"
        body = {"code": CODE, "official_name": OFFICIAL, "official_email": ADDRESS}
        asked = member.call("POST", f"{below}/signature-requests", json=body)
        link = _mailed(runtime.settings.home / "outbox" / f"signature-{asked['id']}.eml")
        stage.say(f"to {ADDRESS}: {link[:48]}…")
        with httpx2.Client(headers={"Accept-Language": "ko"}, timeout=60) as visitor:
            signed = _sign(visitor, link)
            stage.check(signed.status_code == httpx2.codes.OK, "signed without an account")
            again = visitor.get(link).status_code
            stage.check(again == httpx2.codes.NOT_FOUND, "the link works once")
        (row,) = member.call("GET", f"{below}/signatures")["signatures"]
        stage.check(bool(row["letter_sha256"]), "the letter of authority is kept as evidence")
        stage.check(row["standing"] == "unconfirmed", "the signature waits for confirmation")
        path = f"/api/v1/organisations/signatures/{row['id']}/confirm"
        confirmed = steward.call("POST", path)
        until = confirmed["expires_at"][:10]
        stage.check(
            confirmed["standing"] == "live", f"a steward confirms it; it holds until {until}"
        )


def _mailed(letter: Path) -> str:
    """The link in a letter, once the worker has written it. Raises StepFailed."""
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        if letter.exists():
            message = email.message_from_bytes(letter.read_bytes(), policy=email.policy.default)
            found = re.search(r"http\S+/agreements/sign/\S+", str(message.get_content()))
            if found is not None:
                return found.group()
        time.sleep(POLL_SECONDS)
    raise StepFailed(f"the letter {letter.name} is written")


def _sign(visitor: httpx2.Client, link: str) -> httpx2.Response:
    """Read the page, then fill in its form as a person would."""
    page = visitor.get(link).text
    token, digest = TOKEN.search(page), HASH.search(page)
    if token is None or digest is None:
        raise StepFailed("the mailed link leads to the form")
    fields: dict[str, Any] = {
        "csrf_token": token.group(1),
        "sha256": digest.group(1),
        "language": "ko",
        "typed_name": OFFICIAL,
        "title": "대표이사",
        "capacity": "authorised",
        "read": "true",
    }
    letter = ("letter.pdf", _letter(), "application/pdf")
    return visitor.post(link, data=fields, files={"letter": letter})


def _letter() -> bytes:
    """A letter of authority made up for the demonstration."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer)
    canvas.drawString(72, 720, "Letter of authority (made up for the demonstration)")
    canvas.save()
    return buffer.getvalue()
