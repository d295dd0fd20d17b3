"""Everything that is wrong with a request, gathered before anything is said."""

from __future__ import annotations

from highroad.errors import Finding


class Wrong:
    """Collects what is wrong: called with a code, a place and a message."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []

    def __call__(self, code: str, place: str, message: str) -> None:
        self.findings.append(Finding(code=code, place=place, message=message))

    def __len__(self) -> int:
        return len(self.findings)
