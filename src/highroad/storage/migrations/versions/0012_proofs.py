"""Proofs of what was delivered: a chain of signed documents for each service."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """None yet: a chain begins when it is first sealed."""
    long = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    op.create_table(
        "proofs",
        sa.Column("service", sa.Text, primary_key=True),
        sa.Column("sequence", long, primary_key=True, autoincrement=False),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("from_s", long, nullable=False),
        sa.Column("until_s", long, nullable=False),
        sa.Column("signature", sa.Text, nullable=False),
        sa.Column("doc", sa.LargeBinary, nullable=False),
    )


def downgrade() -> None:
    """What was shown to a customer is not forgotten."""
    raise NotImplementedError("a proof that is forgotten proves nothing")
