"""How the last question to each witness ended; the cosignatures themselves belong to the log."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped, mapped_column

from gateway.db import Base


class Ending(StrEnum):
    """How a question to a witness ended."""

    COSIGNED = "cosigned"
    UNREACHABLE = "unreachable"
    REFUSED = "refused"
    AHEAD = "ahead"
    CONTRADICTED = "contradicted"
    MALFORMED = "malformed"


class WitnessAnswer(Base):
    """The newest answer of one witness, by its verifier key.

    `size` is how many entries the witness has cosigned, as far as it told.
    """

    __tablename__ = "witness_answers"
    vkey: Mapped[str] = mapped_column(Text, primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    ending: Mapped[str] = mapped_column(String(16))
    detail: Mapped[str] = mapped_column(Text, default="")
    size: Mapped[int | None]
    asked_at: Mapped[datetime]
