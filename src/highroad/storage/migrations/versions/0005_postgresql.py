"""On PostgreSQL ids are in the order of their bytes, as on SQLite, and sequences do not end at 2^31."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TEXTS = {
    "tenants": ["id"],
    "ports": ["id", "tenant"],
    "services": ["id", "tenant"],
    "incidents": ["id"],
    "maintenances": ["id"],
    "freezes": ["id"],
    "tokens": ["id", "hash"],
    "answers": ["scope", "key"],
    "events": ["tenant"],
}


def upgrade() -> None:
    """SQLite does both by itself."""
    if op.get_bind().dialect.name != "postgresql":
        return
    for table, columns in TEXTS.items():
        for column in columns:
            op.alter_column(table, column, type_=sa.Text(collation="C"))
    for table, column in (("events", "sequence"), ("networks", "revision"), ("epochs", "epoch")):
        op.alter_column(table, column, type_=sa.BigInteger)


def downgrade() -> None:
    """Pages that were begun in one order cannot go on in another."""
    raise NotImplementedError("the order of ids is not given up")
