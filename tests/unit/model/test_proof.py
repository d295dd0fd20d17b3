"""The chain of what was delivered: what is whole is found whole, and every way to change it is found out."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from highroad.model.proof import (
    ZERO,
    Body,
    Entry,
    Interval,
    Measured,
    Probed,
    Promised,
    Unwatched,
    absurd,
    body_of,
    canonical,
    check,
    document,
    merged,
    together,
    told,
)
from highroad.pki.signing import Signer, holds, new_key, public_key

SIGNER = Signer(new_key())
OTHER = Signer(new_key())
START_S = 1_790_035_200
PROMISED = Promised(rate_kbps=2_000_000, latency_us=60_000, protected=True)


def minute(at_s: int, dark_ms: int = 0) -> Interval:
    probed = Probed(sent=600, lost=1, rtt_min_us=43_000, rtt_typical_us=43_100, rtt_max_us=50_000, jitter_us=20)
    measured = Measured(
        watched_ms=60_000, dark_ms=dark_ms, offered_kbps=9, carried_kbps=8, lost_bytes=7, probed=probed
    )  # fmt: skip
    return Interval(at_s=at_s, for_s=60, promised=PROMISED, measured=measured)


def entry(body: Body, signer: Signer = SIGNER) -> Entry:
    doc = document(body)
    return Entry(
        service=body.service, tenant=body.tenant, sequence=body.sequence, from_s=body.from_s, until_s=body.until_s,
        doc=doc, signature=signer.sign(doc),
    )  # fmt: skip


def chain(count: int = 4, signer: Signer = SIGNER) -> list[Entry]:
    """Entries of ten minutes each, with a gap of three in each."""
    found: list[Entry] = []
    for number in range(1, count + 1):
        from_s = START_S + (number - 1) * 600
        gap = Interval(at_s=from_s + 420, for_s=180, promised=PROMISED, measured=None)
        intervals = (*(minute(from_s + 60 * k, dark_ms=k) for k in range(7)), gap)
        body = Body(
            service="svc-1", tenant="acme", sequence=number, previous=found[-1].hash if found else ZERO, from_s=from_s,
            until_s=from_s + 600, sealed_s=from_s + 620, fabric="linux", key=signer.key, intervals=intervals,
        )  # fmt: skip
        found.append(entry(body, signer))
    return found


def test_a_chain_is_whole_and_its_gaps_are_counted() -> None:
    verdict = check(chain(), holds)
    assert verdict.whole, verdict.wrong
    assert (verdict.entries, verdict.first, verdict.gaps_s) == (4, 1, 4 * 180)
    assert (verdict.from_s, verdict.until_s) == (START_S, START_S + 2400)
    assert check(chain()[1:3], holds).whole


def test_what_was_lost_unwatched_is_in_it_and_what_was_signed_before_stays_as_it_was() -> None:
    entries = chain(2)
    assert b"unwatched" not in entries[0].doc
    gap = Unwatched(for_ms=300_000, lost_bytes=5, dark_ms=1200)

    def with_gaps(doc: Any, restarted: int = 0, known: bool = True) -> None:
        values = {"for_ms": 300_000, "lost_bytes": 5 if known else None, "dark_ms": 1200 if known else None}
        doc["intervals"][-1]["unwatched"] = values | {"restarted": restarted}

    entries = _signed_again(entries, with_gaps)
    verdict = check(entries, holds)
    assert verdict.whole, verdict.wrong
    assert (verdict.gaps_s, verdict.unwatched) == (2 * 180, gap)
    assert told(gap) == "in 300 s that nobody watched, it was dark for 1200 ms and 5 bytes were lost"
    more = together([gap, Unwatched(for_ms=60_000, lost_bytes=None, dark_ms=None, restarted=1)])
    assert more is not None
    assert told(more).endswith("5 bytes were lost, or more: counters began anew")
    none = Unwatched(for_ms=60_000, lost_bytes=None, dark_ms=None, restarted=1)
    assert told(none) == "in 60 s that nobody watched, counters began anew, so that what was lost is not known"


def _edit(doc: bytes, change: Callable[[Any], None]) -> bytes:
    found = json.loads(doc)
    change(found)
    return canonical(found)


def _at(place: int, change: Callable[[Any], None]) -> Callable[[list[Entry]], list[Entry]]:
    def edited(entries: list[Entry]) -> list[Entry]:
        entries[place] = replace(entries[place], doc=_edit(entries[place].doc, change))
        return entries

    return edited


def _signed_again(entries: list[Entry], change: Callable[[Any], None], signer: Signer = SIGNER) -> list[Entry]:
    """What the operator itself could do: change an entry that it has given away, and sign that anew."""
    doc = _edit(entries[1].doc, change)
    entries[1] = replace(entries[1], doc=doc, signature=signer.sign(doc))
    return entries


TAMPERED: dict[str, Callable[[list[Entry]], list[Entry]]] = {
    "a value": _at(1, lambda doc: doc["intervals"][2]["measured"].update(dark_ms=0)),
    "a round trip": _at(1, lambda doc: doc["intervals"][2]["measured"]["probed"].update(rtt_max_us=1)),
    "a promise": _at(0, lambda doc: doc["intervals"][0]["promised"].update(rate_kbps=1)),
    "a gap filled in": _at(1, lambda doc: doc["intervals"][-1].update(measured=doc["intervals"][0]["measured"])),
    "an interval removed": _at(1, lambda doc: doc["intervals"].pop(3)),
    "an interval removed at the end": _at(3, lambda doc: doc["intervals"].pop()),
    "an interval added": _at(1, lambda doc: doc["intervals"].insert(3, doc["intervals"][3])),
    "intervals in another order": _at(1, lambda doc: doc["intervals"].reverse()),
    "the name": _at(0, lambda doc: doc.update(service="svc-2")),
    "the model": _at(0, lambda doc: doc.update(fabric="twin")),
    "another key named": _at(0, lambda doc: doc.update(key=OTHER.key)),
    "a signature of another": lambda every: [replace(every[0], signature=every[1].signature), *every[1:]],
    "another key signed": lambda every: [replace(every[0], signature=OTHER.sign(every[0].doc)), *every[1:]],
    "an entry removed": lambda every: [every[0], *every[2:]],
    "entries in another order": lambda every: [every[0], every[2], every[1], every[3]],
    "an entry twice": lambda every: [every[0], every[1], every[1], every[2]],
    "an entry of another service": lambda every: _signed_again(every, lambda doc: doc.update(service="svc-2")),
    "an entry changed and signed anew": lambda every: _signed_again(
        every, lambda doc: doc["intervals"][2]["measured"].update(dark_ms=0)
    ),
    "another chain before it": lambda every: _signed_again(every, lambda doc: doc.update(previous="f" * 64)),
    "time between two entries": lambda every: _signed_again(every, lambda doc: doc.update(until_s=doc["until_s"] + 60)),
    "the first names one before it": lambda every: [entry(replace(body_of(every[0].doc), previous="f" * 64))],
    "not a document": lambda every: [replace(every[0], doc=b"[]"), *every[1:]],
    "written in another way": lambda every: [replace(every[0], doc=every[0].doc + b"\n"), *every[1:]],
    "shown as of another time": lambda every: [replace(every[0], until_s=every[0].until_s + 60), *every[1:]],
    "shown as another": lambda every: [replace(every[0], sequence=7), *every[1:]],
}


@pytest.mark.parametrize("how", TAMPERED)
def test_what_was_changed_is_found(how: str) -> None:
    verdict = check(TAMPERED[how](chain()), holds)
    assert not verdict.whole, how


def test_what_the_operator_signs_anew_is_found_by_the_next_entry() -> None:
    verdict = check(TAMPERED["an entry changed and signed anew"](chain()), holds)
    assert verdict.wrong == ("entry 3: it was written after another entry than the one before it now",)


def test_a_whole_chain_of_another_key_says_so_by_its_key() -> None:
    verdict = check(chain(signer=OTHER), holds)
    assert verdict.whole
    assert verdict.keys == (OTHER.key,)
    assert public_key(SIGNER.key.upper()) == SIGNER.key


figures = st.integers(0, 2**53)
maybe = st.none() | figures
probes = st.builds(
    Probed, sent=figures, lost=figures, rtt_min_us=maybe, rtt_typical_us=maybe, rtt_max_us=maybe, jitter_us=maybe
)
measurements = st.builds(
    Measured, watched_ms=figures, dark_ms=figures, offered_kbps=figures, carried_kbps=figures, lost_bytes=figures,
    probed=st.none() | probes,
)  # fmt: skip
unwatched = st.builds(Unwatched, for_ms=figures, lost_bytes=maybe, dark_ms=maybe, restarted=figures)
promises = st.builds(Promised, rate_kbps=figures, latency_us=maybe, protected=st.booleans())


parts = st.tuples(st.none() | promises, st.none() | measurements, st.none() | unwatched)


@given(st.lists(parts, min_size=1, max_size=20), st.text())
def test_a_document_is_read_as_it_was_written(
    minutes: list[tuple[Promised | None, Measured | None, Unwatched | None]], name: str
) -> None:
    intervals = merged(
        [
            Interval(at_s=START_S + 60 * at, for_s=60, promised=promised, measured=measured, unwatched=gap)
            for at, (promised, measured, gap) in enumerate(minutes)
        ]
    )
    body = Body(
        service=name, tenant="acme", sequence=1, previous=ZERO, from_s=START_S, until_s=START_S + 60 * len(minutes),
        sealed_s=START_S + 1300, fabric="twin", key=SIGNER.key, intervals=intervals,
    )  # fmt: skip
    assert body_of(document(body)) == body
    verdict = check([entry(body)], holds)
    assert verdict.wrong == tuple(f"entry 1: {one}" for one in absurd(body))[:100]
    unknown_ms = [
        60_000 - (0 if measured is None else measured.watched_ms) for promised, measured, _ in minutes if promised
    ]
    assert sum(one.unwatched is not None for one in intervals) == sum(gap is not None for *_, gap in minutes)
    assert verdict.unwatched == together(gap for *_, gap in minutes)
    assert abs(verdict.gaps_s - sum(one for one in unknown_ms if one >= 3000) / 1000) <= len(minutes) / 2


def _of(part: str, **figures: Any) -> Callable[[Any], None]:
    """Changes figures of a part of a minute."""

    def change(doc: Any) -> None:
        one = doc["intervals"][2]
        (one["measured"]["probed"] if part == "probed" else one[part]).update(figures)

    return change


KNOWN = {"for_ms": 1000, "lost_bytes": 0, "dark_ms": 0, "restarted": 0}
ABSURD: dict[str, tuple[Callable[[Any], None], str]] = {
    "negative loss": (_of("measured", lost_bytes=-1), "lost_bytes is -1"),
    "over a hundred per cent": (_of("measured", dark_ms=-5), "dark_ms is -5"),
    "longer than a minute": (_of("measured", watched_ms=90_000), "it was watched for 90000 ms of 60000"),
    "darker than watched": (_of("measured", dark_ms=70_000), "it was dark for 70000 ms of 60000 that were watched"),
    "a negative rate": (_of("promised", rate_kbps=-2), "rate_kbps is -2"),
    "a negative bound": (_of("promised", latency_us=-2), "latency_us is -2"),
    "a rate like no other": (_of("measured", carried_kbps=10**30), "carried_kbps is 10000000000000000000"),
    "more lost than sent": (_of("probed", lost=601), "601 packets were lost of 600"),
    "round trips upside down": (_of("probed", rtt_min_us=50_001), "the shortest round trip is 50001 us"),
    "a negative round trip": (_of("probed", rtt_min_us=-1), "rtt_min_us is -1"),
    "dark for longer than a gap": (
        lambda doc: doc["intervals"][-1].update(unwatched=KNOWN | {"dark_ms": 4001}), "it was dark for 4001 ms of 1000"
    ),
    "a negative gap": (lambda doc: doc["intervals"][-1].update(unwatched=KNOWN | {"for_ms": -1}), "for_ms is -1"),
    "nothing known, and not why": (
        lambda doc: doc["intervals"][-1].update(unwatched=KNOWN | {"lost_bytes": None}), "no counters began anew"
    ),
    "its end before its beginning": (
        lambda doc: doc.update(until_s=doc["from_s"] - 600), f"it ends at {START_S}, and begins at {START_S + 600}"
    ),
    "sealed too early": (lambda doc: doc.update(sealed_s=doc["until_s"] - 1), "before its time was over"),
    "no number": (lambda doc: doc.update(sequence=0), "numbered from 1 on"),
}  # fmt: skip


@pytest.mark.parametrize("how", ABSURD)
def test_what_cannot_be_is_named_whoever_signed_it(how: str) -> None:
    change, said = ABSURD[how]
    (one,) = _signed_again(chain(2), change)[1:]
    one = entry(body_of(one.doc))
    found = check([one], holds).wrong
    assert any(said in text for text in found), found


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e3", "0.5", '"7"', "true", "null", "9" * 5000])
def test_what_is_no_whole_number_is_named(value: str) -> None:
    (one,) = chain(1)
    doc = one.doc.replace(b'"lost_bytes":7', b'"lost_bytes":' + value.encode(), 1)
    assert doc != one.doc
    verdict = check([replace(one, doc=doc, signature=SIGNER.sign(doc))], holds)
    assert len(verdict.wrong) == 1
    assert "entry 1 (the 1. of the file) cannot be read" in verdict.wrong[0]
    assert len(verdict.wrong[0]) < 250


def test_several_that_cannot_be_are_each_named() -> None:
    def change(doc: Any) -> None:
        _of("measured", lost_bytes=-1, watched_ms=10**6)(doc)
        doc["intervals"][4]["measured"]["probed"]["lost"] = 700

    (one,) = _signed_again(chain(2), change)[1:]
    assert check([one], holds).wrong == (
        f"entry 2: the interval at {START_S + 720}: lost_bytes is -1",
        f"entry 2: the interval at {START_S + 720}: it was watched for 1000000 ms of 60000",
        f"entry 2: the interval at {START_S + 840}: 700 packets were lost of 600",
    )


junk = st.binary(max_size=200) | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(
    lambda value: json.dumps(value).encode()
)


@given(junk)
def test_what_is_no_document_is_told_as_such(doc: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        body_of(doc)
