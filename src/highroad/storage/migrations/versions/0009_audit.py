"""The audit log: who changed what, and who was turned away. It begins empty: what was before is not known."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "audit",
        sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("hash", sa.Text, nullable=False),
        sa.Column("asker", sa.Text, nullable=True),
        sa.Column("owner", sa.Text, nullable=True),
        sa.Column("doc", sa.LargeBinary, nullable=False),
    )
    op.create_index("ix_audit_asker", "audit", ["asker"])
    op.create_index("ix_audit_owner", "audit", ["owner"])


def downgrade() -> None:
    """A log that can be taken away proves nothing."""
    raise NotImplementedError("the audit log may not be forgotten")
