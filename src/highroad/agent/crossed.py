"""Which links the policies of a router cross, kept as policies come and go: of these it wants to know. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from highroad.gnmi.router import Policy


class Crossed:
    """The links of all candidate paths of policies that have a choice."""

    def __init__(self) -> None:
        self._policies: Mapping[str, Policy] = {}
        self._times: Counter[str] = Counter()

    @property
    def links(self) -> list[str]:
        """All of them, in order."""
        return sorted(self._times)

    def take(self, policies: Mapping[str, Policy]) -> bool:
        """These are all policies from now on; whether other links are crossed than before."""
        had, self._policies = self._policies, policies
        before = self._times.keys() - ()
        for service in had.keys() | policies.keys():
            old, new = had.get(service), policies.get(service)
            if old is not new:
                self._times.update(_links(new))
                self._times.subtract(_links(old))
        self._times = +self._times
        return self._times.keys() != before


def _links(policy: Policy | None) -> set[str]:
    if policy is None or len(policy.candidate_paths) == 1:
        return set()
    return {link for path in policy.candidate_paths for segments in path.segment_lists for link in segments.links}
