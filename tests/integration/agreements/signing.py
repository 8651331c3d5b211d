"""The way of a signature: asked for, mailed, opened, signed."""

from __future__ import annotations

import email
import email.policy
import io
import re
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from gateway.agreements import service_requests as asking
from gateway.agreements.models import SignatureRequest
from gateway.agreements.service_requests import Asked
from gateway.identity.models import Person
from gateway.runtime import Runtime
from tests.integration.agreements.publishing import CODE, version
from tests.people import acting_as, csrf

OFFICIAL, ADDRESS = "홍길순", "official@example.com"
PDF = b"%PDF-1.7\nletter of authority"
LINK = re.compile(r"http\S+(/agreements/sign/\S+)")


@dataclass
class Signing:
    """What members and the official of one organisation do."""

    runtime: Runtime
    app: Flask
    organisation: uuid.UUID
    visitors: list[FlaskClient] = field(default_factory=list)

    def ask(self, one: Person, address: str = ADDRESS, name: str = OFFICIAL) -> SignatureRequest:
        """A member asks."""
        asked = Asked(CODE, name, address)
        return asking.ask(self.runtime, acting_as(one), self.organisation, asked)

    def letter(self, request: SignatureRequest) -> Path:
        """Where the mail of a request lies without a mail server."""
        return self.runtime.settings.home / "outbox" / f"signature-{request.id}.eml"

    def mail(self, request: SignatureRequest) -> tuple[Any, str]:
        """The mail and its text."""
        raw = self.letter(request).read_bytes()
        message = email.message_from_bytes(raw, policy=email.policy.default)
        return message, str(message.get_content())

    def path(self, request: SignatureRequest) -> str:
        """The path of the mailed link."""
        _message, body = self.mail(request)
        found = LINK.search(body)
        assert found is not None
        return found.group(1)

    def token(self, request: SignatureRequest) -> str:
        """The secret of the link, without the mail."""
        return asking.token_of(self.runtime, request.id)

    def link(self, request: SignatureRequest) -> str:
        """The same path, without the mail."""
        return f"/agreements/sign/{self.token(request)}"

    def fields(self, **changes: Any) -> dict[str, Any]:
        """The form as the official fills it in."""
        usual = {
            "sha256": version(self.runtime, 1).sha256, "language": "ko", "typed_name": OFFICIAL,
            "title": "대표이사", "capacity": "representative", "read": "true",
        }  # fmt: skip
        return {name: value for name, value in (usual | changes).items() if value is not None}

    def sign(self, path: str, letter: bytes | None = None, **changes: Any) -> Any:
        """Open the link in a new browser and hand the form in."""
        client = self.app.test_client()
        data = self.fields(**changes) | {"csrf_token": csrf(client)}
        if letter is not None:
            data["letter"] = FileStorage(io.BytesIO(letter), "letter.pdf")
        boundary, body = encode_multipart(data)
        media_type = f"multipart/form-data; boundary={boundary}"
        return client.post(path, data=body, content_type=media_type, buffered=True)

    def signed(self, one: Person, **changes: Any) -> SignatureRequest:
        """Asked and signed; returns the request."""
        request = self.ask(one)
        answer = self.sign(self.link(request), **changes)
        assert answer.status_code == 200, answer.text
        return request
