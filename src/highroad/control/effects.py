"""What a change of a service does, in words: to its path, its backup, its window, and to routers."""

from __future__ import annotations

from collections.abc import Iterator

from highroad.control.book import Book
from highroad.control.order import path_of
from highroad.model.lifecycle import State
from highroad.model.policy import policy_of
from highroad.model.service import Order, Placement, Service
from highroad.model.window import Window
from highroad.units import iso_from_s


def effects_of(book: Book, before: Service, after: Service) -> Iterator[str]:
    """One sentence an effect, the one on routers last."""
    was, order = before.order, after.order
    if order.bandwidth_gbps != was.bandwidth_gbps:
        yield f"{order.bandwidth_gbps:g} Gbit/s are guaranteed instead of {was.bandwidth_gbps:g}"
    if order.burst_gbps != was.burst_gbps:
        burst = "no burst" if order.burst_gbps is None else f"a burst of up to {order.burst_gbps:g} Gbit/s"
        yield f"{burst} instead of {'none' if was.burst_gbps is None else format(was.burst_gbps, 'g')}"
    if order.autoscale != was.autoscale:
        rule = order.autoscale
        yield (
            "it follows its load no more"
            if rule is None
            else f"it follows its load between {rule.floor_gbps:g} and {rule.ceiling_gbps:g} Gbit/s"
        )
    for name, old, new in (("from", was.a, order.a), ("to", was.b, order.b)):
        if old != new:
            yield f"its end `{name}` is at {new.port}{_tag(new.vlan)} instead of {old.port}{_tag(old.vlan)}"
    for name, old_value, new_value in (
        ("bound", _bound(was), _bound(order)),
        ("fence", _fence(was), _fence(order)),
        ("class", was.traffic_class.value, order.traffic_class.value),
        ("protection", was.protection.value, order.protection.value),
        ("most paths", str(was.max_paths), str(order.max_paths)),
    ):
        if old_value != new_value:
            yield f"its {name}: {new_value} instead of {old_value}"
    if order.description != was.description:
        yield "its description, which only people read"
    if order.window != was.window:
        yield f"its window is {_words(order.window)} instead of {_words(was.window)}"
    yield from _ways(book, before.placement, after.placement)
    if before.wants_carrying and after.state is State.RESERVED:
        yield f"it rests until {iso_from_s(after.piece.start_s)}: routers let go of it until then"
    elif not after.wants_carrying and not before.wants_carrying:
        yield "no router is asked now: its window has not begun"
    elif policy_of(before, book.ports) == policy_of(after, book.ports):
        yield "no router is touched"
    elif before.placement is not None and after.placement is not None:
        yield "routers take the new before they let go of the old: no packet is lost"


def _ways(book: Book, here: Placement | None, there: Placement | None) -> Iterator[str]:
    if there is None or here is None:
        return
    if here.branches == there.branches:
        yield "its path stays"
    else:
        split = f", the first of {len(there.branches)} ways," if there.beside else ""
        yield (
            f"it moves to {' - '.join(path_of(book, there))}{split} {book.latency_ms(there):.3f} ms one way "
            f"instead of {book.latency_ms(here):.3f}"
        )
    if there.backup != here.backup:
        yield "it has no backup any more" if there.backup is None else "it has a backup of its own, which is kept"


def _bound(order: Order) -> str:
    return "none" if order.latency_bound_ms is None else f"{order.latency_bound_ms:g} ms"


def _fence(order: Order) -> str:
    return "none" if order.fence is None else str(order.fence)


def _tag(vlan: int | None) -> str:
    return "" if vlan is None else f" VLAN {vlan}"


def _words(window: Window) -> str:
    if window.pieces:
        return f"{len(window.pieces)} windows from {iso_from_s(window.start_s)} to {iso_from_s(window.until_s)}"
    end = "open" if window.end_s is None else iso_from_s(window.end_s)
    return f"{iso_from_s(window.start_s)} to {end}"
