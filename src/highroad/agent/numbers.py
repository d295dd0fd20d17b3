"""Every number and name that the agent uses inside the kernel, in one place: marks, tables, ids, classes, devices.

They are functions of the attachment's number, so that a restart finds what it made without a memory of its own.
"""

from __future__ import annotations

import zlib

from highroad.gnmi.router import ATTACHMENT_FUNCTIONS
from highroad.model.service import TrafficClass

PROTOCOL = 72
"""Of everything of ours in the kernel (rtm_protocol, nh_protocol, FRA_PROTOCOL, IFA_PROTO): not in rt_protos of
iproute2, so nobody else's."""

LOOP_OUT, LOOP_IN = "hr-out", "hr-in"
"""A veth pair inside the router: what the router sends to a SID of its own goes out and comes in again, since
seg6local acts on what comes in only."""

SHAPER = "hr-shape"
"""The ifb through which everything passes that customers send over `ip` services, a class each."""

LOOP_MAC = "02:48:72:00:00:01"
"""Of both ends of the pair, so that frames reach the other end without neighbour discovery."""

LOOP_MTU = 16000
"""Of the pair: more than any core port has."""

# --- marks: set at the gate of an attachment, kept until the packet leaves the router ------------------------

MARK_ATTACHMENT = 0x0000_FFFF
"""The attachment's number."""
MARK_LIST = 0x000F_0000
"""Which of the policy's segment lists the flow is pinned to."""
MARK_CLASS = 0x0070_0000
"""The traffic class, from 1; 0 where nothing was classified."""
MARK_TOO_BIG = 0x0080_0000
"""Larger than the path takes, or without a hop left: to be answered with an ICMP error."""
MARK_GATE = 0x0100_0000
"""Came through a gate of ours."""

MARK_EXCESS = 0x0200_0000
"""Above the guarantee: it goes where there is room, and never before what is guaranteed to somebody."""

MARK_SILENT = 0x0400_0000
"""Nothing is said of it."""

MARK_SID = 0x0800_0000
"""Came in by a core port, for a SID of a link or an attachment."""

MOST_LISTS = 14
"""The last two of the sixteen numbers that a service's classes have are of what its customer says to us."""

# --- policy routing: rules by preference ---------------------------------------------------------------------

PREF_SID, PREF_SILENT, PREF_HOP = 1, 2, 3
"""What is for a SID, and what leaves one (or is encapsulated here, for a protected SID of our own). In between: nothing
is said of some, whoever it would be said to."""
PREF_CORE_LOCAL, PREF_CORE_MAIN = 4, 5
"""Transit, which never walks the rules of tenants."""
PREF_ENTRY = 6
"""What was encapsulated here goes to our own first SID."""
PREF_TOO_BIG, PREF_LIST, PREF_TENANT = 900, 950, 1000
"""What came from an attachment, through its gate."""
PREF_CLOSED, PREF_CLOSED_PORT = 1100, 1101
"""What did not come through a gate goes nowhere: from an attachment, from a port that has none."""
PREF_FRAGMENT, PREF_FRAGMENT_CLOSED = 2000, 2001
"""What was cut to the size of its path comes in again by the loop; nothing else of a customer's does, but for SIDs."""
PREF_LOOP_LOCAL, PREF_LOOP_MAIN = 2010, 2011
"""What came in by the loop."""
PREF_TO_SELF, PREF_REFLECTED = 2020, 2021
"""Answers of ours to a tenant (ICMP errors), which carry the mark of what they answer: not to ourselves."""
PREF_LEFT_OVER = 2022
"""A customer's that no rule before was for: what waited in a queue while its attachment was withdrawn."""
PREF_SELF_LOCAL, PREF_SELF_MAIN = 2030, 2031
"""What the router itself sends."""
PREF_LOCAL = 30000
"""Where the rule for `local` is that the kernel has at 0: below every tenant."""

METRIC_SILENT, METRIC_LINK, METRIC_DETOUR = 50, 100, 200
"""Of the three routes that a protected SID may have: along its detour, put there by the watcher on a silent loss; over
its link; and along its detour again, which the kernel takes by itself when light is lost.
"""

PROTOCOL_WATCHER = 73
"""Of the routes that the watcher puts there and takes away: the agent neither compares nor touches them."""

TABLE_MAIN, TABLE_LOCAL = 254, 255
TABLE_HOPS = _TABLES = 0x0048_0000
"""Where SIDs send their packets: neighbours and customers' edges, each its own gateway. A way without a gateway the
kernel makes anew, and throws away, for each packet.
"""
_LIST_TOO_BIG = 15

# --- classes -------------------------------------------------------------------------------------------------

DSCP = {
    TrafficClass.INTERACTIVE: 46,
    TrafficClass.ASSURED: 34,
    TrafficClass.BULK: 10,
    TrafficClass.SCAVENGER: 1,
}
"""Outer DSCP by class: EF (RFC 3246), AF41, AF11 (RFC 2597), LE (RFC 8622)."""

EXCESS_DSCP = {
    TrafficClass.INTERACTIVE: 40,
    TrafficClass.ASSURED: 36,
    TrafficClass.BULK: 12,
}
"""Of what is above a guarantee: CS5, AF42, AF12. A scavenger has no guarantee, and is last in any case."""

DSCP_CONTROL = 48
"""CS6, what routers say to each other (RFC 4594)."""

CORE_CLASSES: dict[TrafficClass | None, int] = {None: 0x10} | {one: 0x20 + one.rank for one in TrafficClass}
"""The HTB class of each traffic class on a core port; None is what routers say to each other."""

EXCESS_CLASSES = {one: 0x30 + one.rank for one in EXCESS_DSCP}
"""The HTB class of what is above a guarantee."""


def number_of(function: int) -> int:
    """An attachment's number, from 1, by its (even) function."""
    return ATTACHMENT_FUNCTIONS.index(function) + 1


def mark_class(traffic_class: TrafficClass) -> int:
    """The class bits of a mark."""
    return (traffic_class.rank + 1) << 20


def mark(number: int, list_index: int = 0) -> int:
    """What a gate writes on a packet, but for its class."""
    return MARK_GATE | number | list_index << 16


def table(number: int, list_index: int = 0) -> int:
    """The routing table of an attachment, and of each further list of its policy."""
    return _TABLES | list_index << 11 | number


def too_big_table(number: int) -> int:
    """The table in which the prefixes of an attachment's policy have the size of its path."""
    return table(number, _LIST_TOO_BIG)


def group_id(number: int, list_index: int, *, ipv6: bool) -> int:
    """The nexthop group that routes of one family point at: what a reroute flips."""
    return 0x4800_0000 | list_index << 12 | number << 1 | ipv6


def nexthop_id(number: int, *, ipv6: bool, content: str) -> int:
    """The id of a nexthop, by what it does: another segment list is another nexthop, built beside the old."""
    return 0x5000_0000 | number << 17 | ipv6 << 16 | zlib.crc32(content.encode()) & 0xFFFF


def detour_id(function: int) -> int:
    """The nexthop that leads along the detour of a protected SID, whatever the detour is."""
    return 0x5800_0000 | function


def class_minor(number: int, list_index: int = 0) -> int:
    """The HTB class of a service's list on the shaper, below its root 1:."""
    return number << 4 | list_index


def class_asked(number: int) -> int:
    """The HTB class of what the router answers itself: echoes to it, packets too large or without a hop left."""
    return number << 4 | 15


def class_neighbours(number: int) -> int:
    """The HTB class of ARP and neighbour discovery."""
    return number << 4 | 14


def vxlan_name(number: int) -> str:
    """The device of an Ethernet attachment."""
    return f"hx{number}"
