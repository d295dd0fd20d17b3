"""Neighbours agree whatever is lost, and whoever begins anew; what was recorded brings nobody to anything."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

from hypothesis import given
from hypothesis import strategies as st

from highroad.watch.hello import NOBODY, Greeting
from highroad.watch.session import Heard, Session

_nonces = count(1)
MARK = b"the key."


def session() -> Session:
    return Session(lambda: next(_nonces).to_bytes(16, "big"), MARK)


class Two:
    """Two neighbours, every greeting between them recorded."""

    def __init__(self) -> None:
        self.a, self.b = session(), session()
        self.recorded: list[tuple[str, Greeting]] = []
        self.now_ns = 10**12

    def greet(self, who: str, *, to: bytes = b"", lost: bool = False, leaving: bool = False) -> None:
        """One says something, and both whatever follows from it."""
        self.now_ns += 20_000_000
        one = self.a if who == "a" else self.b
        said = one.greeting(self.now_ns, next_number=1, interval_us=5_000, missed=3, to=to, leaving=leaving)
        self.recorded.append((who, said))
        if not lost:
            self.deliver(who, said)

    def deliver(self, who: str, said: Greeting) -> Heard:
        """It arrives at the other."""
        other = "b" if who == "a" else "a"
        heard = (self.b if who == "a" else self.a).hear(said, bytes(6), self.now_ns)
        if heard in (Heard.QUESTION, Heard.BEGAN):
            self.greet(other, to=said.nonce)
        return heard

    def agree(self) -> bool:
        """Whether both expect each other's tokens."""
        both = self.a.active and self.b.active
        return both and (self.a.other, self.b.other) == (self.b.nonce, self.a.nonce)


def test_one_greeting_is_enough() -> None:
    two = Two()
    two.greet("a")
    assert two.agree()


@given(st.lists(st.tuples(st.sampled_from("ab"), st.booleans(), st.sampled_from([0, 0, 0, 1])), max_size=20))
def test_they_agree_whoever_begins_anew_and_whatever_is_lost(steps: list[tuple[str, bool, int]]) -> None:
    two = Two()
    for who, lost, anew in steps:
        if anew:
            setattr(two, who, session())
        two.greet(who, lost=lost)
    two.greet("a")
    two.greet("b")
    assert two.agree()


@given(st.lists(st.sampled_from("ab"), min_size=1, max_size=25), st.data())
def test_what_was_recorded_changes_nothing(anew: list[str], data: st.DataObject) -> None:
    two = Two()
    two.greet("a")
    for who in anew:
        setattr(two, who, session())
        two.greet("a")
        two.greet("b")
    assert two.agree()
    before = two.a.record, two.b.record
    for who, said in data.draw(st.lists(st.sampled_from(two.recorded), max_size=30)):
        target = two.b if who == "a" else two.a
        assert target.hear(said, bytes(6), two.now_ns) in (Heard.NOTHING, Heard.QUESTION)
    assert two.agree()
    assert (two.a.record, two.b.record) == before


def test_our_own_greeting_from_a_loop_on_the_line_is_nobody() -> None:
    one = session()
    said = one.greeting(1, next_number=1, interval_us=5_000, missed=3)
    assert one.hear(said, bytes(6), 2) is Heard.NOTHING
    assert one.hear(replace(said, other=said.nonce), bytes(6), 2) is Heard.NOTHING


def test_who_left_is_not_waited_for_and_may_come_back_as_another() -> None:
    two = Two()
    two.greet("a")
    two.greet("b", leaving=True)
    assert not two.a.active
    assert two.a.other == NOBODY
    two.b = session()
    two.greet("a")
    assert two.agree()


def test_a_record_is_taken_up_under_the_same_key_only() -> None:
    two = Two()
    two.greet("a")
    kept = two.a.record.ljust(512, b"\0")
    again = session()
    assert again.take_up(kept)
    assert again.record == two.a.record
    two.a = again
    assert two.agree()
    two.greet("b")
    assert two.agree()
    other = Session(lambda: b"n" * 16, b"another.")
    assert not other.take_up(kept)
    assert not session().take_up(bytes(512))
