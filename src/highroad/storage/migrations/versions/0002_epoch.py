"""How often a controller was started on this store: what it shows to routers, so that its predecessors are fenced."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One row, at 0."""
    epochs = op.create_table(
        "epochs",
        sa.Column("id", sa.Integer, sa.CheckConstraint("id = 1"), primary_key=True, autoincrement=False),
        sa.Column("epoch", sa.Integer, nullable=False),
    )
    op.bulk_insert(epochs, [{"id": 1, "epoch": 0}])


def downgrade() -> None:
    """Routers remember the epoch, whatever the store forgets."""
    raise NotImplementedError("a store that forgets its epoch could never write to its routers again")
