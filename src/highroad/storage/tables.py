"""The tables. What is searched by is a column; the rest of a value is its JSON document, `doc`."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, Float, Index, Integer, LargeBinary, MetaData, Table, Text

Long = BigInteger().with_variant(Integer, "sqlite")

metadata = MetaData(naming_convention={"ix": "ix_%(table_name)s_%(column_0_N_name)s", "pk": "pk_%(table_name)s"})

networks = Table(
    "networks",
    metadata,
    Column("revision", Long, primary_key=True, autoincrement=False),
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
    Column("sequence", Long, primary_key=True, autoincrement=False),
    Column("tenant", Text, nullable=True),
    Column("tenant_sequence", BigInteger, nullable=True),
    Column("subject", Text, nullable=True),
    Column("doc", LargeBinary, nullable=False),
    Index("ix_events_tenant_tenant_sequence", "tenant", "tenant_sequence", unique=True),
    Index("ix_events_subject_sequence", "subject", "sequence"),
)
"""Append-only; the one writer numbers them without gaps, all of them and each tenant's own, in the same transaction as
what they tell of.
"""

webhooks = Table(
    "webhooks",
    metadata,
    Column("id", Text, primary_key=True),
    Column("live", Integer, nullable=False),
    Column("doc", LargeBinary, nullable=False),
)
"""`live` is 0 for what was removed."""

webhook_attempts = Table(
    "webhook_attempts",
    metadata,
    Column("webhook", Text, primary_key=True),
    Column("slot", Integer, primary_key=True, autoincrement=False),
    Column("doc", LargeBinary, nullable=False),
)
"""The newest attempts of each webhook, in a ring."""

epochs = Table(
    "epochs",
    metadata,
    Column("id", Integer, CheckConstraint("id = 1"), primary_key=True, autoincrement=False),
    Column("epoch", Long, nullable=False),
)
"""One row: how often a controller was started on this store."""

audit = Table(
    "audit",
    metadata,
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", Text, nullable=False),
    Column("asker", Text, nullable=True),
    Column("owner", Text, nullable=True),
    Column("doc", LargeBinary, nullable=False),
    Index("ix_audit_asker", "asker"),
    Index("ix_audit_owner", "owner"),
)
"""Append-only, and each row chained to the one before (`model.audit`)."""

calls = Table(
    "calls",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("until_s", Float, nullable=False),
    Column("doc", LargeBinary, nullable=False),
    sqlite_autoincrement=True,
)
"""What processes ask the leader, until it is answered or withdrawn; `until_s` is by the database's clock."""

replies = Table(
    "replies",
    metadata,
    Column("call", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("at_s", Float, nullable=False),
    Column("doc", LargeBinary, nullable=False),
)
"""What was answered, for a minute."""

board = Table(
    "board",
    metadata,
    Column("name", Text, primary_key=True),
    Column("epoch", Integer, nullable=False),
    Column("showing", Integer, nullable=False),
    Column("doc", LargeBinary, nullable=False),
)
"""What the leader shows to the others: who it is, and its newest sample. Unlogged where the database can."""


commits = Table(
    "commits",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("epoch", BigInteger, nullable=False),
    Column("at_s", Float, nullable=False),
    Column("first_sequence", BigInteger, nullable=False),
    Column("last_sequence", BigInteger, nullable=False),
    Column("doc", LargeBinary, nullable=False),
    Column("inputs", LargeBinary, nullable=True),
)
"""The journal: one row a commit, numbered from 1 without gaps. Its events are those after `first_sequence` up to and
with `last_sequence`; `inputs` is what the flight recorder noted, or nothing.
"""

bases = Table(
    "bases",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("part", Integer, primary_key=True, autoincrement=False),
    Column("at_s", Float, nullable=False),
    Column("doc", LargeBinary, nullable=False),
)
"""Everything that was kept in memory after a commit, in parts: what came before is not needed to know it."""

secrets = Table(
    "secrets",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", LargeBinary, nullable=False),
)
"""Keys that every process on the store has to have, made by the first that asks."""

proofs = Table(
    "proofs",
    metadata,
    Column("service", Text, primary_key=True),
    Column("sequence", Long, primary_key=True, autoincrement=False),
    Column("tenant", Text, nullable=False),
    Column("from_s", Long, nullable=False),
    Column("until_s", Long, nullable=False),
    Column("signature", Text, nullable=False),
    Column("doc", LargeBinary, nullable=False),
)
"""What was delivered, a chain for each service from 1 without gaps: `doc` is compressed (zlib). Rows are only added."""
