"""Construction projects, datasets and their versions."""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from gateway.db import Base
from policies.vocabulary import Content


class Call(StrEnum):
    """How a construction project was put out: 지정공모 or 자유공모."""

    DESIGNATED = "designated"
    FREE = "free"


class Tier(StrEnum):
    """Who decides on an application."""

    INSTANT = "instant"
    STEWARD = "steward"
    COMMITTEE = "committee"


class ConstructionProject(Base):
    """A funded project that builds datasets (구축과제)."""

    __tablename__ = "construction_projects"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(String(40), unique=True)
    year: Mapped[int]
    call: Mapped[str] = mapped_column(String(16))
    title_ko: Mapped[str] = mapped_column(String(200))
    title_en: Mapped[str] = mapped_column(String(200))
    consortium: Mapped[list[str]]
    created_at: Mapped[datetime]


class Dataset(Base):
    """A dataset and everything that decides who may use it and how.

    `modality`, `content`, `sensitivity` and `delivery` hold the values of `policies.vocabulary`,
    `domain` is a free word for people who search; `declared` lists the entity types that the
    dataset rightly contains, `duo` its terms as `policies.duo` reads them; `typical_days` is the
    usual time to a decision.
    """

    __tablename__ = "datasets"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(String(80), unique=True)
    project_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("construction_projects.id"))
    contractor_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("organisations.id"))
    title_ko: Mapped[str] = mapped_column(String(200))
    title_en: Mapped[str] = mapped_column(String(200))
    summary_ko: Mapped[str] = mapped_column(Text)
    summary_en: Mapped[str] = mapped_column(Text)
    modality: Mapped[str] = mapped_column(String(16))
    domain: Mapped[str] = mapped_column(String(40))
    content: Mapped[str] = mapped_column(String(16), default=Content.GENERAL)
    originals: Mapped[bool] = mapped_column(default=False)
    pseudonymised: Mapped[bool] = mapped_column(default=False)
    sensitivity: Mapped[str] = mapped_column(String(16))
    delivery: Mapped[str] = mapped_column(String(16))
    tier: Mapped[str] = mapped_column(String(16))
    agreement_code: Mapped[str] = mapped_column(String(40))
    duo: Mapped[list[str]]
    declared: Mapped[list[str]]
    nationals_only: Mapped[bool] = mapped_column(default=False)
    organisation_required: Mapped[bool] = mapped_column(default=False)
    irb_required: Mapped[bool] = mapped_column(default=False)
    training_required: Mapped[bool] = mapped_column(default=False)
    organisation_excluded: Mapped[bool] = mapped_column(default=False)
    identity_level: Mapped[int] = mapped_column(default=0)
    retention_days: Mapped[int] = mapped_column(default=365)
    grant_days: Mapped[int] = mapped_column(default=180)
    quota_bytes: Mapped[int | None]
    url_ttl_seconds: Mapped[int] = mapped_column(default=3600)
    typical_days: Mapped[int] = mapped_column(default=7)
    created_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]
    withdrawn_reason: Mapped[str] = mapped_column(Text, default="")


class DatasetVersion(Base):
    """One immutable version. `state` holds `policies.vocabulary.VersionState`.

    `manifest_sha256` addresses the Parquet manifest in the object store and `index_sha256` the
    look-up file derived from it; `ruleset` is the scanner's ruleset at the last finished scan and
    `scanned_manifest` what it read, so that a verdict never outlives either.
    """

    __tablename__ = "dataset_versions"
    __table_args__ = (
        UniqueConstraint("dataset_id", "label"),
        Index("ix_dataset_versions_dataset_id_released_at", "dataset_id", "released_at"),
    )
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    dataset_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("datasets.id"))
    label: Mapped[str] = mapped_column(String(40))
    state: Mapped[str] = mapped_column(String(16))
    manifest_sha256: Mapped[str | None] = mapped_column(String(64))
    index_sha256: Mapped[str | None] = mapped_column(String(64))
    items: Mapped[int] = mapped_column(default=0)
    bytes: Mapped[int] = mapped_column(default=0)
    notes_ko: Mapped[str] = mapped_column(Text, default="")
    notes_en: Mapped[str] = mapped_column(Text, default="")
    ruleset: Mapped[str | None] = mapped_column(String(64))
    scanned_manifest: Mapped[str | None] = mapped_column(String(64))
    scan_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("scans.id"))
    created_at: Mapped[datetime]
    released_at: Mapped[datetime | None]
    released_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("people.id"))
    release_reason: Mapped[str] = mapped_column(Text, default="")
    withdrawn_at: Mapped[datetime | None]
    withdrawn_reason: Mapped[str] = mapped_column(Text, default="")
