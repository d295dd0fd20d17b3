"""Proofs of what was delivered as they travel: documents to the letter, since these are what is signed."""

from __future__ import annotations

from pydantic import Field

from highroad.wire.base import Out, Page


class ProofKeyOut(Out):
    """The operator's public key."""

    algorithm: str = "Ed25519"
    key: str = Field(description="64 hexadecimal digits: the key's 32 bytes (RFC 8032).")
    fingerprint: str = Field(description="The first 16 hexadecimal digits of its SHA-256, to be compared by voice.")


class ProofEntryOut(Out):
    """An entry of a service's chain."""

    service: str
    tenant: str
    sequence: int
    from_s: int
    until_s: int
    document: str = Field(description="What is hashed and signed, to the letter.")
    hash: str
    signature: str


class ProofPage(Page):
    """Entries, in order."""

    items: list[ProofEntryOut]


class ProofFile(Out):
    """What `highroad proof export` writes and `highroad proof verify` reads."""

    format: str
    entries: list[ProofEntryOut]
