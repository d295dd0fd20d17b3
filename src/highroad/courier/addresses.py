"""Where a delivery may go: public addresses, and networks that the operator allows besides, for its own webhooks some
and for those of tenants others.

A customer chooses the address, and we stand inside the operator's network: a name that leads to a router, a cloud's
metadata or ourselves must lead nowhere. What is judged is the address that is connected to, so a name that answers
differently the second time gains nothing.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from urllib.parse import SplitResult, urlsplit

from highroad.errors import Finding, Invalid

LONGEST_URL = 2000

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Net = ipaddress.IPv4Network | ipaddress.IPv6Network

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_SITE_LOCAL = ipaddress.IPv6Network("fec0::/10")


def networks_of(text: str, setting: str = "HIGHROAD_WEBHOOK_NETWORKS") -> tuple[Net, ...]:
    """The networks of a setting, `127.0.0.0/8, ::1/128`. Raises Invalid."""
    found: list[Net] = []
    findings: list[Finding] = []
    for word in text.replace(",", " ").split():
        try:
            found.append(ipaddress.ip_network(word))
        except ValueError as error:
            findings.append(Finding(code="network", place=setting, message=f"{word}: {error}"))
    if findings:
        raise Invalid(findings)
    return tuple(found)


def is_public(address: Address) -> bool:
    """Whether an address is one of the Internet's, and of nobody's own network, whatever it is wrapped in."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and address.teredo is not None:
            inner = address.teredo[1]
        if inner is None and address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
        if address.scope_id is not None or address in _SITE_LOCAL:
            return False
    return address.is_global and not (
        address.is_multicast
        or address.is_private
        or address.is_reserved
        or address.is_loopback
        or address.is_link_local
        or address.is_unspecified
    )


def is_within(address: Address, networks: Sequence[Net]) -> bool:
    """Whether an address is in one of some networks; one that is wrapped in IPv6 counts as what it wraps."""
    inner = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return any(one.version == (inner or address).version and (inner or address) in one for one in networks)


def check_url(url: str, networks: Sequence[Net], *, named: bool = True) -> list[Finding]:
    """Everything that is wrong with an address, as far as that can be seen without asking where its name leads; whether
    the networks are `named` is whether who asks may know them.
    """

    def wrong(code: str, message: str) -> Finding:
        return Finding(code=code, place="url", message=message)

    if len(url) > LONGEST_URL or not url.isascii() or any(one <= " " or one == "\x7f" for one in url):
        return [wrong("url", f"has at most {LONGEST_URL} printable ASCII characters, and no blanks")]
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return [wrong("url", "is no URL: https://example.org/hook")]
    findings = []
    schemes = ("https", "http") if networks else ("https",)
    if parts.scheme not in schemes:
        findings.append(wrong("url-scheme", f"has to begin with {' or '.join(f'{one}://' for one in schemes)}"))
    if not host or port == 0:
        findings.append(wrong("url-host", "names no host and port: https://example.org/hook"))
    if "@" in parts.netloc:
        findings.append(wrong("url-credentials", "may hold neither user nor password: deliveries are signed"))
    if parts.fragment:
        findings.append(wrong("url-fragment", "has a fragment (#...), which is never sent"))
    literal = _literal(parts)
    if literal is not None and not may_go(literal, networks, plain=parts.scheme == "http"):
        findings.append(wrong("url-address", "is no public address" + _allowed(networks if named else ())))
    return findings


def may_go(address: Address, networks: Sequence[Net], *, plain: bool) -> bool:
    """Whether a delivery may go there; in the clear only where the operator allows it."""
    return is_within(address, networks) or (not plain and is_public(address))


def _allowed(networks: Sequence[Net]) -> str:
    return f", nor in one of {', '.join(map(str, networks))}, where http:// may go" if networks else ""


def _literal(parts: SplitResult) -> Address | None:
    host = parts.hostname or ""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
