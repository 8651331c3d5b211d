"""Bodies of the delivery API."""

from __future__ import annotations

import uuid
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field


class UrlWanted(BaseModel):
    """A file to be downloaded. Without `version` the newest released one, without `grant` the
    person's best; `ttl_seconds` is capped by the dataset."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dataset: str = Field(min_length=1, max_length=80)
    path: str = Field(min_length=1, max_length=1024)
    version: str | None = Field(default=None, min_length=1, max_length=40)
    grant: uuid.UUID | None = None
    ttl_seconds: int | None = Field(default=None, ge=1, le=7 * 24 * 3600)


class UrlIssued(BaseModel):
    """A signed address: whoever has it can download until it expires or the grant ends."""

    model_config = ConfigDict(frozen=True)

    url: str
    expires_at: datetime
    dataset: str
    version: str
    path: str
    sha256: str
    size: int
    media_type: str


class UrlForm(BaseModel):
    """The form on the page of one's grants; `minutes` is capped by the dataset."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str = Field(min_length=1, max_length=1024)
    version: str | None = Field(default=None, min_length=1, max_length=40)
    minutes: int = Field(default=60, ge=1, le=1440)
