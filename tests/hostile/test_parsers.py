"""Everything that reads what somebody else wrote: it is read, or refused with the one error that is promised.

A parser is one line of the table. Those of network files are in tests/unit/formats, of recurrences in tests/unit/model.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
import typer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from highroad.agent.config import look_at
from highroad.agent.journal import Journal
from highroad.api.answers import version_of
from highroad.api.pages import cursor_after, key_of
from highroad.api.sessions import SessionCodes, Sessions
from highroad.cli import quantities
from highroad.client.home import CREDENTIALS, read_credentials
from highroad.client.sse import Parser
from highroad.errors import Conflict, HighroadError, Invalid, Unauthenticated
from highroad.fabric.linux.inventory import read_inventory
from highroad.formats import demands
from highroad.gnmi import path as gnmi_path
from highroad.gnmi import proto, value
from highroad.lab import talk
from highroad.lab.names import LabId
from highroad.model import rule
from highroad.model.jurisdiction import is_code
from highroad.model.network import SiteId
from highroad.netlink import message
from highroad.pki import der
from highroad.wire.services import OrderIn, ServiceChangeIn
from highroad.wire.told import clean, json_text
from tests.support.country import country

Read = Callable[[Any], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """What reads, what it may raise, what it reads gladly, and whether it reads bytes."""

    read: Read
    raises: tuple[type[Exception], ...] = ()
    good: tuple[str, ...] = ("",)
    of_bytes: bool = False


def _file(read: Callable[[Path], object], name: str) -> Read:
    """What reads a file, given what is in it."""

    def of(raw: bytes) -> object:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / name
            path.write_bytes(raw)
            return read(path)

    return of


def _credentials(path: Path) -> object:
    return read_credentials(path.parent)


def _journal(path: Path) -> None:
    Journal(path.parent).close()


def _stream(text: str) -> None:
    parser = Parser()
    for line in text.split("\n"):
        parser.feed(line)


def _netlink(raw: bytes) -> None:
    for one in message.unpack_messages(raw):
        message.attrs(one.body)
    for attribute in message.attrs(raw).values():
        message.attrs(attribute)


def _typed(raw: bytes) -> object:
    return value.from_typed(proto.TypedValue(json_ietf_val=raw), gnmi_path.Path())


def _rule(text: str) -> None:
    found, findings = rule.parse(text)
    assert found is not None or findings


def _demands(raw: bytes) -> None:
    loaded = demands.read(raw, [country().sites[0], replace(country().sites[1], id=SiteId("a"))])
    assert loaded.demands is not None or loaded.findings


def _agent(path: Path) -> None:
    found, findings = look_at(path)
    assert found is not None or findings


def _lab_name(text: str) -> None:
    for name in (LabId("x").router(text), LabId("x").host(text)):
        assert "/" not in name
        assert not name.startswith((".", "-"))
        assert len(name) < 200


BAD_PARAMETER = (typer.BadParameter,)
ROUTERS = "routers:\n- {site: a, address: '[fd00::1]:9339', name: r}\n"

PARSERS: dict[str, Reader] = {
    "rate": Reader(read=quantities.rate_gbps, raises=BAD_PARAMETER, good=("400G", "1.2T", "-5")),
    "rates": Reader(read=quantities.rates_gbps, raises=BAD_PARAMETER, good=("10G,100G",)),
    "latency": Reader(read=quantities.latency_ms, raises=BAD_PARAMETER, good=("8ms", "800us")),
    "instant": Reader(read=quantities.instant, raises=BAD_PARAMETER, good=("2030-01-31T18:00:00Z", "now")),
    "wall": Reader(read=quantities.wall_or_instant, raises=BAD_PARAMETER, good=("2030-01-31T18:00",)),
    "stretch": Reader(read=quantities.stretch, raises=BAD_PARAMETER, good=("2030-01-31T18:00Z/2030-02-01T00:00Z",)),
    "duration": Reader(read=quantities.duration, raises=BAD_PARAMETER, good=("1h30m", "3d")),
    "cursor": Reader(read=key_of, raises=(Invalid,), good=(cursor_after("svc-x"),)),
    "If-Match": Reader(read=version_of, raises=(HighroadError,), good=('"3"', 'W/"3"', "*")),
    "session": Reader(read=lambda text: Sessions().token(text), raises=(Unauthenticated,)),
    "code": Reader(read=lambda text: SessionCodes().redeem(text), raises=(Unauthenticated,)),
    "stream": Reader(read=_stream, good=("id: 1\nevent: event\ndata: {}\n\n",)),
    "jurisdiction": Reader(read=is_code, good=("US-CO",)),
    "recurrence": Reader(read=_rule, good=("FREQ=WEEKLY;BYDAY=MO,TU;COUNT=3",)),
    "gNMI path": Reader(read=gnmi_path.parse, raises=(Invalid,), good=("/a/b[c=d]/e", "a[b=\\]]")),
    "gNMI value": Reader(read=_typed, raises=(Invalid,), good=('{"a": [1, 2]}',), of_bytes=True),
    "prefix": Reader(read=message.packed_prefix, raises=(ValueError,), good=("10.0.0.0/8", "fc00::/48")),
    "address": Reader(read=message.packed, raises=(ValueError,), good=("10.0.0.1", "::1")),
    "netlink": Reader(read=_netlink, good=("\x14\0\0\0\x03\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",), of_bytes=True),
    "certificate": Reader(read=der.certificate, raises=(ValueError,), of_bytes=True,
                           good=("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n",)),
    "revoked": Reader(read=der.revoked, raises=(ValueError,), of_bytes=True,
                       good=("-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n",)),
    "lab asks": Reader(read=lambda raw: msgspec.json.decode(raw, type=talk.Request), of_bytes=True,
                        raises=(msgspec.MsgspecError, UnicodeDecodeError, RecursionError), good=('{"do":"info"}',)),
    "credentials": Reader(read=_file(_credentials, CREDENTIALS), raises=(Invalid,), of_bytes=True,
                           good=('{"url": "http://x", "tenant": null}',)),
    "inventory": Reader(read=_file(read_inventory, "routers.yaml"), raises=(Invalid,), good=(ROUTERS,), of_bytes=True),
    "agent journal": Reader(read=_file(_journal, "journal"), raises=(Invalid, Conflict), of_bytes=True),
    "agent's file": Reader(read=_file(_agent, "agent.yaml"), of_bytes=True, good=("site: a\nnode: 1\n",)),
    "lab name": Reader(read=_lab_name, good=("denver",)),
    "order": Reader(read=OrderIn.model_validate_json, raises=(ValidationError,), of_bytes=True,
                     good=('{"from":"a","to":"b","bandwidth_gbps":1}',)),
    "change": Reader(read=ServiceChangeIn.model_validate_json, raises=(ValidationError,), of_bytes=True,
                      good=('{"max_paths":2}',)),
    "demands": Reader(read=_demands, of_bytes=True,
                      good=("a,b,5\n", '[{"source": "a", "target": "b", "gbps": 1}]', "a,b,1,,,US;EU", "\x93NUMPY")),
    "terminal": Reader(read=clean),
}  # fmt: skip

BOMBS = [
    "[" * 50_000,
    "{" * 50_000,
    '{"a":' * 20_000,
    "- " * 20_000,
    "a: &a [x]\n" + "".join(f"b{n}: &b{n} [*a, *a, *a, *a]\n" for n in range(200)),
    "1" * 100_000,
    "1" * 5000,
    '{"url": ' + "1" * 5000 + "}",
    "routers: " + "1" * 5000,
    "routers: 2001-99-99",
    "routers: [" * 5000,
    "1e400",
    "-1e400",
    "nan",
    "inf",
    "0x" + "f" * 10_000,
    "²",
    "٣G",
    "a" * 1_000_000,
    "/a[" * 10_000,
    "/a[b=c]" * 10_000,
    "FREQ=DAILY;" * 10_000,
    "e" + "\u0301" * 100_000,
    "\u202e" * 1000,
    "\ufeff",
    "\0" * 1000,
    "\ud800",
    "\r\n" * 10_000,
    "9999999999d",
    "9999-12-31T23:59:59-23:59",
    "0001-01-01T00:00:00+23:59",
    "10.0.0.0/" + "9" * 5000,
    "1:" * 10_000,
    "-----BEGIN CERTIFICATE-----\n" + "MIAw" * 20_000 + "\n-----END CERTIFICATE-----\n",
    "-----BEGIN CERTIFICATE-----\n" * 20_000,
    "-----BEGIN X509 CRL-----\n" * 20_000,
    "-----BEGIN X509 CRL-----\nMIT/////\n-----END X509 CRL-----\n",
]
LONGEST_S = 5.0
"""Of a processor, for a megabyte of harm: what is not linear takes minutes."""


def _try(parser: Reader, text: str | bytes) -> None:
    given_: str | bytes = text
    if parser.of_bytes and isinstance(text, str):
        given_ = text.encode("utf-8", "surrogatepass")
    with suppress(*parser.raises):
        parser.read(given_)


@pytest.mark.parametrize("name", PARSERS)
def test_what_is_made_to_break_it_does_not(name: str) -> None:
    parser = PARSERS[name]
    for bomb in (*parser.good, *BOMBS):
        began = time.process_time()
        _try(parser, bomb)
        assert time.process_time() - began < LONGEST_S, bomb[:60]


@pytest.mark.parametrize("name", PARSERS)
@given(data=st.data())
@settings(max_examples=60, deadline=None, derandomize=True, database=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
def test_anything_is_read_or_refused(name: str, data: st.DataObject) -> None:
    parser = PARSERS[name]
    good = data.draw(st.sampled_from(parser.good))
    start = data.draw(st.integers(0, len(good)))
    end = data.draw(st.integers(start, len(good)))
    piece = data.draw(
        st.text(max_size=8) | st.sampled_from(["[", "{", "&a", "*a", "1e400", "\\", "=", "]", "/", "-", ","])
    )
    _try(parser, good[:start] + piece + good[end:])
    if parser.of_bytes:
        _try(parser, data.draw(st.binary(max_size=64)))


@given(st.text(), st.integers(1, 10**17))
@settings(max_examples=100, deadline=None, derandomize=True, database=None)
def test_what_is_written_is_read_again(text: str, version: int) -> None:
    assert json.loads(json_text({"a": [text]})) == {"a": [text]}
    assert version_of(f'"{version}"') == version
    if max(text, default="") < "\ud800" or max(text, default="") > "\udfff":
        assert key_of(cursor_after(text.encode("utf-8", "ignore").decode())) is not None


@pytest.mark.parametrize(
    "text", ["\x1b[31mred", "\x9b31m", "\u202egnp", "a\u200bb", "\x1b]8;;http://x\x07", "a\nb", "\ufeff"]
)
def test_nothing_steers_a_terminal(text: str) -> None:
    for shown in (clean(text), json_text(text)):
        assert shown.isprintable(), ascii(shown)
    assert len(clean("e" + "\u0301" * 1000)) < 10
    assert clean("naïve 北京 Việt") == "naïve 北京 Việt"
