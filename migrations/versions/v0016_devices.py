"""A device that was let in says in which session, and comes in only while that session lives."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Devices let in before this come in no more: they ask again."""
    with op.batch_alter_table("oauth_device_codes") as table:
        table.add_column(sa.Column("session_id", sa.Uuid(), nullable=True))
        table.create_foreign_key(
            op.f("fk_oauth_device_codes_session_id_sign_in_sessions"),
            "sign_in_sessions", ["session_id"], ["id"],
        )  # fmt: skip
