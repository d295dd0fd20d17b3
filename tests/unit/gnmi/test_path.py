"""Paths as text and as values, and what lies where."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from highroad.errors import Invalid
from highroad.gnmi import proto
from highroad.gnmi.path import ROOT, Elem, Path, entry, meets, parse

NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,10}", fullmatch=True)
ELEMS = st.builds(
    lambda name, keys: Elem(name, tuple(sorted(keys.items()))),
    NAMES,
    st.dictionaries(NAMES, st.text(max_size=12), max_size=2),
)


@given(st.lists(ELEMS, max_size=4))
def test_what_is_written_is_read_again(elems: list[Elem]) -> None:
    path = Path(tuple(elems))
    assert parse(str(path)) == path
    assert proto.path_from_proto(proto.path_to_proto(path)) == path


def test_text_is_read_as_people_write_it() -> None:
    assert parse("") == parse("/") == ROOT
    assert parse("router/policy[service=s-1]/mtu") == parse("/router") / entry("policy", service="s-1") / "mtu"
    assert parse(r"/sid[sid=fc00::/48]").elems[0].key("sid") == "fc00::/48"
    assert parse(r"/a[b=x\]y\\]").elems[0].key("b") == "x]y\\"
    assert parse("/highroad-router:router").elems[0].bare == "router"


@pytest.mark.parametrize("text", ["/a[b=c", "/a[b]", "/a]b", "/a[b=c]d", "[a=b]"])
def test_what_is_no_path_is_refused_with_the_place(text: str) -> None:
    with pytest.raises(Invalid) as raised:
        parse(text)
    assert raised.value.findings[0].place == text


def test_what_covers_what() -> None:
    leaf = parse("/router/policy[service=a]/mtu")
    assert parse("/router/policy").covers(leaf)
    assert parse("/router/policy[service=*]").covers(leaf)
    assert parse("/hr:router/*").covers(leaf)
    assert not parse("/router/policy[service=b]").covers(leaf)
    assert not leaf.covers(parse("/router"))
    assert meets(leaf, parse("/router"))
    assert not meets(parse("/router/state"), leaf)
    assert parse("/a/b[c=*]").wild
    assert not leaf.wild


def test_the_form_that_gnmi_gave_up_is_refused() -> None:
    with pytest.raises(Invalid, match="deprecated"):
        proto.path_from_proto(proto.Path_(element=["router"]))
