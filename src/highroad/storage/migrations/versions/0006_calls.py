"""What processes ask the leader through the store, and what it shows them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    number = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    postgres = op.get_bind().dialect.name == "postgresql"
    op.create_table(
        "calls",
        sa.Column("id", number, primary_key=True, autoincrement=True),
        sa.Column("until_s", sa.Float, nullable=False),
        sa.Column("doc", sa.LargeBinary, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "replies",
        sa.Column("call", number, primary_key=True, autoincrement=False),
        sa.Column("at_s", sa.Float, nullable=False),
        sa.Column("doc", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "board",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("showing", sa.Integer, nullable=False),
        sa.Column("doc", sa.LargeBinary, nullable=False),
        prefixes=["UNLOGGED"] if postgres else [],
    )


def downgrade() -> None:
    """Take them away."""
    for table in ("board", "replies", "calls"):
        op.drop_table(table)
