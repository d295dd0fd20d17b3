"""Where deliveries may go: judged is the address that is connected to."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpcore
import pytest

from highroad.courier.addresses import check_url, is_public, networks_of
from highroad.courier.https import NO_ADDRESS, HttpsCourier
from highroad.courier.vault import SealedVault, key_in
from highroad.errors import Invalid, Unavailable
from tests.support.receiver import Receiver

LAB = networks_of("127.0.0.0/8")

INSIDE = [
    "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
    "255.255.255.255", "240.0.0.1", "192.0.2.1", "198.18.0.1", "::1", "::", "fe80::1", "fc00::1", "fd12::1", "ff02::1",
    "fec0::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "2001:db8::1",
    "fe80::1%eth0", "2001:0:53aa:64c:0:0:f5ff:fffe",
]  # fmt: skip


@pytest.mark.parametrize("address", INSIDE)
def test_what_is_nobody_elses_business_is_not_public(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))
    host = f"[{address.partition('%')[0]}]" if ":" in address else address
    assert [one.code for one in check_url(f"https://{host}/hook", ())] == ["url-address"]


@pytest.mark.parametrize("address", ["1.1.1.1", "8.8.8.8", "2606:4700::1111", "64:ff9b::808:808", "::ffff:8.8.8.8"])
def test_what_is_the_internets_is(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    ("url", "codes"),
    [
        ("https://example.org/hook?x=1", []),
        ("https://example.org:8443", []),
        ("http://example.org/", ["url-scheme"]),
        ("ftp://user:pw@/x#y", ["url-scheme", "url-host", "url-credentials", "url-fragment"]),
        ("https://user@example.org/", ["url-credentials"]),
        ("https:///nowhere", ["url-host"]),
        ("https://example.org:99999/", ["url"]),
        ("https://example.org:0/", ["url-host"]),
        ("https://exa mple.org/", ["url"]),
        ("https://exämple.org/", ["url"]),
        ("https://example.org/\r\nx: y", ["url"]),
        ("https://" + "a" * 2000, ["url"]),
        ("https://[::1", ["url"]),
        ("", ["url-scheme", "url-host"]),
    ],
)
def test_everything_that_is_wrong_with_an_address_is_said(url: str, codes: list[str]) -> None:
    assert [one.code for one in check_url(url, ())] == codes


def test_networks_of_a_lab_are_allowed_and_in_the_clear() -> None:
    assert check_url("http://127.0.0.1:8080/", LAB) == []
    assert [one.code for one in check_url("http://10.0.0.1/", LAB)] == ["url-address"]
    assert [one.code for one in check_url("http://8.8.8.8/", LAB)] == ["url-address"]
    assert check_url("https://8.8.8.8/", LAB) == []
    with pytest.raises(Invalid) as caught:
        networks_of("127.0.0.0/8, 10.0.0.1/8 nonsense")
    assert len(caught.value.findings) == 2


def _answers(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Names lead to each of some answers in turn."""
    asked: list[str] = []

    def getaddrinfo(host: str, port: int, **_: Any) -> list[Any]:
        asked.append(host)
        found = answers[min(len(asked), len(answers)) - 1]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in found]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


def test_a_name_that_leads_inside_leads_nowhere_and_says_no_more_than_one_that_leads_nowhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def run() -> None:
        courier = HttpsCourier()
        asked = _answers(monkeypatch, ["127.0.0.1", "10.0.0.1"], ["169.254.169.254"], [])
        said = [await courier.send("https://inside.example/x", {}, b"{}", tenant=False) for _ in range(3)]
        assert [(one.error, one.status) for one in said] == [(NO_ADDRESS, None)] * 3
        assert asked == ["inside.example"] * 3
        await courier.aclose()

    asyncio.run(run())


def test_a_name_is_asked_once_for_each_connection_and_what_it_said_then_is_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """DNS rebinding: were it asked once to judge and again to connect, the second answer would be connected to."""

    async def run() -> None:
        with Receiver() as end:
            asked = _answers(monkeypatch, ["8.8.8.8", "127.0.0.1"], ["10.0.0.1"])
            connected: list[str] = []
            inner = httpcore.AnyIOBackend.connect_tcp

            async def connect(self: Any, host: str, *rest: Any, **more: Any) -> Any:
                connected.append(host)
                return await inner(self, host, *rest, **more)

            monkeypatch.setattr(httpcore.AnyIOBackend, "connect_tcp", connect)
            courier = HttpsCourier(LAB)
            sent = await courier.send(f"http://rebinds.example:{end.port}/x", {}, b"{}", tenant=False)
            assert sent.delivered, sent.error
            assert (asked, connected) == (["rebinds.example"], ["127.0.0.1"])
            assert end.got[0].headers["host"] == f"rebinds.example:{end.port}"
            await courier.aclose()

    asyncio.run(run())


def test_a_name_server_that_does_not_answer_holds_nobody_else_up(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = threading.Event()

    def getaddrinfo(host: str, port: int, **_: Any) -> list[Any]:
        answers.wait(20)
        return []

    async def run() -> None:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(4))
        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        courier = HttpsCourier()
        waiting = [
            asyncio.create_task(courier.send(f"https://h{at}.example/", {}, b"", tenant=True)) for at in range(9)
        ]
        await asyncio.sleep(0.05)
        assert await asyncio.wait_for(asyncio.to_thread(lambda: "done"), 5) == "done"
        answers.set()
        assert {one.error for one in await asyncio.gather(*waiting)} == {NO_ADDRESS}
        await courier.aclose()

    asyncio.run(run())


def test_the_operators_networks_are_no_tenants() -> None:
    """An admin of a tenant chooses the address, and must not look about in the operator's network by that."""

    async def run() -> None:
        with Receiver() as end:
            courier = HttpsCourier(LAB)
            for url in (end.url, f"https://127.0.0.1:{end.port}/"):
                assert not courier.check(end.url, tenant=False)
                said = " ".join(one.message for one in courier.check(url, tenant=True))
                assert said.endswith("is no public address")
                assert not any(str(one) in said for one in LAB)
                assert (await courier.send(url, {}, b"{}", tenant=True)).status is None
            assert (await courier.send(end.url, {}, b"{}", tenant=False)).delivered
            url = f"http://localhost:{end.port}/"
            assert (await courier.send(url, {}, b"{}", tenant=False)).delivered
            assert (await courier.send(url.replace("http", "https", 1), {}, b"{}", tenant=True)).error == NO_ADDRESS
            assert len(end.got) == 2
            await courier.aclose()
            lab = HttpsCourier((), LAB)
            assert (await lab.send(end.url, {}, b"{}", tenant=True)).delivered
            assert not (await lab.send(end.url, {}, b"{}", tenant=False)).delivered
            await lab.aclose()

    asyncio.run(run())


def test_what_a_tenants_webhook_failed_of_quotes_nothing_that_was_answered() -> None:
    def garbage(peer: socket.socket) -> None:
        peer.sendall(b"SECRET banner of a server that is none of HTTP\r\n\r\n")

    async def run() -> None:
        with Receiver(lambda _: garbage) as end:
            courier = HttpsCourier(LAB, LAB)
            assert "SECRET" in (await courier.send(end.url, {}, b"{}", tenant=False)).error
            assert (await courier.send(end.url, {}, b"{}", tenant=True)).error == "the answer is no HTTP"
            await courier.aclose()

    asyncio.run(run())


def test_a_secret_is_sealed_with_a_key_of_a_file_that_only_its_owner_reads(tmp_path: Any) -> None:
    path = tmp_path / "webhook.key"
    vault = SealedVault(key_in(path))
    assert path.stat().st_mode & 0o777 == 0o600
    sealed = vault.seal("whsec_x")
    assert "whsec" not in sealed
    assert SealedVault(key_in(path)).open(sealed) == "whsec_x"
    with pytest.raises(Unavailable, match="another key"):
        SealedVault("another key entirely").open(sealed)
    path.write_text("short")
    with pytest.raises(Unavailable, match="too short"):
        key_in(path)
