"""Releases of the rules, and the facts that decisions were made from."""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from gateway.db import Base


class Origin(StrEnum):
    """Where a release came from: carried by the program, or brought by an operator."""

    PROGRAM = "program"
    OPERATOR = "operator"


class ReleaseState(StrEnum):
    DRAFT = "draft"
    SHADOW = "shadow"
    IN_FORCE = "in_force"
    WITHDRAWN = "withdrawn"


class PolicyRelease(Base):
    """Rules, schema and agreements under one sha256; at most one release is in force.

    `files` holds each rule file and the schema by name, `agreements` the hash of each version as
    `code/vN`, `proofs` what the prover said. `previous_id` is what a rollback goes back to.
    """

    __tablename__ = "policy_releases"
    __table_args__ = (
        Index(
            "ux_policy_releases_in_force",
            "state",
            unique=True,
            sqlite_where=text("state = 'in_force'"),
            postgresql_where=text("state = 'in_force'"),
        ),
    )
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    origin: Mapped[str] = mapped_column(String(16))
    files: Mapped[dict[str, Any]]
    agreements: Mapped[dict[str, Any]]
    proofs: Mapped[dict[str, Any]]
    note: Mapped[str] = mapped_column(Text, default="")
    state: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[datetime]
    shadow_at: Mapped[datetime | None]
    in_force_at: Mapped[datetime | None]
    withdrawn_at: Mapped[datetime | None]
    previous_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("policy_releases.id"))


class PolicyFacts(Base):
    """The facts behind decisions, each set once, by the digest that the entries carry.

    Clock and sizes are in the entry itself; `facts` names no person, and `person_id` is cleared
    when they are erased.
    """

    __tablename__ = "policy_facts"
    __table_args__ = (Index("ix_policy_facts_person_id", "person_id"),)
    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    facts: Mapped[dict[str, Any]]
    person_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("people.id"))
    first_at: Mapped[datetime]
