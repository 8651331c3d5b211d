"""What a session has shown besides the password, and what a sign-in half done rests on."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from gateway.db import UtcDateTime

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Sessions of before have shown nothing lately; a sign-in half done began with a password."""
    op.add_column(
        "sign_in_sessions",
        sa.Column("factor_shown", sa.String(length=16), server_default="", nullable=False),
    )
    op.add_column("sign_in_sessions", sa.Column("factor_shown_at", UtcDateTime(), nullable=True))
    op.add_column(
        "pending_sign_ins",
        sa.Column("amr", sa.String(length=40), server_default="pwd", nullable=False),
    )
    op.add_column(
        "pending_sign_ins", sa.Column("detail", sa.JSON(), server_default="{}", nullable=False)
    )
