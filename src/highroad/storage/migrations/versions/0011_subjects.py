"""Events are found by what they tell of: a service or an incident may have a few among millions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Say it of those that are there."""
    op.add_column("events", sa.Column("subject", sa.Text, nullable=True))
    if op.get_bind().dialect.name == "postgresql":
        op.execute("UPDATE events SET subject = convert_from(doc, 'UTF8')::json ->> 'subject'")
    else:
        op.execute("UPDATE events SET subject = json_extract(CAST(doc AS TEXT), '$.subject')")
    op.create_index("ix_events_subject_sequence", "events", ["subject", "sequence"])


def downgrade() -> None:
    """Nothing else is as old as that any more."""
    raise NotImplementedError("no release is without the subjects of events")
