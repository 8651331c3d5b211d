"""A machine works once the person who answers for it has accepted; scopes name what they open."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from gateway.db import UtcDateTime

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

CLI_SCOPE = "openid profile email organisation offline_access read write download access_log"


def upgrade() -> None:
    """Machines of before wait to be accepted; `sumun` may ask for what its commands show."""
    op.add_column("oauth_clients", sa.Column("accepted_at", UtcDateTime(), nullable=True))
    op.add_column("oauth_clients", sa.Column("accepted_acr", sa.String(40), nullable=True))
    clients = sa.table("oauth_clients", sa.column("id"), sa.column("scope"))
    op.execute(clients.update().where(clients.c.id == "sumun-cli").values(scope=CLI_SCOPE))
