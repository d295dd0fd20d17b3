"""From a request to an order: every end, figure and time resolved and checked, all findings at once."""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Collection

from highroad.errors import Finding, did_you_mean
from highroad.graph.geo import great_circle_km
from highroad.model.jurisdiction import Fence, is_code
from highroad.model.network import Network, Site
from highroad.model.service import (
    Attachment,
    End,
    Order,
    Port,
    PortId,
    Request,
    ServiceKind,
    TrafficClass,
)
from highroad.model.text import shown, wrong_with
from highroad.model.window import Window
from highroad.planning.ground import VLAN_TAGS, Ground
from highroad.planning.spread import MOST_PATHS
from highroad.planning.when import when
from highroad.planning.wrong import Wrong
from highroad.units import LIGHT_IN_VACUUM_MS_PER_KM, mbps_from_gbps

DESCRIPTION_LIMIT = 500

HOLD_S = (60.0, 900.0)
"""How long capacity may be held for who has not made up its mind."""


def resolve(request: Request, ground: Ground, now_s: float) -> tuple[Order | None, list[Finding]]:
    """The order that a request means, or every reason why it means none. Places are the API's field names."""
    wrong = Wrong()
    a = _port(request, request.a, "from", ground, wrong)
    b = _port(request, request.b, "to", ground, wrong)
    window, notes = when(request, now_s, wrong)
    max_paths = _max_paths(request, wrong)
    _check_rate(request, a, b, wrong)
    if a is not None and b is not None:
        _check_ends(request, ground.network.site[a.site], ground.network.site[b.site], wrong)
    elif request.latency_bound_ms is not None:
        _check_bound(request.latency_bound_ms, wrong)
    fence = _fence(request, ground.network, a, b, wrong)
    wrong.findings.extend(check_description(request.description))
    _check_hold(request, wrong)
    ends = [
        None if port is None or window is None else _attachment(request, end, port, window, place, ground, wrong)
        for end, port, place in ((request.a, a, "from"), (request.b, b, "to"))
    ]
    if wrong.findings or a is None or b is None or window is None or ends[0] is None or ends[1] is None:
        return None, wrong.findings
    return Order(
        tenant=request.tenant,
        a=ends[0],
        b=ends[1],
        a_site=a.site,
        b_site=b.site,
        bandwidth_gbps=request.bandwidth_gbps,
        window=window,
        kind=request.kind,
        traffic_class=request.traffic_class,
        burst_gbps=request.burst_gbps,
        latency_bound_ms=request.latency_bound_ms,
        fence=fence,
        protection=request.protection,
        description=request.description,
        recurrence=request.recurrence,
        max_paths=max_paths,
        autoscale=request.autoscale,
        notes=notes,
    ), []


def check_rate(bandwidth_gbps: float, traffic_class: TrafficClass, port_gbps: float | None) -> list[Finding]:
    """What is wrong with a guaranteed rate, on ports of which the slower has so much."""
    wrong = Wrong()
    scavenger = traffic_class is TrafficClass.SCAVENGER
    _rate(bandwidth_gbps, "bandwidth_gbps", port_gbps, wrong, zero_is_right=scavenger)
    if scavenger and bandwidth_gbps > 0:
        wrong(
            "scavenger-guarantee",
            "bandwidth_gbps",
            "scavenger takes what is left and guarantees 0: ask for bandwidth_gbps 0 and a burst_gbps",
        )
    return wrong.findings


def check_description(description: str) -> list[Finding]:
    """What is wrong with a description."""
    wrong = wrong_with(description, most=DESCRIPTION_LIMIT, empty=True)
    return [Finding(code="description", place="description", message=f"a description {wrong}")] if wrong else []


def _port(request: Request, end: End, place: str, ground: Ground, wrong: Wrong) -> Port | None:
    port = ground.ports.get(PortId(end.at))
    if port is not None and port.tenant == request.tenant:
        return port
    here = [port for port in ground.ports.values() if port.site == end.at and port.tenant == request.tenant]
    if len(here) == 1:
        return here[0]
    if here:
        names = ", ".join(sorted(port.id for port in here))
        wrong("which-port", place, f"you have several ports at {end.at}: name one of {names}")
    elif end.at in ground.network.site:
        own = [port for port in ground.ports.values() if port.tenant == request.tenant]
        wrong("no-port-at-site", place, f"you have no port at {end.at}; you have ports at {_some(own)}")
    else:
        sites = [site.id for site in ground.network.sites]
        wrong(
            "unknown-site",
            place,
            f"there is no site or port {shown(end.at)} that you may use{did_you_mean(end.at, sites)}",
        )
    return None


def _max_paths(request: Request, wrong: Wrong) -> int:
    """How many ways may carry it side by side: frames of one Ethernet service keep their order on one."""
    asked = request.max_paths
    most = MOST_PATHS if request.kind is ServiceKind.IP else 1
    if asked is None:
        return most
    if not 1 <= asked <= MOST_PATHS:
        wrong("max-paths", "max_paths", f"a service goes over 1 to {MOST_PATHS} paths, not {asked}")
    elif asked > most:
        wrong("max-paths", "max_paths", "an ethernet service goes over one path, which keeps its frames in order")
    return asked


def _check_rate(request: Request, a: Port | None, b: Port | None, wrong: Wrong) -> None:
    rates = [port.rate_gbps for port in (a, b) if port is not None]
    slowest = min(rates) if rates else None
    before = len(wrong)
    scavenger = request.traffic_class is TrafficClass.SCAVENGER
    wrong.findings.extend(check_rate(request.bandwidth_gbps, request.traffic_class, slowest))
    burst = request.burst_gbps
    if burst is not None:
        _rate(burst, "burst_gbps", slowest, wrong, zero_is_right=False)
        if len(wrong) == before and burst < request.bandwidth_gbps:
            wrong(
                "burst-below-guarantee",
                "burst_gbps",
                f"a burst of {burst:g} Gbit/s is less than the guarantee of {request.bandwidth_gbps:g}",
            )
    elif scavenger:
        wrong("scavenger-burst", "burst_gbps", "scavenger needs a burst_gbps: it has no guarantee to live on")
    _check_autoscale(request, slowest, wrong)


def _check_autoscale(request: Request, slowest_gbps: float | None, wrong: Wrong) -> None:
    rule, rate_gbps, burst_gbps = request.autoscale, request.bandwidth_gbps, request.burst_gbps
    if rule is None:
        return
    if request.traffic_class is TrafficClass.SCAVENGER:
        wrong(
            "scavenger-autoscale", "autoscale", "scavenger guarantees 0, so there is nothing that could follow a load"
        )
        return
    before = len(wrong)
    floor_gbps, ceiling_gbps = rule.floor_gbps, rule.ceiling_gbps
    _rate(floor_gbps, "autoscale.floor_gbps", slowest_gbps, wrong, zero_is_right=False)
    _rate(ceiling_gbps, "autoscale.ceiling_gbps", slowest_gbps, wrong, zero_is_right=False)
    if len(wrong) > before:
        return
    if floor_gbps > ceiling_gbps:
        message = f"a floor of {floor_gbps:g} Gbit/s is above the ceiling of {ceiling_gbps:g}"
        wrong("floor-above-ceiling", "autoscale.floor_gbps", message)
    elif not floor_gbps <= rate_gbps <= ceiling_gbps:
        message = f"{rate_gbps:g} Gbit/s is not between the floor of {floor_gbps:g} and the ceiling of {ceiling_gbps:g}"
        wrong("rate-outside-rule", "bandwidth_gbps", message)
    if burst_gbps is not None and burst_gbps < ceiling_gbps:
        message = f"a burst of {burst_gbps:g} Gbit/s is less than the ceiling of {ceiling_gbps:g} that it may follow to"
        wrong("burst-below-ceiling", "burst_gbps", message)


def _rate(rate_gbps: float, place: str, most_gbps: float | None, wrong: Wrong, *, zero_is_right: bool) -> None:
    if not math.isfinite(rate_gbps):
        wrong("rate-not-a-number", place, f"a rate is a finite number of Gbit/s, not {rate_gbps}")
    elif rate_gbps < 0 or (rate_gbps == 0 and not zero_is_right):
        wrong("rate-not-positive", place, f"a rate is more than 0 Gbit/s, not {rate_gbps:g}")
    elif most_gbps is not None and rate_gbps > most_gbps:
        wrong("rate-over-port", place, f"{rate_gbps:g} Gbit/s is more than the port's {most_gbps:g}")
    elif rate_gbps > 1e6:
        wrong("rate-too-high", place, f"{rate_gbps:g} Gbit/s is more than any port has")
    elif abs(rate_gbps * 1000 - (steps := mbps_from_gbps(rate_gbps))) > 1e-6 or (steps == 0 and rate_gbps > 0):
        nearest = max(1, steps) / 1000
        wrong("rate-step", place, f"rates are sold in steps of 0.001 Gbit/s: {nearest:g} is the nearest")


def _check_hold(request: Request, wrong: Wrong) -> None:
    least_s, most_s = HOLD_S
    if request.hold_s is not None and not least_s <= request.hold_s <= most_s:
        wrong("hold", "hold_s", f"a hold lasts {least_s:g} to {most_s:g} seconds, not {request.hold_s:g}")


def _check_ends(request: Request, a: Site, b: Site, wrong: Wrong) -> None:
    if a.id == b.id:
        wrong("same-ends", "to", f"both ends are at {a.id}: a service joins two sites")
    bound = request.latency_bound_ms
    if bound is None or not _check_bound(bound, wrong):
        return
    distance_km = great_circle_km(a.lat, a.lon, b.lat, b.lon)
    least_ms = distance_km * LIGHT_IN_VACUUM_MS_PER_KM
    if bound < least_ms:
        wrong(
            "faster-than-light",
            "latency_bound_ms",
            f"{bound:g} ms one way is less than light needs: {a.id} and {b.id} are {distance_km:,.0f} km apart, "
            f"{least_ms:.3f} ms in a vacuum along the straightest way",
        )


def _check_bound(bound_ms: float, wrong: Wrong) -> bool:
    if math.isfinite(bound_ms) and bound_ms > 0:
        return True
    wrong("bound-not-positive", "latency_bound_ms", f"a latency bound is more than 0 ms, not {bound_ms:g}")
    return False


def _fence(request: Request, network: Network, a: Port | None, b: Port | None, wrong: Wrong) -> Fence | None:
    if request.fence is None:
        return None
    before = len(wrong)
    for index, code in enumerate(request.fence):
        if not is_code(code):
            wrong(
                "fence-code",
                f"fence[{index}]",
                f"{shown(code)} is not a jurisdiction: give an ISO 3166 code such as `US` or `US-CO`, or `EU`",
            )
    if len(wrong) != before:
        return None
    fence = Fence(tuple(sorted(set(request.fence))))
    if not any(fence.allows(site.jurisdiction) for site in network.sites):
        countries = ", ".join(sorted({site.jurisdiction.partition("-")[0] for site in network.sites})[:20])
        wrong(
            "fence-empty",
            "fence",
            f"no site is inside the fence ({fence}); the network has sites in {countries}",
        )
        return None
    for port, place in ((a, "from"), (b, "to")):
        if port is not None and not fence.allows(network.site[port.site].jurisdiction):
            wrong(
                "fence-excludes-end",
                "fence",
                f"`{place}` is at {port.site} in {network.site[port.site].jurisdiction}, outside the fence ({fence})",
            )
    return fence


def _attachment(
    request: Request,
    end: End,
    port: Port,
    window: Window,
    place: str,
    ground: Ground,
    wrong: Wrong,
) -> Attachment | None:
    before = len(wrong)
    tags = ground.tags(port.id)
    vlan: int | None = end.vlan
    if end.whole_port:
        if vlan is not None:
            wrong("whole-port-vlan", f"{place}.vlan", "a whole port carries no tag: give one or the other")
        if tags.in_use(window):
            wrong("port-taken", place, f"port {port.id} is in use by another service of yours in that window")
    elif tags.taken(None, window):
        wrong("port-taken", place, f"port {port.id} is taken whole by another service of yours in that window")
    elif vlan is not None and not ground.carries_tags:
        wrong(
            "vlan-not-carried",
            f"{place}.vlan",
            "routers here carry no VLAN tags, an attachment is an interface of its own: leave the tag out",
        )
    elif vlan is None:
        vlan = tags.find(window)
        if vlan is None:
            wrong("no-vlan-left", place, f"every VLAN tag of port {port.id} is in use in that window")
    elif vlan not in VLAN_TAGS:
        wrong("vlan-range", f"{place}.vlan", f"a VLAN tag is from 1 to 4094, not {vlan}")
    elif tags.taken(vlan, window):
        wrong("vlan-taken", f"{place}.vlan", f"VLAN {vlan} of port {port.id} is in use in that window")
    if end.prefixes and request.kind is ServiceKind.ETHERNET:
        wrong("ethernet-prefixes", f"{place}.prefixes", "an ethernet service has no prefixes behind its ends")
    for index, prefix in enumerate(end.prefixes):
        try:
            ipaddress.ip_network(prefix)
        except ValueError as error:
            wrong("prefix", f"{place}.prefixes[{index}]", f"not a prefix such as `10.1.0.0/16`: {error}")
    if len(wrong) != before:
        return None
    return Attachment(port=port.id, vlan=vlan, prefixes=end.prefixes)


def _some(ports: Collection[Port]) -> str:
    names = sorted(port.site for port in ports)
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    return (", ".join(names[:8]) + more) if names else "no site: an operator gives you one with `highroad port add`"
