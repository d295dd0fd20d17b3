"""Steers what the controller says into the kernel: compares, changes what differs, and puts back what went missing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

from highroad.agent import dump
from highroad.agent.base import CUSTOMER_CONTROLS, ETHERNET_CONTROLS, prepare, set_controls, things_of_base
from highroad.agent.check import findings_of
from highroad.agent.config import AgentConfig
from highroad.agent.kernelstate import Key, PortState, State, Thing, Tunnel, state_of
from highroad.agent.numbers import LOOP_IN, LOOP_OUT, SHAPER
from highroad.agent.transaction import Step, execute
from highroad.agent.wanted import Devices, interface_of, things_of
from highroad.errors import Finding, Unavailable
from highroad.gnmi.router import Intended, Policy
from highroad.netlink.address import Address
from highroad.netlink.kernel import Kernel
from highroad.netlink.link import Link
from highroad.netlink.offload import make_plain

NOTHING = Intended()


class Steering:
    """The kernel of one router. Blocking, and for one thread at a time.

    `step` is called before each step of a change with its name: a test kills the process there. `known` are the
    interfaces by name, where somebody listens to what becomes of them; without, the kernel is asked each time.
    """

    def __init__(
        self,
        kernel: Kernel,
        config: AgentConfig,
        step: Step = lambda _: None,
        *,
        known: Callable[[], Mapping[str, Link]] | None = None,
    ) -> None:
        self._kernel = kernel
        self._config = config
        self._step = step
        self._known = known
        self._links: Mapping[str, Link] = MappingProxyType({})

    def start(self) -> None:
        """Make this host a router, without touching what it carries. Raises Unavailable with what is missing."""
        prepare(self._kernel, self._config)

    def check(self, intended: Intended, before: Intended | None = None) -> list[Finding]:
        """Everything that is wrong with what the router is to be told, but for what is as it was `before`."""
        return findings_of(self._config, intended, self._seen(), before)

    def apply(self, old: Intended, new: Intended) -> int:
        """Go from what was applied before to something else, all or nothing; returns the messages that it took.

        Raises Unavailable, and then nothing has changed.
        """
        touched = frozenset(_changed(old, new))
        if not touched:
            return 0
        devices = self._devices(self._seen())
        want = self._want(new, touched, devices)
        tunnels = {key: thing for key, thing in want.items() if isinstance(thing, Tunnel)}
        have = state_of(things_of(self._config, devices, old, touched.__contains__))
        if any(key in have and have[key] != thing for key, thing in tunnels.items()):
            return self._move(old, new)
        made = {key: thing for key, thing in tunnels.items() if key not in have}
        if made:
            # A tunnel has a number only once it is there, and what hangs on it needs the number.
            execute(self._kernel, {}, made, self._step)
            have |= made
            devices = self._devices()
            want = self._want(new, touched, devices)
        self._control(have, want, devices)
        try:
            return execute(self._kernel, have, want, self._step)
        except Unavailable:
            if made:
                execute(self._kernel, made, {})
            raise

    def _move(self, old: Intended, new: Intended) -> int:
        """With Ethernet services whose far end is another: a tunnel cannot be turned, so they are down in between."""
        moved = {
            service
            for service, policy in new.policies.items()
            if (was := old.policies.get(service)) is not None and _far_end(was) != _far_end(policy)
        }
        kept = {service: policy for service, policy in old.policies.items() if service not in moved}
        between = Intended(attachments=old.attachments, policies=kept)
        messages = self.apply(old, between)
        try:
            return messages + self.apply(between, new)
        except Unavailable:
            self.apply(between, old)
            raise

    def converge(self, intended: Intended) -> int:
        """Compare what the kernel holds with what it is to hold, and mend the difference; returns the messages that
        took: 0 where all was right. Raises Unavailable.
        """
        prepare(self._kernel, self._config)
        messages = 0
        while True:
            devices = self._devices()
            want = state_of([*things_of_base(self._config, devices), *things_of(self._config, devices, intended)])
            have = dump.read(self._kernel, self._links.values(), self._core(), self._customer(intended))
            missing = {key: thing for key, thing in want.items() if isinstance(thing, Tunnel) and key not in have}
            if not missing:
                break
            messages += execute(self._kernel, {}, missing, self._step)
        have = {key: thing for key, thing in have.items() if not self._is_elsewhere(key, thing, want)}
        have |= state_of(self._idle(intended))
        self._control({}, want, devices)
        return messages + execute(self._kernel, have, want, self._step)

    # --- what is there ----------------------------------------------------------------------------------------

    def _seen(self) -> Mapping[str, Link]:
        """The interfaces, as somebody heard of them, or as the kernel has them."""
        return self._look() if self._known is None else self._known()

    def _look(self) -> Mapping[str, Link]:
        self._links = {one.name: one for one in self._kernel.links(stats=False)}
        return self._links

    def _devices(self, links: Mapping[str, Link] | None = None) -> Devices:
        if links is None:
            links = self._look()
        for name in (LOOP_OUT, LOOP_IN, SHAPER):
            if name not in links:
                raise Unavailable(f"the device {name} is not there: the agent makes it when it starts")
        return Devices(
            loop_out=links[LOOP_OUT].index,
            loop_in=links[LOOP_IN].index,
            shaper=links[SHAPER].index,
            named={name: link.index for name, link in links.items()},
        )

    def _want(self, intended: Intended, touched: frozenset[str], devices: Devices) -> dict[Key, Thing]:
        return state_of(things_of(self._config, devices, intended, touched.__contains__))

    def _control(self, have: State, want: State, devices: Devices) -> None:
        """System controls of interfaces that come into use, before anything can be received on them."""
        had, has = _addressed(have), _addressed(want)
        names = {index: name for name, index in devices.named.items()}
        tunnels = {thing.name for thing in want.values() if isinstance(thing, Tunnel)}
        for key, thing in want.items():
            if isinstance(thing, PortState) and (key not in have or (thing.dev in had) is not (thing.dev in has)):
                name = names[thing.dev]
                set_controls(CUSTOMER_CONTROLS if thing.dev in has else ETHERNET_CONTROLS, name)
                if name in tunnels:
                    _make_plain(name)

    def _core(self) -> frozenset[str]:
        return frozenset(port.interface for port in self._config.core_ports)

    def _customer(self, intended: Intended) -> frozenset[str]:
        named = (interface_of(self._config, one) for one in intended.attachments.values())
        return frozenset(name for name in named if name is not None)

    def _idle(self, intended: Intended) -> Iterable[PortState]:
        """Customers' ports by the agent's file that are up and have no service, nor one of their tags has: to be down,
        since no gate is there.
        """
        busy, named = {one.port for one in intended.attachments.values()}, self._customer(intended)
        for port, name in self._config.customer_ports.items():
            link = self._links.get(name)
            if port not in busy and name not in named and link is not None and link.up:
                yield PortState(dev=link.index, mtu=link.mtu)

    def _is_elsewhere(self, key: Key, thing: Thing, want: State) -> bool:
        """An address of a core port that an operator gave it besides: not ours to take away."""
        if not isinstance(thing, Address) or key in want:
            return False
        core = {self._links[name].index for name in self._core() if name in self._links}
        return thing.index in core


def _far_end(policy: Policy) -> tuple[int, int]:
    return policy.remote_node, policy.remote_function


def _addressed(state: State) -> frozenset[int]:
    """The interfaces that have addresses of ours: those of `ip` services."""
    return frozenset(thing.index for thing in state.values() if isinstance(thing, Address))


def _make_plain(interface: str) -> None:
    try:
        make_plain(interface)
    except OSError as error:
        raise Unavailable(f"{interface} cannot be told to leave packets as they are: {error.strerror}") from error


def _changed(old: Intended, new: Intended) -> Iterable[str]:
    """The attachments that differ, or whose policy does."""
    for attachment_id in {**old.attachments, **new.attachments}:
        had, has = old.attachments.get(attachment_id), new.attachments.get(attachment_id)
        if had is not has and had != has:
            yield attachment_id
    for service in {**old.policies, **new.policies}:
        before, after = old.policies.get(service), new.policies.get(service)
        if before is not after and before != after:
            yield from (policy.attachment for policy in (before, after) if policy is not None)
