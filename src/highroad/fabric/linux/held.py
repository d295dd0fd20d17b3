"""What routers hold, as each last said it: halves by service, and the policies that they make."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping

from highroad.fabric.linux.compile import Half, number_of, policy_of, service_of
from highroad.fabric.trail import Trail
from highroad.gnmi.router import Intended
from highroad.model.network import FibreId, LinkId, SiteId
from highroad.model.policy import Policy
from highroad.model.service import ServiceId
from highroad.ports import Down, Observed

NOTHING = Half(attachment=None, policy=None)


class Held:
    """A mirror of every router's configuration. Policies are made anew only where something changed."""

    def __init__(self) -> None:
        self._halves: dict[ServiceId, dict[SiteId, Half]] = {}
        self._at: dict[SiteId, set[ServiceId]] = {}
        self._policies: dict[ServiceId, Policy] = {}
        self._stale: set[ServiceId] = set()
        self._heads: dict[LinkId, Counter[SiteId]] = {}
        """By link, how many policies of each router cross it that have another path."""
        self._trail = Trail()

    def half(self, site: SiteId, service: ServiceId) -> Half:
        """What one router holds of a service."""
        return self._halves.get(service, {}).get(site, NOTHING)

    def halves(self, service: ServiceId) -> Mapping[SiteId, Half]:
        """What routers hold of a service."""
        return self._halves.get(service, {})

    def services(self) -> Collection[ServiceId]:
        """Every service of which there is something."""
        return self._halves.keys()

    @property
    def attachments(self) -> frozenset[str]:
        """The names of all attachments that there are."""
        return frozenset(half.attachment.id for _, half in self._all() if half.attachment is not None)

    def policies(self) -> dict[ServiceId, Policy]:
        """What routers carry, a damaged service with a policy that nobody wants."""
        self._freshen()
        return dict(self._policies)

    def read(
        self,
        down_since_s: Mapping[FibreId, float],
        since: int | None,
        why: Mapping[FibreId, Down] | None = None,
        flipped_s: Mapping[ServiceId, float] | None = None,
    ) -> Observed:
        """What routers carry, all of it or what is new, with the fibres that are dark."""
        self._freshen()
        return self._trail.read(self._policies, down_since_s, since, why, flipped_s)

    def policy(self, service: ServiceId) -> Policy | None:
        """What routers carry of a service."""
        if service in self._stale:
            self._freshen()
        return self._policies.get(service)

    def _freshen(self) -> None:
        for service in self._stale:
            made = policy_of(service, self._halves.get(service, {}))
            if self._policies.get(service) == made:
                continue
            self._trail.mark(service)
            if made is None:
                del self._policies[service]
            else:
                self._policies[service] = made
        self._stale.clear()

    def know(self, policy: Policy) -> bool:
        """Whether routers hold exactly this; then it is the value that `policies` gives, quick to compare with."""
        if self.policy(policy.service) != policy:
            return False
        self._policies[policy.service] = policy
        return True

    def put(self, site: SiteId, service: ServiceId, half: Half) -> bool:
        """A router holds this of a service now. Returns whether that is news."""
        if self.half(site, service) == half:
            return False
        self._cross(site, self.half(site, service), -1)
        self._cross(site, half, 1)
        here, at = self._halves.setdefault(service, {}), self._at.setdefault(site, set())
        if half == NOTHING:
            here.pop(site, None)
            at.discard(service)
            if not here:
                del self._halves[service]
        else:
            here[site] = half
            at.add(service)
        self._stale.add(service)
        return True

    def put_all(self, site: SiteId, intended: Intended) -> bool:
        """A router holds this and nothing else. Returns whether that is news."""
        attachments = {service_of(one.id): one for one in intended.attachments.values()}
        policies = {ServiceId(one.service): one for one in intended.policies.values()}
        services = self._at.get(site, set()) | attachments.keys() | policies.keys()
        news = False
        for service in services:
            half = Half(attachment=attachments.get(service), policy=policies.get(service))
            news |= self.put(site, service, half)
        return news

    def heads_over(self, link: LinkId) -> Collection[SiteId]:
        """The routers that hold policies which cross a link, and have another path."""
        return self._heads.get(link, {}).keys()

    def struck(self, site: SiteId, links: Collection[LinkId]) -> frozenset[tuple[str, int]]:
        """The candidate paths of a router that cross any of some links, by service and preference, of policies that
        have another.
        """
        over = frozenset(links)
        return frozenset(
            (policy.service, path.preference)
            for service in self._at.get(site, ())
            if (policy := self.half(site, service).policy) is not None and len(policy.candidate_paths) > 1
            for path in policy.candidate_paths
            if any(not over.isdisjoint(segments.links) for segments in path.segment_lists)
        )

    def _cross(self, site: SiteId, half: Half, more: int) -> None:
        if half.policy is None or len(half.policy.candidate_paths) == 1:
            return
        for link in {
            link for path in half.policy.candidate_paths for segments in path.segment_lists for link in segments.links
        }:
            heads = self._heads.setdefault(LinkId(link), Counter())
            heads[site] += more
            if not heads[site]:
                del heads[site]

    def numbers(self, nodes: Mapping[SiteId, int]) -> dict[SiteId, set[int]]:
        """The attachment numbers in use at each router: what it holds itself, and what others still lead to.

        A number whose attachment is gone, and to which a router that did not answer still sends, must not become
        another customer's.
        """
        site_of = {node: site for site, node in nodes.items()}
        used: dict[SiteId, set[int]] = {site: set() for site in nodes}
        for site, half in self._all():
            if half.attachment is not None:
                used.setdefault(site, set()).add(number_of(half.attachment.function))
            if half.policy is not None and (far := site_of.get(half.policy.remote_node)) is not None:
                used[far].add(number_of(half.policy.remote_function))
        return used

    def _all(self) -> Iterator[tuple[SiteId, Half]]:
        for halves in self._halves.values():
            yield from halves.items()
