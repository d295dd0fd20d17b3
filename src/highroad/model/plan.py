"""What the optimiser would change: which services move where, in which steps, and what that gains."""

from __future__ import annotations

from enum import StrEnum


class Optimising(StrEnum):
    """What is done with a better plan for all that is carried."""

    OFF = "off"
    """Nothing is computed, and nobody is moved to make room."""
    ASK = "ask"
    """It is kept and shown, and waits for an operator's yes."""
    AUTO = "auto"
    """It is applied when it is worth it."""
