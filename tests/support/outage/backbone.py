"""A `highroad up` on routers with services to probe: one for every fibre, ordered between the fibre's own ends.

What breaks it is asked of the lab's own daemon, which needs no controller, so that it is broken the same way with the
controller dead.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Collection, Coroutine, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from highroad.formats import detect
from highroad.formats.shipped import network_text
from highroad.lab import run
from highroad.lab.client import LabClient
from highroad.model.network import FibreId, Network, RiskGroupId, SiteId, SiteKind
from highroad.netlink.kernel import Kernel
from tests.chaos.process import Up, everything
from tests.support.outage.probes import Probe

T = TypeVar("T")

NETWORK = "us-lab"
PROBED_GBPS = 10.0
"""Of a probed service: in the lab 1 Mbit/s, of which probes are two thirds, so that none is above it."""

LOAD_GBPS = 1.0
WAIT_TO_RESTORE_S = 0.5
"""What failed is used again soon, so that the next trial may begin."""

PATIENCE_S = 180.0
_OVER = ("TERMINATED", "CANCELLED", "REJECTED")
_SHORTER = 4
"""So many fibres may be on a shorter way than the one that is wanted."""


def network_of(name: str = NETWORK) -> Network:
    """A network that is shipped."""
    network = detect.read(network_text(name)).network
    assert network is not None
    return network


class Loaded:
    """The backbone, up and carrying; `backbone` makes it."""

    def __init__(self, home: Path, network: Network, source: str) -> None:
        """`source` is what `--network` is given: the network's name or file."""
        self.home = home
        self.network = network
        self._source = source
        self.up = self._start()
        self.probed: dict[str, FibreId | None] = {}
        """Services to probe, and the fibre that each was ordered for."""

    def _start(self) -> Up:
        settings = {"HIGHROAD_WAIT_TO_RESTORE_S": f"{WAIT_TO_RESTORE_S:g}"}
        return Up(self.home, "--bare", "--network", self._source, fabric="linux", environment=settings)

    # --- services -----------------------------------------------------------------------------------------

    def order_for(self, fibres: Iterable[FibreId], *, protection: str = "none") -> None:
        """A service between the two ends of each of these fibres, active."""
        self._have_ports()
        wanted = list(fibres)
        for fibre_id in wanted:
            fibre = self.network.fibre[fibre_id]
            self.probed[self._order(fibre.a, fibre.b, PROBED_GBPS, protection)] = fibre_id
        self.settle()
        for fibre_id in wanted:
            if fibre_id not in self.crossing():
                self._lead_over(fibre_id)
        self._leave_to_probes()

    def order_far(self, count: int, seed: int = 2) -> None:
        """So many services to probe across the network, protected where that can be: they pass routers."""
        self._have_ports()
        ends = [site.id for site in self.network.sites if site.kind is not SiteKind.POP]
        pairs = [(a, b) for a in ends for b in ends if a < b]
        random.Random(seed).shuffle(pairs)
        for a, b in pairs[:count]:
            self.probed[self._order(a, b, PROBED_GBPS, "path")] = None
        self.settle()
        self._leave_to_probes()

    def order_load(self, count: int, seed: int = 1) -> int:
        """So many more services between random ends, on which the lab's hosts send by themselves. Returns how many."""
        dice, ends, ordered = random.Random(seed), [site.id for site in self.network.sites], 0
        for _ in range(3 * count):
            if ordered == count:
                break
            a, b = dice.sample(ends, 2)
            body = {"from": a, "to": b, "bandwidth_gbps": LOAD_GBPS}
            ordered += self.up.tenant.post("/v1/services", json=body).status_code == 201
        self.settle()
        return ordered

    def _lead_over(self, fibre_id: FibreId) -> None:
        """Order a service over a fibre that is on nobody's shortest way: while what is shorter is sold out."""
        fibre, fillers = self.network.fibre[fibre_id], list[str]()
        for _ in range(_SHORTER):
            service = self._order(fibre.a, fibre.b, PROBED_GBPS, "none")
            way = self.services()[service]["there"]["links"]
            if any(fibre_id in self.network.link[link].fibres for link in way):
                self.probed[service] = fibre_id
                break
            self._release(service)
            booked = {one["id"]: one["booked_gbps"] for one in self.up.operator.get("/v1/network").json()["links"]}
            both = {*way, *(self.network.opposite[link] for link in way)}
            free_gbps = min(self.network.link[link].capacity_gbps - booked[link] for link in both)
            fillers.append(self._order(fibre.a, fibre.b, free_gbps, "none"))
            self.up.operator.put(f"/v1/lab/loads/{fillers[-1]}", json={"offered_gbps": 0.0}).raise_for_status()
        for filler in fillers:
            self._release(filler)
        self.settle()

    def _release(self, service: str) -> None:
        self.up.tenant.delete(f"/v1/services/{service}").raise_for_status()

    def _leave_to_probes(self) -> None:
        """Let the lab's own hosts send nothing on what is probed."""
        for service in self.probed:
            self.up.operator.put(f"/v1/lab/loads/{service}", json={"offered_gbps": 0.0}).raise_for_status()

    def _order(self, a: SiteId, b: SiteId, gbps: float, protection: str) -> str:
        body = {"from": a, "to": b, "bandwidth_gbps": gbps, "protection": protection}
        answer = self.up.tenant.post("/v1/services", json=body)
        if answer.status_code != 201 and protection != "none":
            answer = self.up.tenant.post("/v1/services", json=body | {"protection": "none"})
        if answer.status_code != 201:
            raise RuntimeError(f"no service from {a} to {b}: {answer.text}")
        return str(answer.json()["id"])

    def _have_ports(self) -> None:
        have = {one["site"] for one in everything(self.up, "/v1/ports")}
        for site in self.network.sites:
            if site.id not in have:
                body = {"tenant": self.up.ready["tenant"], "site": site.id, "rate_gbps": 100_000}
                self.up.operator.post("/v1/ports", json=body).raise_for_status()

    def services(self) -> dict[str, dict[str, Any]]:
        """All services, by id, as the API has them."""
        return {one["id"]: one for one in everything(self.up, "/v1/services")}

    def settle(self, meanwhile: Callable[[], object] = lambda: None) -> None:
        """Wait until every service is active, no incident is open, and nothing is under way back home."""

        until(lambda: not self._open_incidents() and self._is_active(), "the backbone does not settle", meanwhile)

    def _is_active(self) -> bool:
        """Whether all that was ordered and not released is carried."""
        return all(one["state"] == "ACTIVE" for one in self.services().values() if one["state"] not in _OVER)

    def go_home(self, meanwhile: Callable[[], object] = lambda: None) -> None:
        """Wait until services have gone back to what failed; their incidents may still be open for a while."""

        def home() -> bool:
            away = [one for one in self.incidents() if one["open"] and not _returned(one)]
            return not away and self._is_active()

        until(home, "services do not go home", meanwhile)

    def incidents(self) -> list[dict[str, Any]]:
        """The newest incidents, as the API has them."""
        items: list[dict[str, Any]] = self.up.operator.get("/v1/incidents", params={"limit": 20}).json()["items"]
        return items

    def _open_incidents(self) -> bool:
        return any(one["open"] for one in self.incidents())

    def crossing(self) -> dict[FibreId, list[str]]:
        """Which probed services cross each fibre now, the way that they are probed."""
        found: dict[FibreId, list[str]] = {}
        for service, way in self._ways().items():
            for link in way["links"]:
                for fibre in self.network.link[link].fibres:
                    found.setdefault(fibre, []).append(service)
        return found

    def through(self) -> dict[SiteId, list[str]]:
        """Which probed services pass each router, and do not end there."""
        found: dict[SiteId, list[str]] = {}
        for service, way in self._ways().items():
            for site in way["sites"][1:-1]:
                found.setdefault(site, []).append(service)
        return found

    def hops(self) -> dict[str, int]:
        """How many links each probed service crosses, the way that it is probed."""
        return {service: len(way["links"]) for service, way in self._ways().items()}

    def ending(self, site: SiteId) -> frozenset[str]:
        """The probed services that end at a site."""
        known = self.services()
        return frozenset(one for one in self.probed if site in (known[one]["from"]["site"], known[one]["to"]["site"]))

    def protected(self) -> frozenset[str]:
        """The probed services that have another way to fall back on."""
        known = self.services()
        return frozenset(one for one in self.probed if known[one]["protection"] != "none")

    def _ways(self) -> dict[str, dict[str, Any]]:
        """The way of each probed service in the direction in which it is probed."""
        known = self.services()
        ways = {one: known[one]["there" if number % 2 == 0 else "back"] for number, one in enumerate(self.probed)}
        return {service: way for service, way in ways.items() if way is not None}

    def probes(self) -> list[Probe]:
        """Where the hosts of the probed services are, every other one the other way round."""
        info = self.lab(lambda client: client.info())
        ends = {alias: (space, name, own) for space in info.hosts.values() for alias, name, own in wires_in(space)}
        found = []
        for number, service in enumerate(self.probed):
            near, far = (ends[f"{service}.{end}"] for end in ("ab" if number % 2 == 0 else "ba"))
            found.append(
                Probe(
                    name=service,
                    namespace=near[0],
                    interface=near[1],
                    address=near[2],
                    far_namespace=far[0],
                    far_address=far[2],
                )
            )
        return found

    # --- breaking -----------------------------------------------------------------------------------------

    def lab(self, work: Callable[[LabClient], Coroutine[Any, Any, T]]) -> T:
        """Ask the lab itself."""

        async def asked() -> T:
            return await work(await LabClient.connect(self.home / "lab"))

        return asyncio.run(asked())

    def cut(self, what: str, **how: Any) -> None:
        """Cut a fibre or a risk group."""
        if what in self.network.fibre:
            self.lab(lambda client: client.cut(FibreId(what), **how))
        else:
            self.lab(lambda client: client.cut_group(RiskGroupId(what), **how))

    def uncut(self, what: str) -> None:
        """Splice it."""
        if what in self.network.fibre:
            self.lab(lambda client: client.uncut(FibreId(what)))
        else:
            self.lab(lambda client: client.uncut_group(RiskGroupId(what)))

    def kill_router(self, site: SiteId, *, silent: bool = True) -> None:
        """End it."""
        self.lab(lambda client: client.kill_router(site, silent=silent))

    def revive_router(self, site: SiteId) -> None:
        """Start it, and wait until its agent answers."""
        self.lab(lambda client: client.revive_router(site))
        self.lab(lambda client: client.ready())

    def kill_controller(self) -> None:
        """SIGKILL; routers go on."""
        self.up.kill()

    def start_controller(self) -> None:
        """Have it back, and all as it should be."""
        self.up = self._start()
        self.settle()

    def end(self) -> None:
        """Take all of it away."""
        try:
            if self.up.process.poll() is None:
                self.up.stop()
        finally:
            asyncio.run(run.down(self.home / "lab"))


@contextmanager
def backbone(home: Path, network: Network | None = None, source: str = NETWORK) -> Iterator[Loaded]:
    """Up on a home, gone with the context."""
    made = Loaded(home, network or network_of(source), source)
    try:
        yield made
    finally:
        made.end()


def _returned(incident: Mapping[str, Any]) -> bool:
    return any(entry["phase"] == "returned" for entry in incident["timeline"])


def wires_in(namespace: str) -> Iterator[tuple[str, str, str]]:
    """Of every wire of a host: the attachment, the interface, the host's address there."""
    with Kernel(namespace) as kernel:
        owns = {one.index: one.address for one in kernel.addresses() if ":" not in one.address}
        for link in kernel.links(stats=False):
            if link.alias and link.index in owns:
                yield link.alias, link.name, owns[link.index]


def chosen(
    first: Iterable[str], services: Iterable[str], count: int, *, hops: Mapping[str, int], most_hops: int
) -> list[str]:
    """So many services to probe at most: those that are wanted first, as they come, and then those with short ways.

    Together they cross so many links at most, but for the very first of them: each link is work for every packet.
    """
    found: list[str] = []
    for service in dict.fromkeys([*first, *sorted(services, key=lambda one: hops.get(one, 0))]):
        if len(found) < count and (not found or hops.get(service, 0) <= most_hops):
            found.append(service)
            most_hops -= hops.get(service, 0)
    return found


def busiest(crossing: Mapping[T, Collection[str]]) -> list[T]:
    """Those that something crosses, in the order of how much does."""
    return [one for one, _ in Counter({place: len(some) for place, some in crossing.items()}).most_common()]


def until(true: Callable[[], Any], otherwise: str, meanwhile: Callable[[], object] = lambda: None) -> Any:
    """Wait for it, and do something now and then."""
    give_up = time.monotonic() + PATIENCE_S
    while not (found := true()):
        if time.monotonic() > give_up:
            raise RuntimeError(otherwise)
        time.sleep(0.05)
        meanwhile()
    return found


def end_in_order() -> None:
    """Let SIGTERM end this process as an error would, so that what it started is taken away."""

    def ended(*_: object) -> None:
        raise SystemExit(1)

    signal.signal(signal.SIGTERM, ended)


def busy(processors: int = 0) -> list[int]:
    """Keep every processor busy with work that never waits: the numbers of the processes, to be ended with `idle`."""
    pids = []
    for _ in range(processors or os.cpu_count() or 1):
        pid = os.fork()
        if not pid:
            while True:
                pass
        pids.append(pid)
    return pids


def idle(pids: Iterable[int]) -> None:
    """End them."""
    for pid in pids:
        os.kill(pid, 9)
        os.waitpid(pid, 0)
