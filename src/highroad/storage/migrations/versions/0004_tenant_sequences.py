"""Each tenant counts its own events: gaps in the one order would tell it how much happens to others."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Number what is there, in order."""
    op.add_column("events", sa.Column("tenant_sequence", sa.BigInteger, nullable=True))
    op.execute(
        "UPDATE events SET tenant_sequence = numbered.place FROM ("
        "SELECT sequence, row_number() OVER (PARTITION BY tenant ORDER BY sequence) AS place "
        "FROM events WHERE tenant IS NOT NULL) AS numbered WHERE numbered.sequence = events.sequence"
    )
    op.create_index("ix_events_tenant_tenant_sequence", "events", ["tenant", "tenant_sequence"], unique=True)
    op.drop_index("ix_events_tenant_sequence", table_name="events")


def downgrade() -> None:
    """A consumer that resumed by its own numbers would skip or repeat by the others."""
    raise NotImplementedError("tenants hold places of their own sequence as cursors")
