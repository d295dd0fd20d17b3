"""Where a request comes from: nobody says so of himself, and of a proxy only one that is named is believed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from highroad.api.proxies import Proxies
from highroad.settings import Settings

NAMED = ("127.0.0.1/32", "::1/128")


def _told(peer: str, *said: tuple[bytes, bytes]) -> tuple[str, str]:
    """The address and the scheme that the application is told."""
    told: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        told.append((scope["client"][0], scope["scheme"]))

    async def run() -> None:
        scope: Any = {"type": "http", "client": (peer, 1), "scheme": "http", "headers": list(said)}
        await Proxies(app, NAMED)(scope, None, None)  # type: ignore[arg-type]

    asyncio.run(run())
    address, scheme = told[0]
    return str(address), str(scheme)


@pytest.mark.parametrize(
    ("peer", "said", "address"),
    [
        ("127.0.0.1", b"192.0.2.7", "192.0.2.7"),
        ("::1", b"2001:db8::7", "2001:db8::7"),
        ("127.0.0.1", b"198.51.100.9, 192.0.2.7", "192.0.2.7"),
        ("10.0.0.1", b"192.0.2.7", "10.0.0.1"),
        ("127.0.0.1", b"nobody", "127.0.0.1"),
        ("127.0.0.1", b"\x9b31mEVIL", "127.0.0.1"),
        ("127.0.0.1", b"A" * 25_000, "127.0.0.1"),
        ("127.0.0.1", b"", "127.0.0.1"),
    ],
)
def test_only_a_named_proxy_is_believed_and_only_an_address(peer: str, said: bytes, address: str) -> None:
    assert _told(peer, (b"x-forwarded-for", said))[0] == address


def test_the_scheme_is_believed_likewise() -> None:
    assert _told("127.0.0.1", (b"x-forwarded-proto", b"https"))[1] == "https"
    assert _told("10.0.0.1", (b"x-forwarded-proto", b"https"))[1] == "http"


def test_the_setting_takes_addresses_and_networks_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HIGHROAD_PROXIES", '["127.0.0.1", "2001:db8::/32"]')
    assert list(map(str, Settings().proxies)) == ["127.0.0.1/32", "2001:db8::/32"]
    for wrong in ('["proxy.example"]', '["*"]'):
        monkeypatch.setenv("HIGHROAD_PROXIES", wrong)
        with pytest.raises(ValueError, match="IPv4 or IPv6 network"):
            Settings()
