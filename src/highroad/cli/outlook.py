"""How growth and more links look in a terminal."""

from __future__ import annotations

from highroad.cli.door import Door
from highroad.cli.quantities import show_gbps, show_time
from highroad.wire.views import FitsOut, OutlookOut, SentOut

SHOWN = 10


def show_outlook(door: Door, found: OutlookOut) -> None:
    """What would fit, what would fall, and what is full first."""
    what = [f"{found.growth:g} times what is admitted"] if found.growth != 1 else ["what is admitted"]
    what += [f"with {', '.join(found.added)} more"] if found.added else []
    what += [f"without {', '.join(found.cut)}"] if found.cut else []
    services = f"{found.services:,} service{'s' if found.services != 1 else ''}"
    door.say((" ".join(what), "bold"), f": {services}, {show_gbps(found.wanted_gbps)} both ways counted")
    door.say(("  at       ", "dim"), f"{show_time(found.at)}, when most is admitted in the next week")
    if not found.services:
        return
    _fits(door, "placed anew", found.planned)
    if found.without is not None:
        _fits(door, "without it", found.without)
        saved = found.without.lost_gbps - found.planned.lost_gbps
        if saved > 1e-6:
            door.say(("  helps    ", "dim"), (f"{show_gbps(saved)} more are carried", "green"))
    short = found.planned.short[:SHOWN]
    if short:
        door.table("", ("falls from", "to", ">at best"), [(one.a, one.b, show_gbps(one.gbps)) for one in short], "")
    over = (
        "no link is" if not found.overloaded else f"{found.overloaded} link{'s are' if found.overloaded > 1 else ' is'}"
    )
    door.say(("as things are placed now ", "bold"), f"{over} over capacity")
    rows = [
        (one.link, f"{one.share:.1%}", show_gbps(one.kept_gbps), show_gbps(one.capacity_gbps))
        for one in found.fullest
        if one.kept_gbps > 0
    ]
    if rows:
        door.table("", ("link", ">full", ">kept", ">of"), rows, "")
    if found.sent is not None:
        show_sent(door, found.sent, "as things are placed now")


def show_sent(door: Door, sent: SentOut, when: str) -> None:
    """The same of what services send: what overloads by that, and what is fullest."""
    many = f"{sent.services:,} service{'s' if sent.services != 1 else ''}"
    guessed = f"; {sent.guessed:,} that were not measured count as guaranteed" if sent.guessed else ""
    door.say(("of what is sent", "bold"), f": {show_gbps(sent.sent_gbps)} both ways counted, {many} measured{guessed}")
    how = "the most" if sent.quantile == 1 else f"no more in {sent.quantile:.3%}".replace(".000%", "%")
    door.say(("  measured ", "dim"), f"{how} of the last {_span(sent.over_s)}")
    if sent.planned is not None:
        _fits(door, "placed anew", sent.planned)
    if sent.without is not None:
        _fits(door, "without it", sent.without)
    over = f"{sent.overloaded} link{'s are' if sent.overloaded != 1 else ' is'}" if sent.overloaded else "no link is"
    door.say((f"{when} ", "bold"), (f"{over} sent more than it carries", "bold red" if sent.overloaded else "green"))
    rows = [
        (
            one.link,
            f"{one.share:.1%}",
            show_gbps(one.sent_gbps),
            show_gbps(one.before_gbps),
            show_gbps(one.capacity_gbps),
        )
        for one in sent.fullest
        if one.sent_gbps > 0
    ]
    if rows:
        door.table("", ("link", ">full", ">sent", ">now", ">of"), rows, "")


def _span(over_s: float) -> str:
    return f"{over_s / 3600:.4g} h" if over_s >= 3600 else f"{over_s / 60:.4g} min"


def _fits(door: Door, label: str, one: FitsOut) -> None:
    if one.lost_gbps <= 1e-6:
        style, said = "green", f"all fits, the fullest link at {one.utilisation:.1%}"
    else:
        style, said = "bold red", f"at least {show_gbps(one.lost_gbps)} fall"
        if one.cut_off_gbps > 1e-6:
            said += f", {show_gbps(one.cut_off_gbps)} of it without any way"
        classes = [
            f"{each.traffic_class} {show_gbps(each.wanted_gbps - each.carried_gbps)} of {show_gbps(each.wanted_gbps)}"
            for each in one.classes
            if each.wanted_gbps - each.carried_gbps > 1e-6
        ]
        said += f": {', '.join(classes)}"
    door.say((f"  {label:<12}", "dim"), (said, style))
    if one.grows_to is not None:
        door.say(f"              {one.grows_to:.3g} times what is admitted now would fit, if all grew alike")
