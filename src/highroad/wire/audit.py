"""The audit log as it travels."""

from __future__ import annotations

from pydantic import Field

from highroad.wire.base import Out, Page, Time


class AuditRowOut(Out):
    """A change, or a refusal of access. What tells of others is null where a tenant looks."""

    at: Time
    who: str | None = Field(description="The token's id, `oidc:` and a subject; empty for who was not known.")
    role: str = Field(description="`controller` for what it did by itself; empty for who was not known.")
    tenant: str | None = Field(description="The caller's.")
    address: str | None = Field(description="Where it came from.")
    method: str
    path: str
    status: int
    request: str = Field(description="The id of the request.")
    what: str = Field(description="The name of what was done, `refused`, or `unreadable`.")
    subject: str = Field(description="The id of what it was done to.")
    of: str | None = Field(description="The tenant whose thing that is.")
    count: int = Field(description="How many refusals it stands for.")
    sequence: int | None = Field(default=None, description="Its place in the log.")
    event: int | None = Field(default=None, description="The newest event once it was written.")
    hash: str | None = Field(default=None, description="SHA-256 of the hash before it and of `document`.")
    document: str | None = Field(default=None, description="The row as it is stored and hashed, byte for byte.")
    wrong: str | None = Field(default=None, description="What is wrong with it as it is stored: somebody changed it.")


class AuditHeadOut(Out):
    """The newest row: note it elsewhere, and nobody can take rows from the end unseen."""

    rows: int
    hash: str


class AuditPage(Page):
    """The audit log in order, the oldest first."""

    items: list[AuditRowOut]
    head: AuditHeadOut | None = Field(default=None, description="For an operator.")
