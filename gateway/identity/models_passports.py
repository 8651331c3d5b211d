"""Visas that count here: what each said, beside the evidence that it became."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from gateway.db import Base


class TakenVisa(Base):
    """One visa of an outside identity, for as long as its attestation lasts; never deleted.

    The attestation says whether it counts. A newer visa that says the same takes its place with a
    row of its own.
    """

    __tablename__ = "taken_visas"
    __table_args__ = (Index("ix_taken_visas_identity_id", "identity_id"),)
    attestation_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("attestations.id"), primary_key=True
    )
    identity_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("linked_identities.id"))
    issuer: Mapped[str] = mapped_column(String(255))
    type: Mapped[str] = mapped_column(String(255))
    value: Mapped[str] = mapped_column(String(255))
    source: Mapped[str] = mapped_column(String(255))
    authority: Mapped[str] = mapped_column(String(8))
    asserted_at: Mapped[datetime]
    taken_at: Mapped[datetime]
