"""What reading a file comes to: a network, or everything that is wrong with the file."""

from __future__ import annotations

from dataclasses import dataclass

from highroad.errors import Finding, Severity, errors_in
from highroad.model.network import Network

MAX_FINDINGS = 1000
MAX_BYTES = 10_000_000


@dataclass(frozen=True, slots=True)
class Loaded:
    """A network that was read and checked, or None if a finding is an error. Warnings come with a network.

    Where all that is wrong is the capacity of some links, `rest` is the network without these.
    """

    network: Network | None
    findings: tuple[Finding, ...]
    rest: Network | None = None

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that forbid."""
        return tuple(errors_in(self.findings))


_RANK = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.NOTE: 2}


def refused(code: str, message: str, *, place: str = "", line: int | None = None) -> Loaded:
    """Nothing could be read at all, and why."""
    return Loaded(None, (Finding(code=code, place=place, message=message, line=line),))


def capped(findings: list[Finding]) -> tuple[Finding, ...]:
    """At most MAX_FINDINGS of them, the worst kept, with a last one that says how many were left out."""
    if len(findings) <= MAX_FINDINGS:
        return tuple(findings)
    ranked = sorted(range(len(findings)), key=lambda index: _RANK[findings[index].severity])
    kept = [findings[index] for index in sorted(ranked[:MAX_FINDINGS])]
    left_out = [findings[index] for index in ranked[MAX_FINDINGS:]]
    severity = min((finding.severity for finding in left_out), key=_RANK.__getitem__)
    message = f"and {len(left_out)} more findings"
    return (*kept, Finding(code="too-many-findings", place="", message=message, severity=severity))
