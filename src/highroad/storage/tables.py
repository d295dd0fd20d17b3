"""The tables. What is searched by is a column; the rest of a value is its JSON document, `doc`."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Float, Index, Integer, LargeBinary, MetaData, Table, Text

metadata = MetaData(naming_convention={"ix": "ix_%(table_name)s_%(column_0_N_name)s", "pk": "pk_%(table_name)s"})

networks = Table(
    "networks",
    metadata,
    Column("revision", Integer, primary_key=True, autoincrement=True),
    Column("doc", LargeBinary, nullable=False),
)
"""Every network that was ever in force, the last one being the present."""

tenants = Table("tenants", metadata, Column("id", Text, primary_key=True), Column("doc", LargeBinary, nullable=False))

ports = Table(
    "ports",
    metadata,
    Column("id", Text, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("doc", LargeBinary, nullable=False),
)

services = Table(
    "services",
    metadata,
    Column("id", Text, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("live", Integer, nullable=False),
    Column("doc", LargeBinary, nullable=False),
    Index("ix_services_live_id", "live", "id"),
    Index("ix_services_tenant_id", "tenant", "id"),
)
"""`live` is 1 for what the controller still has to do with: not ended, or not yet let go by routers."""

incidents = Table(
    "incidents",
    metadata,
    Column("id", Text, primary_key=True),
    Column("opened_s", Float, nullable=False),
    Column("doc", LargeBinary, nullable=False),
)

maintenances = Table(
    "maintenances",
    metadata,
    Column("id", Text, primary_key=True),
    Column("started_s", Float, nullable=False),
    Column("doc", LargeBinary, nullable=False),
)

freezes = Table(
    "freezes",
    metadata,
    Column("id", Text, primary_key=True),
    Column("started_s", Float, nullable=False),
    Column("doc", LargeBinary, nullable=False),
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", Text, primary_key=True),
    Column("hash", Text, nullable=False, unique=True),
    Column("doc", LargeBinary, nullable=False),
)

answers = Table(
    "answers",
    metadata,
    Column("scope", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("doc", LargeBinary, nullable=False),
)
"""What was answered under each Idempotency-Key."""

events = Table(
    "events",
    metadata,
    Column("sequence", Integer, primary_key=True, autoincrement=False),
    Column("tenant", Text, nullable=True),
    Column("doc", LargeBinary, nullable=False),
    Index("ix_events_tenant_sequence", "tenant", "sequence"),
)
"""Append-only; the one writer numbers them without gaps, in the same transaction as what they tell of."""

epochs = Table(
    "epochs",
    metadata,
    Column("id", Integer, CheckConstraint("id = 1"), primary_key=True, autoincrement=False),
    Column("epoch", Integer, nullable=False),
)
"""One row: how often a controller was started on this store."""
