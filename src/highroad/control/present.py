"""What routers hold, as they were last read, beside what is wanted of them: so that only what differs is looked at.

Facts about routers outlive a book that is read anew; what is wanted does not.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping

from highroad.model.network import LinkId
from highroad.model.policy import Policy, loads_of
from highroad.model.service import PortId, ServiceId
from highroad.ports import Observed


class Present:
    """The policies that routers hold, their load and their ends, and the services of which something else is wanted.

    `want` says what that is, of any service; `change` has to be told when that changes.
    """

    def __init__(self, want: Callable[[ServiceId], Policy | None]) -> None:
        self._want = want
        self._held: dict[ServiceId, Policy] = {}
        self._loads: dict[LinkId, int] = {}
        self._plugged: dict[PortId, dict[int | None, tuple[ServiceId, ...]]] = {}
        self._revision: int | None = None
        self.differs: dict[ServiceId, None] = {}
        """Services of which routers hold something else than is wanted, in the order in which that was found."""

    @property
    def held(self) -> Mapping[ServiceId, Policy]:
        """What routers hold. It goes on with what is read."""
        return self._held

    @property
    def revision(self) -> int | None:
        """What the fabric called what was last read; None before."""
        return self._revision

    def load_mbps(self, link: LinkId) -> int:
        """What routers may put on a link by what they hold."""
        return self._loads.get(link, 0)

    def plugged(self, port: PortId, tag: int | None) -> list[ServiceId]:
        """The services that routers hold on a tag of a port, or on all of it; any that are on it for the whole port."""
        tags = self._plugged.get(port, {})
        asked = tags if tag is None else (None, tag)
        return [service for one in asked for service in tags.get(one, ())]

    def take(self, read: Observed) -> Observed:
        """Know what was read, all of it or what is new since the last time, and return it as a whole.

        Raises ValueError where it is what is new since another time.
        """
        if read.since is None:
            self._revision = read.revision
            self.hold(read.policies)
        elif read.since != self._revision:
            raise ValueError(f"what is new since {read.since} says little to who knows {self._revision}")
        else:
            self._revision = read.revision
            for service, policy in read.policies.items():
                self._hold(service, policy)
            for service in read.gone:
                self._hold(service, None)
        return Observed(
            policies=self._held,
            down_since_s=read.down_since_s,
            revision=read.revision,
            why=read.why,
            flipped_s=read.flipped_s,
        )

    def hold(self, policies: Mapping[ServiceId, Policy]) -> None:
        """Know that routers hold these policies and no others."""
        for service in [one for one in self._held if one not in policies]:
            self._hold(service, None)
        for service, policy in policies.items():
            if self._held.get(service) is not policy:
                self._hold(service, policy)

    def start(self, wanted: Collection[ServiceId], before: Present | None = None) -> None:
        """Begin anew, with what another knew of routers: `wanted` is every service of which something may be wanted."""
        if before is not None:
            self._held, self._revision = before._held, before._revision
            self._loads, self._plugged = before._loads, before._plugged
        self.differs = {}
        for service in [one for one in self._held if one not in wanted]:
            self.change(service)
        for service in wanted:
            self.change(service)

    def change(self, service: ServiceId) -> None:
        """Look again at what is wanted of a service."""
        self._compare(service, self._held.get(service))

    def _hold(self, service: ServiceId, policy: Policy | None) -> None:
        before = self._held.pop(service, None) if policy is None else self._held.get(service)
        if before is not None:
            self._load(loads_of(before).items(), -1)
            self._unplug(before)
        if policy is not None:
            self._held[service] = policy
            self._load(loads_of(policy).items(), 1)
            self._plug(policy)
        self._compare(service, policy)

    def _compare(self, service: ServiceId, held: Policy | None) -> None:
        want = self._want(service)
        if held is want or held == want:
            self.differs.pop(service, None)
        elif service not in self.differs:
            self.differs[service] = None

    def _load(self, loads: Iterable[tuple[LinkId, int]], sign: int) -> None:
        for link, rate in loads:
            self._loads[link] = self._loads.get(link, 0) + sign * rate

    def _plug(self, policy: Policy) -> None:
        for end in (policy.a, policy.b):
            if end is not None:
                tags = self._plugged.setdefault(end.port, {})
                tags[end.vlan] = (*tags.get(end.vlan, ()), policy.service)

    def _unplug(self, policy: Policy) -> None:
        for end in (policy.a, policy.b):
            if end is not None:
                tags = self._plugged[end.port]
                left = tuple(service for service in tags.pop(end.vlan) if service != policy.service)
                if left:
                    tags[end.vlan] = left
