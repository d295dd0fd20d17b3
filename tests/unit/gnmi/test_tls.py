"""Who may not speak: each wrong certificate is refused, says why, and changes nothing."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path as File

import pytest

from highroad.errors import Forbidden, HighroadError, Unauthenticated, Unavailable
from highroad.gnmi.client import Election, GnmiClient, OnChange, Synced
from highroad.gnmi.server import GnmiServer
from highroad.gnmi.target import Notification
from highroad.pki.peer import Role, peer_from_pem
from highroad.pki.store import Pki
from tests.unit.gnmi.small import NAME, Ends, Shelf, attachment, connected, intended, policy, run

TOLD = intended([attachment()], [policy()])
DAY = 86_400


async def refused(client: GnmiClient, kind: type[HighroadError], message: str, ends: Ends) -> None:
    """Neither a Set nor a Get passes, and what the router was told stands."""
    with pytest.raises(kind, match=message):
        await client.set(delete=["/router"])
    with pytest.raises(kind, match=message):
        await client.get("/router")
    await client.close()
    assert ends.target.told is TOLD
    assert ends.target.writes == []
    assert (await ends.client.get("/router/state/site"))[0][1] == "denver", "the one that may still can"


def test_a_controller_of_another_authority(tmp_path: File) -> None:
    async def work() -> None:
        async with connected(tmp_path, Shelf(told=TOLD)) as ends:
            other = Pki.create(tmp_path / "other", at_s=time.time())
            stranger = other.issue("controller", Role.CONTROLLER, at_s=time.time())
            knows = replace(stranger, authority=ends.controller.authority)
            await refused(ends.another(knows), Unauthenticated, "denver at .* refuses our certificate", ends)
            await refused(ends.another(stranger), Unauthenticated, "certificate that denver shows .* refused", ends)

    run(work())


def test_a_controller_whose_certificate_expired(tmp_path: File) -> None:
    async def work() -> None:
        async with connected(tmp_path, Shelf(told=TOLD)) as ends:
            old = ends.pki.issue("old", Role.CONTROLLER, at_s=time.time() - 40 * DAY, days=30)
            await refused(
                ends.another(old), Unauthenticated, "refuses our certificate, old as controller: it expired at 20", ends
            )

    run(work())


def test_a_certificate_that_expires_while_it_is_connected(tmp_path: File) -> None:
    now = [time.time()]

    async def work() -> None:
        async with connected(tmp_path, Shelf(told=TOLD), clock=lambda: now[0]) as ends:
            assert await ends.client.get("/router/state/site")
            now[0] += 91 * DAY
            with pytest.raises(Unauthenticated, match="the certificate of controller expired at 20"):
                await ends.client.set(delete=["/router"])
            assert ends.target.told is TOLD

    run(work())


def test_a_controller_that_was_revoked_while_it_is_connected(tmp_path: File) -> None:
    async def work() -> None:
        async with connected(tmp_path, Shelf(told=TOLD)) as ends:
            thief = ends.another(ends.pki.issue("thief", Role.CONTROLLER, at_s=time.time()), election=Election(id=9))
            assert await thief.get("/router/state/site")
            stream = thief.subscribe([OnChange(path="/router/policy")])
            assert isinstance([one async for one in _until_synced(stream)][-1], Synced)
            ends.pki.revoke("thief", at_s=time.time())
            ends.target.tell("/router/policy[service=s-1]/mtu", 1)
            with pytest.raises(Unauthenticated, match=r"the certificate of thief .* was revoked"):
                await anext(stream)
            await refused(thief, Unauthenticated, "the certificate of thief .* was revoked", ends)
            assert ends.target.elections == {}

    run(work())


def test_roles(tmp_path: File) -> None:
    async def work() -> None:
        async with connected(tmp_path, Shelf(told=TOLD)) as ends:
            reader = ends.another(ends.pki.issue("dash", Role.READER, at_s=time.time()), election=Election(id=9))
            assert await reader.get("/router/state/site")
            with pytest.raises(Forbidden, match="dash is here as reader; this takes the role controller"):
                await reader.set(delete=["/router"])
            assert ends.target.elections == {}, "nor may it fence anybody"
            await reader.close()
            router = ends.pki.issue("omaha", Role.AGENT, at_s=time.time())
            await refused(ends.another(router), Unauthenticated, "refuses our certificate", ends)

    run(work())


def test_without_any_certificate_there_is_no_answer(tmp_path: File) -> None:
    async def work() -> None:
        async with connected(tmp_path, Shelf(told=TOLD)) as ends:
            context = ssl.create_default_context(cafile=ends.controller.authority)
            context.set_alpn_protocols(["h2"])
            path = ends.socket.removeprefix("unix:")
            reader, writer = await asyncio.open_unix_connection(path, ssl=context, server_hostname=NAME)
            assert await reader.read(1) == b""
            writer.transport.abort()

    run(work())


def test_a_router_with_the_wrong_name_an_old_or_a_revoked_certificate(tmp_path: File) -> None:
    async def work() -> None:
        async with connected(tmp_path, Shelf(told=TOLD)) as ends:
            wrong = GnmiClient(ends.socket, "omaha", ends.controller)
            await refused(wrong, Unauthenticated, "omaha shows .* refused: Hostname mismatch", ends)
            old = ends.pki.issue("old", Role.AGENT, at_s=time.time() - 40 * DAY, days=30)
            server = GnmiServer(Shelf(), old, [f"unix:{tmp_path}/old.sock"])
            await server.start()
            with pytest.raises(Unauthenticated, match="expired"):
                await GnmiClient(f"unix:{tmp_path}/old.sock", "old", ends.controller).capabilities()
            await server.stop()
            client = ends.another()
            assert await client.get("/router/state/site")
            ends.pki.revoke(NAME, at_s=time.time())
            with pytest.raises(Unauthenticated, match="the certificate of denver was revoked"):
                await client.get("/router/state/site")
            with pytest.raises(Unauthenticated, match=r"the certificate of denver .* was revoked"):
                await client.get("/router/state/site")
            await client.close()

    run(work())


def test_a_revoked_router_cannot_hide_behind_the_one_that_was_looked_at(tmp_path: File) -> None:
    """Whoever has an old key and stands in between shows the good certificate first, and then its own."""

    async def work() -> None:
        async with connected(tmp_path, Shelf(told=TOLD)) as ends:
            stolen = tmp_path / "stolen"
            stolen.mkdir()
            for name in ("denver.crt", "denver.key"):
                (stolen / name).write_bytes((ends.pki.directory / name).read_bytes())
            ends.pki.revoke(NAME, at_s=time.time())
            ends.pki.issue(NAME, Role.AGENT, at_s=time.time())
            evil = Shelf(told=TOLD)
            credentials = replace(
                ends.router, certificate=stolen / "denver.crt", key=stolen / "denver.key", revoked=None
            )
            server = GnmiServer(evil, credentials, [f"unix:{tmp_path}/evil.sock"])
            await server.start()
            turns = 0

            async def between(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                nonlocal turns
                turns += 1
                to = "router.sock" if turns == 1 else "evil.sock"
                reader2, writer2 = await asyncio.open_unix_connection(str(tmp_path / to))
                await asyncio.gather(_pump(reader, writer2), _pump(reader2, writer))

            proxy = await asyncio.start_unix_server(between, str(tmp_path / "between.sock"))
            client = GnmiClient(f"unix:{tmp_path}/between.sock", NAME, ends.controller, timeout_s=2.0)
            with pytest.raises(Unavailable):
                await client.set(delete=["/router"])
            assert turns > 1
            assert evil.writes == []
            await client.close()
            proxy.close()
            await server.stop()

    run(work())


def test_a_new_certificate_is_used_without_a_restart(tmp_path: File) -> None:
    async def work() -> None:
        async with connected(tmp_path, Shelf(told=TOLD)) as ends:
            assert await ends.client.get("/router/state/site")
            before = peer_from_pem(ends.router.certificate.read_bytes())
            assert {one.name for one in ends.pki.rotate(within_days=120, at_s=time.time())} == {NAME, "controller"}
            after = peer_from_pem(ends.router.certificate.read_bytes())
            assert after.serial != before.serial
            assert await ends.client.get("/router/state/site"), "the connection that there was goes on"
            ends.pki.revoke(NAME, serial=before.serial, at_s=time.time())
            fresh = ends.another()
            assert await fresh.get("/router/state/site"), "a new one sees the new certificate, on both sides"
            await fresh.close()
            with pytest.raises(Unauthenticated):
                await ends.client.get("/router/state/site")
            assert await ends.client.get("/router/state/site"), "and then looks again"

    run(work())


def test_a_new_certificate_that_is_broken_leaves_the_old_in_use(
    tmp_path: File, caplog: pytest.LogCaptureFixture
) -> None:
    async def work() -> None:
        async with connected(tmp_path, Shelf(told=TOLD)) as ends:
            ends.router.key.write_bytes(b"nonsense")
            fresh = ends.another()
            assert await fresh.get("/router/state/site")
            await fresh.close()
            with pytest.raises(Unavailable, match="are not a certificate and its key"):
                await GnmiServer(Shelf(), ends.router, [f"unix:{tmp_path}/2.sock"]).start()

    run(work())
    assert "the old certificate stays in use" in caplog.text


def test_a_list_of_revoked_that_breaks_leaves_the_last_one_in_force(
    tmp_path: File, caplog: pytest.LogCaptureFixture
) -> None:
    async def work() -> None:
        async with connected(tmp_path, Shelf(told=TOLD)) as ends:
            thief = ends.another(ends.pki.issue("thief", Role.CONTROLLER, at_s=time.time()))
            ends.pki.revoke("thief", at_s=time.time())
            with pytest.raises(Unauthenticated):
                await thief.get("/router")
            assert await ends.client.get("/router/state/site")
            (ends.pki.directory / "crl.pem").write_bytes(b"")
            with pytest.raises(Unauthenticated):
                await thief.get("/router")
            assert await ends.client.get("/router/state/site")
            (ends.pki.directory / "crl.pem").unlink()
            with pytest.raises(Unavailable, match=r"the list of revoked certificates .* cannot be read"):
                await GnmiServer(Shelf(), ends.router, [f"unix:{tmp_path}/2.sock"]).start()

    run(work())
    assert "the last one counts" in caplog.text


def test_files_that_are_missing_are_named(tmp_path: File) -> None:
    async def work() -> None:
        async with connected(tmp_path, Shelf(told=TOLD)) as ends:
            nobody = replace(ends.controller, key=tmp_path / "no.key")
            with pytest.raises(Unavailable, match=r"no\.key cannot be read: No such file"):
                await ends.another(nobody).get("/router")
            with pytest.raises(Unavailable, match=r"no\.key cannot be read"):
                await GnmiServer(Shelf(), replace(ends.router, key=tmp_path / "no.key"), ["127.0.0.1:0"]).start()

    run(work())


def test_nobody_at_the_address(tmp_path: File) -> None:
    async def work() -> None:
        async with connected(tmp_path) as ends:
            for address in (f"unix:{tmp_path}/nobody.sock", "127.0.0.1:1"):
                with pytest.raises(Unavailable, match="denver cannot be reached at"):
                    await GnmiClient(address, NAME, ends.controller).capabilities()
            heard: list[asyncio.StreamWriter] = []
            silent = await asyncio.start_unix_server(lambda _, w: heard.append(w), str(tmp_path / "silent.sock"))
            with pytest.raises(Unavailable, match="does not answer"):
                await GnmiClient(f"unix:{tmp_path}/silent.sock", NAME, ends.controller, timeout_s=0.3).capabilities()
            silent.close()
            for writer in heard:
                writer.transport.abort()

    run(work())


async def _until_synced(stream: AsyncIterator[Notification | Synced]) -> AsyncIterator[Notification | Synced]:
    async for one in stream:
        yield one
        if isinstance(one, Synced):
            return


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
    except ConnectionError:
        pass
    finally:
        writer.close()
