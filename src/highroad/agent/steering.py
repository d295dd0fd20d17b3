"""Steers what the controller says into the kernel: compares, changes what differs, and puts back what went missing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from highroad.agent import dump
from highroad.agent.base import CUSTOMER_CONTROLS, ETHERNET_CONTROLS, prepare, set_controls, things_of_base
from highroad.agent.check import findings_of
from highroad.agent.config import AgentConfig
from highroad.agent.kernelstate import Key, PortState, State, Thing, Tunnel, state_of
from highroad.agent.numbers import LOOP_IN, LOOP_OUT, SHAPER
from highroad.agent.repair import things_of_protections
from highroad.agent.selection import NOTHING as NOTHING_KNOWN
from highroad.agent.selection import Known, chosen, preferred
from highroad.agent.transaction import Step, execute
from highroad.agent.wanted import Devices, Used, groups_of, interface_of, lent, things_of
from highroad.errors import Finding, Unavailable
from highroad.gnmi.router import Attachment, CandidatePath, Intended, Policy
from highroad.netlink import nexthop
from highroad.netlink.address import Address
from highroad.netlink.kernel import Kernel
from highroad.netlink.link import Link
from highroad.netlink.message import Message
from highroad.netlink.nexthop import Nexthop, NexthopGroup
from highroad.netlink.offload import make_plain

NOTHING = Intended()


class Steering:
    """The kernel of one router. Blocking, and for one thread at a time; `flip` may be called by another.

    `step` is called before each step of a change with its name: a test kills the process there. `known` are the
    interfaces by name, where somebody listens to what becomes of them; without, the kernel is asked each time. `paths`
    is what is known of paths: by it one of a policy's candidate paths is in use.
    """

    def __init__(
        self,
        kernel: Kernel,
        config: AgentConfig,
        step: Step = lambda _: None,
        *,
        known: Callable[[], Mapping[str, Link]] | None = None,
        paths: Callable[[], Known] = lambda: NOTHING_KNOWN,
    ) -> None:
        self._kernel = kernel
        self._config = config
        self._step = step
        self._known = known
        self._paths = paths
        self._entering = threading.RLock()
        self._applied = NOTHING
        self._flipped: dict[str, int] = {}
        self._lent: dict[str, CandidatePath] = {}
        """Of services that have just flipped, the path that their groups point at still: its nexthop leads along the
        one in use.
        """
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
        touched = _Touched(attachments=frozenset(_changed(old, new)), protections=_reprotected(old, new))
        if not touched:
            return 0
        with self._entering:
            self._follow_all(self._kernel)
            return self._apply(old, new, touched)

    def _apply(self, old: Intended, new: Intended, touched: _Touched) -> int:
        used = self._by(self._paths())
        devices = self._devices(self._seen())
        want = self._want(new, touched, devices, used)
        tunnels = {key: thing for key, thing in want.items() if isinstance(thing, Tunnel)}
        have = self._want(old, touched, devices, self.in_use)
        if any(key in have and have[key] != thing for key, thing in tunnels.items()):
            return self._move(old, new)
        made = {key: thing for key, thing in tunnels.items() if key not in have}
        if made:
            # A tunnel has a number only once it is there, and what hangs on it needs the number.
            execute(self._kernel, {}, made, self._step)
            have |= made
            devices = self._devices()
            want = self._want(new, touched, devices, used)
        self._control(have, want, devices)
        try:
            messages = execute(self._kernel, have, want, self._step)
        except Unavailable:
            if made:
                execute(self._kernel, made, {})
            raise
        gone = [service for service in self._flipped if service not in new.policies]
        touching = [policy for policy in new.policies.values() if policy.attachment in touched.attachments]
        self._now_in_use(new, touching, used, gone)
        return messages

    def _move(self, old: Intended, new: Intended) -> int:
        """With Ethernet services whose far end is another: a tunnel cannot be turned, so they are down in between."""
        moved = {
            service
            for service, policy in new.policies.items()
            if (was := old.policies.get(service)) is not None and _far_end(was) != _far_end(policy)
        }
        kept = {service: policy for service, policy in old.policies.items() if service not in moved}
        between = replace(old, policies=kept)
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
        with self._entering:
            self._follow_all(self._kernel)
        while True:
            devices = self._devices()
            known = self._paths()
            want = self._all(intended, devices, self._by(known))
            have = dump.read(self._kernel, self._links.values(), self._core(), self._customer(intended))
            missing = {key: thing for key, thing in want.items() if isinstance(thing, Tunnel) and key not in have}
            if not missing:
                break
            messages += execute(self._kernel, {}, missing, self._step)
        have = {key: thing for key, thing in have.items() if not self._is_elsewhere(key, thing, want)}
        have |= state_of(self._idle(intended))
        self._control({}, want, devices)
        with self._entering:
            # What was flipped while the kernel was read is not flipped back.
            self._follow_all(self._kernel)
            if self._paths() is not known:
                known = self._paths()
                want |= self._groups(intended, want, self._by(known))
            used = self._by(known)
            messages += execute(self._kernel, have, want, self._step)
            self._now_in_use(intended, intended.policies.values(), used, self._flipped)
        return messages

    # --- which candidate path is in use -----------------------------------------------------------------------

    def in_use(self, policy: Policy) -> CandidatePath:
        """The candidate path that the kernel uses of a policy that was applied."""
        first = preferred(policy)
        number = self._flipped.get(policy.service, first.preference)
        return next((one for one in policy.candidate_paths if one.preference == number), first)

    @property
    def flipped(self) -> Mapping[str, int]:
        """The services of which another path is in use than that with the highest preference, and which."""
        return dict(self._flipped)

    def adopt(self, intended: Intended) -> Mapping[str, CandidatePath]:
        """Find out which paths are in use after a start: an agent before this one may have known why. Returns those
        that are not of the highest preference, by service.
        """
        found: dict[str, CandidatePath] = {}
        held = {one.id: one for one in self._kernel.nexthops()}
        with self._entering:
            self._applied, self._lent = intended, {}
            for attachment, policy in _steered(intended):
                for base in policy.candidate_paths if len(policy.candidate_paths) > 1 else ():
                    groups = list(groups_of(self._config, attachment, policy, base))
                    if any(held.get(one.id) != one for one in groups):
                        continue
                    path = self._led(attachment, policy, base, held)
                    if path is not base:
                        self._lent[policy.service] = base
                    if path is not preferred(policy):
                        found[policy.service] = path
            self._flipped = {service: path.preference for service, path in found.items()}
        return found

    def _led(
        self, attachment: Attachment, policy: Policy, base: CandidatePath, held: Mapping[int, Nexthop | NexthopGroup]
    ) -> CandidatePath:
        """Along which path the nexthops of one lead: an agent that ended in the middle of a flip has lent them."""
        dev = self._loop()
        for path in policy.candidate_paths if dev is not None else ():
            nexthops = lent(self._config, dev or 0, attachment, policy, base, path)
            if path is not base and nexthops and all(held.get(one.id) == one for one in nexthops):
                return path
        return base

    def flip(self, kernel: Kernel, *, wait: bool = True) -> bool | None:
        """Have every policy use the path that it is to, by what is known of paths: one message for all of them, by a
        socket of the caller's. Returns False where the kernel did not take some of it, which a comparison will mend;
        None, and nothing is done, where it is not to `wait` for who changes policies just now. Where `is_lent` says
        so, `follow` has to be called after a while.
        """
        if not self._entering.acquire(blocking=wait):
            return None
        try:
            known = self._paths()
            links, dev = self._seen(), self._loop()
            messages: list[Message] = []
            moved: list[_Moved] = []
            several = [one for one in _steered(self._applied) if len(one[1].candidate_paths) > 1]
            # The kernel takes its time for each: who cannot wait goes first.
            for attachment, policy in sorted(several, key=lambda one: one[1].traffic_class.rank):
                path = chosen(policy, known).path
                if path is self.in_use(policy) or interface_of(self._config, attachment) not in links:
                    continue
                base = self._lent.get(policy.service) or self.in_use(policy)
                things: list[Nexthop | NexthopGroup] = []
                if dev is not None:
                    things += lent(self._config, dev, attachment, policy, base, path)
                if not things:
                    things += groups_of(self._config, attachment, policy, path)
                    if dev is not None and policy.service in self._lent:
                        things += lent(self._config, dev, attachment, policy, base, base)
                    base = path
                moved.append(_Moved(policy, base, path, slice(len(messages), len(messages) + len(things))))
                messages += [nexthop.replace(one) for one in things]
            answers = _all_tried(kernel, messages)
            for one in moved:
                if not any(answers[one.answers]):
                    self._note(one)
            return not any(answers)
        finally:
            self._entering.release()

    def _note(self, one: _Moved) -> None:
        """The kernel has it."""
        service = one.policy.service
        self._flipped.pop(service, None)
        if one.path is not preferred(one.policy):
            self._flipped[service] = one.path.preference
        self._lent.pop(service, None)
        if one.path is not one.base:
            self._lent[service] = one.base

    @property
    def is_lent(self) -> bool:
        """Whether nexthops lead elsewhere than they are named for, after a flip."""
        return bool(self._lent)

    def follow(self, kernel: Kernel) -> bool:
        """Have the groups of one service that has flipped point at the path in use; give back what was lent. Returns
        False where the kernel did not take it, which a comparison will mend.

        No packet notices. It is done afterwards, a little at a time: the kernel keeps everybody waiting meanwhile.
        """
        with self._entering:
            return not any(self._follow(kernel, next(iter(self._lent)))) if self._lent else True

    def _follow_all(self, kernel: Kernel) -> None:
        while self._lent:
            self._follow(kernel, next(iter(self._lent)))

    def _follow(self, kernel: Kernel, service: str) -> Sequence[object]:
        base, dev = self._lent.pop(service), self._loop()
        policy = self._applied.policies.get(service)
        attachment = None if policy is None else self._applied.attachments.get(policy.attachment)
        if policy is None or attachment is None or dev is None:
            return ()
        groups = groups_of(self._config, attachment, policy, self.in_use(policy))
        answers = _all_tried(kernel, [nexthop.replace(one) for one in groups])
        if any(answers):
            return answers  # what still points there would lead along the path that was left
        own = lent(self._config, dev, attachment, policy, base, base)
        return _all_tried(kernel, [nexthop.replace(one) for one in own])

    def _loop(self) -> int | None:
        """The device that nexthops leave by."""
        link = self._seen().get(LOOP_OUT)
        return None if link is None else link.index

    def _by(self, known: Known) -> Used:
        return lambda policy: chosen(policy, known).path

    def _now_in_use(self, applied: Intended, policies: Iterable[Policy], used: Used, gone: Iterable[str]) -> None:
        """What was just applied, with these policies by these paths."""
        flipped = {service: number for service, number in self._flipped.items() if service not in gone}
        for policy in policies:
            path = used(policy)
            flipped.pop(policy.service, None)
            if path is not preferred(policy):
                flipped[policy.service] = path.preference
        self._applied, self._flipped = applied, flipped

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

    def _want(self, intended: Intended, touched: _Touched, devices: Devices, used: Used) -> dict[Key, Thing]:
        return state_of(
            [
                *things_of(self._config, devices, intended, touched.attachments.__contains__, used),
                *things_of_protections(self._config, devices, intended.protections, touched.protections),
            ]
        )

    def _all(self, intended: Intended, devices: Devices, used: Used) -> dict[Key, Thing]:
        return state_of(
            [
                *things_of_base(self._config, devices),
                *things_of(self._config, devices, intended, used=used),
                *things_of_protections(self._config, devices, intended.protections),
            ]
        )

    def _groups(self, intended: Intended, there: State, used: Used) -> dict[Key, Thing]:
        """The groups of all policies by the paths in use, of those that are there."""
        groups: dict[Key, Thing] = {}
        for attachment, policy in _steered(intended):
            groups |= state_of(groups_of(self._config, attachment, policy, used(policy)))
        return {key: group for key, group in groups.items() if key in there}

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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Touched:
    """What a change is about: attachments with their policies, protected SIDs."""

    attachments: frozenset[str]
    protections: frozenset[int]

    def __bool__(self) -> bool:
        return bool(self.attachments or self.protections)


@dataclass(frozen=True, slots=True)
class _Moved:
    """A policy that flips to a path while its groups point at `base`, and which of the kernel's answers are of that."""

    policy: Policy
    base: CandidatePath
    path: CandidatePath
    answers: slice


def _all_tried(kernel: Kernel, messages: Sequence[Message]) -> list[object]:
    answers: list[object] = []
    for at in range(0, len(messages), kernel.limit):
        answers += kernel.try_all(messages[at : at + kernel.limit])
    return answers


def _steered(intended: Intended) -> Iterable[tuple[Attachment, Policy]]:
    """The policies, each with its attachment."""
    for policy in intended.policies.values():
        if (attachment := intended.attachments.get(policy.attachment)) is not None:
            yield attachment, policy


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


def _reprotected(old: Intended, new: Intended) -> frozenset[int]:
    """The protected SIDs that differ."""
    if old.protections is new.protections:
        return frozenset()
    had, has = old.protections, new.protections
    return frozenset(function for function in {**had, **has} if had.get(function) != has.get(function))
