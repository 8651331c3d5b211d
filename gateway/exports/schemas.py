"""What is handed in about exports, and what the API answers."""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from gateway.exports.models import ExportKind, ExportState
from gateway.exports.patterns import MAX_PATTERNS

MAX_TTL_SECONDS = 7 * 24 * 3600
Title = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)]
Label = Annotated[str, StringConstraints(min_length=1, max_length=40)]
PatternText = Annotated[str, StringConstraints(min_length=1, max_length=1024)]
Digest = Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]
Reason = Annotated[str, StringConstraints(max_length=2000)]


class Strict(BaseModel):
    """Frozen; an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Choice(StrEnum):
    """A steward's decision."""

    RELEASE = "release"
    REJECT = "reject"


class PackageBody(Strict):
    """A package: the files of one version that `patterns` mean. Without `version` the newest
    released one. Results are posted as files to `/api/v1/exports/results`."""

    kind: Annotated[str, StringConstraints(pattern="^package$")] = ExportKind.PACKAGE
    grant_id: uuid.UUID
    version: Label | None = None
    patterns: Annotated[tuple[PatternText, ...], Field(min_length=1, max_length=MAX_PATTERNS)]
    title: Title = ""


class PackageForm(Strict):
    """The same from a page: one pattern a line."""

    grant_id: uuid.UUID
    version: Label | None = None
    patterns: Annotated[str, StringConstraints(max_length=60_000)]
    title: Title = ""


class ResultQuery(Strict):
    """What a result is of; the file itself is the body."""

    grant_id: uuid.UUID
    title: Title = ""


class DecisionBody(Strict):
    """A decision on a held export: `content_sha256` is the content that was reviewed."""

    decision: Choice
    reason: Reason
    content_sha256: Digest


class UrlBody(Strict):
    """How long a signed address shall work, at most as long as the dataset allows."""

    ttl_seconds: Annotated[int, Field(ge=1, le=MAX_TTL_SECONDS)] | None = None


class FindingOut(BaseModel):
    """Where something was found, and of which kind; never the value."""

    model_config = ConfigDict(frozen=True)
    entity_type: str
    declared: bool
    location: dict[str, Any]


class DecisionOut(BaseModel):
    """What a steward decided."""

    model_config = ConfigDict(frozen=True)
    decision: Choice
    reason: str
    decided_at: datetime


class ExportOut(BaseModel):
    """An export. `turn` names who has the next move: steward, applicant, nobody, or none while
    the gate itself works on it. `safe_zone_data` names the datasets that were in reach when a
    result was handed in from a safe zone."""

    model_config = ConfigDict(frozen=True)
    id: uuid.UUID
    kind: ExportKind
    state: ExportState
    turn: str | None
    turn_since: datetime
    dataset: str
    version: str | None
    grant_id: uuid.UUID
    title: str
    patterns: list[str]
    items: int
    bytes: int
    content_sha256: str | None
    manifest_sha256: str | None
    safe_zone_data: list[str]
    verdict: str | None
    counts: dict[str, int]
    failure: str | None
    created_at: datetime
    released_at: datetime | None
    decision: DecisionOut | None


class ExportDetail(ExportOut):
    """One export with why it is held: kinds and places, the first 200 of them."""

    findings: list[FindingOut]
    held_ko: str
    held_en: str
    failure_ko: str
    failure_en: str


class ExportList(BaseModel):
    """One page of one's own exports, the newest first."""

    model_config = ConfigDict(frozen=True)
    exports: list[ExportOut]
    next: str | None
    previous: str | None


class ExportUrl(BaseModel):
    """A signed address of a released export: whoever has it can fetch until it expires."""

    model_config = ConfigDict(frozen=True)
    url: str
    expires_at: datetime
    name: str
    sha256: str
    size: int
