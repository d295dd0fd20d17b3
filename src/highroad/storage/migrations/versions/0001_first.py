"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "networks",
        sa.Column("revision", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("doc", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "tenants",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("doc", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "ports",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("doc", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "services",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("live", sa.Integer, nullable=False),
        sa.Column("doc", sa.LargeBinary, nullable=False),
    )
    op.create_index("ix_services_live_id", "services", ["live", "id"])
    op.create_index("ix_services_tenant_id", "services", ["tenant", "id"])
    for name, when in (("incidents", "opened_s"), ("maintenances", "started_s")):
        op.create_table(
            name,
            sa.Column("id", sa.Text, primary_key=True),
            sa.Column(when, sa.Float, nullable=False),
            sa.Column("doc", sa.LargeBinary, nullable=False),
        )
    op.create_table(
        "tokens",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("hash", sa.Text, nullable=False, unique=True),
        sa.Column("doc", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "answers",
        sa.Column("scope", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("doc", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "events",
        sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("tenant", sa.Text, nullable=True),
        sa.Column("doc", sa.LargeBinary, nullable=False),
    )
    op.create_index("ix_events_tenant_sequence", "events", ["tenant", "sequence"])


def downgrade() -> None:
    """There is nothing before the first."""
    raise NotImplementedError("the first tables have no older form")
