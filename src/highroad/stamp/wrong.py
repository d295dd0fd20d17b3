"""The one error of this package."""

from __future__ import annotations


class NotStamp(ValueError):
    """These bytes are no packet that may be answered or believed; the message says why."""
