"""Bodies of the agreements API and forms."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_core import PydanticCustomError

from gateway.agreements.service_official import Capacity


def _ticked(value: bool) -> bool:
    if not value:
        raise PydanticCustomError("missing", "consent is required")
    return value


class SignForm(BaseModel):
    """A signature: the hash that was read, one's own name, and for whom one signs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    typed_name: str = Field(min_length=1, max_length=120)
    organisation_id: uuid.UUID | None = None
    language: Literal["ko", "en"] = "ko"
    read: bool

    @field_validator("read")
    @classmethod
    def _accepted(cls, value: bool) -> bool:
        return _ticked(value)


class PlanForm(BaseModel):
    """A moment for a version, in the gateway's time zone where it names none."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    moment: datetime


class EndForm(BaseModel):
    """When a version ends without a successor; empty takes the plan back."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    moment: datetime | None = None


class AskForm(BaseModel):
    """Who is asked to sign which agreement for an organisation."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str = Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")
    official_name: str = Field(min_length=1, max_length=120)
    official_email: str = Field(min_length=3, max_length=254)


class OfficialForm(BaseModel):
    """A signing official's signature; the document is a file beside these fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    typed_name: str = Field(min_length=1, max_length=120)
    title: str = Field(min_length=1, max_length=120)
    capacity: Capacity
    language: Literal["ko", "en"] = "ko"
    read: bool

    @field_validator("read")
    @classmethod
    def _accepted(cls, value: bool) -> bool:
        return _ticked(value)


class RequestOut(BaseModel):
    """A request that waits for a signing official; the link itself is only in the mail."""

    model_config = ConfigDict(frozen=True)

    id: uuid.UUID
    code: str
    number: int
    official_name: str
    mail: str
    created_at: datetime
    expires_at: datetime


class OrganisationSignatureOut(BaseModel):
    """An organisation's signature and how it stands."""

    model_config = ConfigDict(frozen=True)

    id: uuid.UUID
    code: str
    number: int
    sha256: str
    standing: str
    official_name: str
    official_title: str
    letter_sha256: str | None
    accepted_at: datetime
    confirmed_at: datetime | None
    expires_at: datetime
    ended_at: datetime | None


class OrganisationSignatures(BaseModel):
    """What an organisation has signed, and what waits for its official."""

    model_config = ConfigDict(frozen=True)

    signatures: list[OrganisationSignatureOut]
    requests: list[RequestOut]


class AgreementOut(BaseModel):
    """An agreement version in force, and until when the caller's signature of it holds."""

    model_config = ConfigDict(frozen=True)

    code: str
    number: int
    state: str
    sha256: str
    title_ko: str
    title_en: str
    terms: dict[str, Any]
    in_force_at: datetime | None
    planned_at: datetime | None
    ends_at: datetime | None
    signed_until: datetime | None


class AgreementText(AgreementOut):
    """The same with both texts, in Markdown."""

    text_ko: str
    text_en: str


class AgreementList(BaseModel):
    """Every agreement in force."""

    model_config = ConfigDict(frozen=True)

    agreements: list[AgreementOut]


class SignatureOut(BaseModel):
    """A signature as it stands in the record."""

    model_config = ConfigDict(frozen=True)

    code: str
    sha256: str
    method: str
    typed_name: str
    organisation_id: uuid.UUID | None
    accepted_at: datetime
    expires_at: datetime
