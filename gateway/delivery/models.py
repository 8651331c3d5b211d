"""How far authorised transfers have been paired with their outcomes."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column

from gateway.db import Base


class Reconciliation(Base):
    """One row. Entries of the log below `began` were written before outcomes named their intent;
    no intent from `began` to below `next_index` waits for its outcome."""

    __tablename__ = "delivery_reconciliation"
    __table_args__ = (CheckConstraint("id = 1", "only_one"),)
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    began: Mapped[int]
    next_index: Mapped[int]
    at: Mapped[datetime | None]
