"""Bodies of the agreements API and forms."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_core import PydanticCustomError


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
        if not value:
            raise PydanticCustomError("missing", "consent is required")
        return value


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
