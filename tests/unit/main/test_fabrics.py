"""Which fabric a controller gets, and what it is told about it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from highroad.errors import Forbidden, Unavailable
from highroad.fabric.clock import SystemClock
from highroad.main import fabrics
from highroad.main.fabrics import Carrier
from highroad.main.home import Home
from highroad.model.network import Network
from highroad.settings import Settings
from highroad.storage.store import SqlStore
from tests.support.stores import in_memory
from tests.unit.fabric.linux.routers import bench
from tests.unit.fabric.small import backbone

SQUARE = backbone("a-b", "b-d", "a-c", "c-d")
NO_ROOT = "Routers need root (network namespaces, routes, queues): run it with sudo."


async def started(
    home: Home, settings: Settings, network: Network | None = SQUARE, store: SqlStore | None = None
) -> tuple[Carrier, Network, list[str]]:
    return await fabrics.start(settings, home, store or in_memory(), network, SystemClock())


def lacking(monkeypatch: pytest.MonkeyPatch, *sentences: str) -> None:
    def missing() -> Sequence[str]:
        return list(sentences)

    monkeypatch.setattr("highroad.lab.needs.missing", missing)


def test_where_routers_cannot_run_it_is_the_twin_and_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lacking(monkeypatch, NO_ROOT)
    home = Home(tmp_path)

    async def scene() -> None:
        carrier, network, said = await started(home, Settings(fabric="auto"), network=None)
        await carrier.close()
        assert (carrier.name, carrier.carries_tags, network.name) == ("twin", True, "US reference")
        assert said == [NO_ROOT, "So the traffic is the twin's: a model, no packets."]
        with pytest.raises(Unavailable, match="need root"):
            await started(home, Settings(fabric="linux"))

    asyncio.run(scene())


def test_a_home_goes_on_on_the_fabric_that_it_began_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = Home(tmp_path)

    async def scene() -> None:
        carrier, _, said = await started(home, Settings(fabric="twin"))
        await carrier.close()
        assert (said, home.fabric) == ([], "twin")
        lacking(monkeypatch)
        carrier, _, said = await started(home, Settings(fabric="auto"))
        await carrier.close()
        assert (carrier.name, said) == ("twin", [])

    asyncio.run(scene())


def test_a_lab_of_many_routers_is_only_started_for_who_insists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lacking(monkeypatch)
    ring = backbone(*(f"r{number:02}-r{number + 1:02}" for number in range(60)))

    async def scene() -> None:
        carrier, _, said = await started(Home(tmp_path), Settings(fabric="auto"), network=ring)
        await carrier.close()
        assert carrier.name == "twin"
        assert "61 sites" in said[0]
        assert "--fabric linux" in said[0]

    asyncio.run(scene())


def test_routers_on_hosts_of_their_own_are_reached_and_the_older_controller_is_told(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()

    async def scene() -> None:
        async with bench(tmp_path, SQUARE) as routers:
            entries = [f'  - {{site: {site}, address: "{routers.address(site)}"}}' for site in routers.routers]
            file = tmp_path / "routers.yaml"
            file.write_text("routers:\n" + "\n".join(entries) + "\n")
            settings = Settings(fabric="auto", routers=file, pki=tmp_path / "pki")
            store = SqlStore(home / "store.db")
            for _ in range(3):
                carrier, _, said = await started(Home(home), settings, store=store)
                await carrier.close()
                assert (carrier.name, carrier.lab, carrier.carries_tags, said) == ("linux", None, True, [])
            assert all(max(router.elections.values()) == 3 for router in routers.routers.values())
            with pytest.raises(Forbidden, match="4 routers do not take this controller"):
                await started(Home(home), settings, store=in_memory())
            assert not any(router.writes for router in routers.routers.values())

    asyncio.run(scene())
