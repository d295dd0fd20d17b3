"""When changes on routers were frozen, and why: a freeze outlives the controller that was told of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """None yet."""
    op.create_table(
        "freezes",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("started_s", sa.Float, nullable=False),
        sa.Column("doc", sa.LargeBinary, nullable=False),
    )


def downgrade() -> None:
    """A controller that knows of no freeze would go on changing what an operator wants left alone."""
    raise NotImplementedError("a freeze may not be forgotten")
