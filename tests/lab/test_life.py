"""A lab's life: started once, found again, killed and cleared away, beside another that it never meets."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from highroad.errors import Conflict, Invalid, Unavailable
from highroad.formats import native
from highroad.lab import namespaces, record, run
from highroad.lab.names import RUN, LabId, lab_id
from highroad.lab.talk import Options
from highroad.model.network import SiteId
from tests.lab.rig import Rig, inside, lab, needs_root, pinged, sh, wires
from tests.unit.fabric.small import backbone

pytestmark = needs_root

SILENT = "tests.lab.agents:silent"
BROKEN = "tests.lab.agents:broken"


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "lab"
    asyncio.run(run.down(tmp_path / "lab"))


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A lab for all who only look at one."""
    with lab(tmp_path_factory.mktemp("standing") / "lab", "a-b", "b-c", entry=SILENT, rate_scale=0.01) as up:
        yield up


def test_nothing_is_left_of_a_lab_that_went_down(folder: Path) -> None:
    rig = Rig(folder, backbone("a-b", "b-c"), Options(entry=SILENT))
    rig.attach(*wires("s-1", "a", "c"))
    processes = rig.do(rig.client.info()).processes
    assert {"daemon", "nursery", "traffic", "delay", "agent-r-a", "agent-r-b", "agent-r-c"} == set(processes)
    inside(rig.router("a"), "sh", "-c", "sleep 1000 >/dev/null 2>&1 &")  # somebody's own, in a namespace of ours
    before = root_interfaces()
    assert asyncio.run(run.down(folder))
    assert gone(rig.id, processes)
    assert root_interfaces() == before
    assert not asyncio.run(run.down(folder))


def test_a_lab_that_is_up_is_found_and_not_built_again(standing: Rig) -> None:
    folder, network, options = standing.folder, standing.network, standing.options
    standing.attach(*wires("s-1", "a", "b"))
    info = standing.do(standing.client.info())
    again = Rig(folder, network, options)
    assert again.do(again.client.info()).instance == info.instance
    assert again.do(again.client.wired()) == {"s-1.a", "s-1.b"}
    with pytest.raises(Conflict, match="another lab is up"):
        Rig(folder, backbone("a-b"), options)
    with pytest.raises(Conflict, match="another lab is up"):
        Rig(folder, network, Options(entry=SILENT, rate_scale=0.5))


def test_two_who_start_it_at_once_get_the_same(folder: Path) -> None:
    async def both() -> list[str]:
        network, options = backbone("a-b"), Options()
        starts = [run.start(folder, network, options) for _ in range(2)]
        clients = await asyncio.gather(*starts, return_exceptions=True)
        found = [client for client in clients if not isinstance(client, BaseException)]
        assert found, clients
        return [(await client.info()).instance for client in found]

    assert len(set(asyncio.run(both()))) == 1


def test_packets_go_on_when_the_daemon_is_killed_and_the_next_start_clears_up(folder: Path) -> None:
    network, options = backbone("a-b", latency_ms=4.0), Options(entry=SILENT)
    rig = Rig(folder, network, options)
    a, b = wires("s-1", "a", "b")
    rig.attach(a, b)
    rig.steer("a>b", a, b)
    host = rig.id.host("port-a")
    assert pinged(host, b.ce4, "-c", "3")[0] == 3
    old = rig.do(rig.client.info())
    os.kill(old.processes["daemon"], signal.SIGKILL)
    time.sleep(0.2)
    answered, times = pinged(host, b.ce4, "-c", "10")
    assert answered == 10
    assert min(times) > 7.5  # and it takes as long as before
    left = record.living(rig.id)
    assert "agent-r-a" in left
    assert "daemon" not in left
    with pytest.raises(Unavailable, match="its routers go on"):
        rig.do(rig.client.info())
    new = Rig(folder, network, options)
    info = new.do(new.client.info())
    assert info.instance != old.instance
    assert not set(info.processes.values()) & set(left.values())
    assert not any(alive(pid) for pid in left.values())
    assert new.do(new.client.wired()) == frozenset()
    assert namespaces.named(rig.id.prefix) == sorted([rig.id.router("a"), rig.id.router("b"), rig.id.wires])


def test_what_was_killed_goes_down_as_well(folder: Path) -> None:
    rig = Rig(folder, backbone("a-b"), Options(entry=SILENT))
    rig.attach(*wires("s-1", "a", "b"))
    processes = rig.do(rig.client.info()).processes
    for role in ("daemon", "nursery", "delay"):
        os.kill(processes[role], signal.SIGKILL)
    assert asyncio.run(run.down(folder))
    assert gone(rig.id, processes)


def test_a_number_that_somebody_else_has_by_now_is_let_alone(folder: Path) -> None:
    rig = Rig(folder, backbone("a-b"), Options(entry=SILENT))
    with subprocess.Popen(["sleep", "100"]) as bystander:
        traffic = rig.do(rig.client.info()).processes["traffic"]
        note = rig.id.run_folder / "processes" / "traffic"
        note.write_text(f"{bystander.pid} 1\n")
        asyncio.run(run.down(folder))
        assert not alive(traffic)  # whose record was lost
        assert bystander.poll() is None
        bystander.kill()


def test_packets_go_on_at_once_when_the_process_that_delays_is_killed(folder: Path) -> None:
    rig = Rig(folder, backbone("a-b", latency_ms=4.0), Options())
    span = rig.plan.spans[0]
    assert min(pinged(rig.router("a"), span.a.neighbour, "-c", "3")[1]) > 7.5
    os.kill(rig.do(rig.client.info()).processes["delay"], signal.SIGKILL)
    answered, times = pinged(rig.router("a"), span.a.neighbour, "-c", "10")
    assert answered == 10
    assert min(times) < 4.0
    info = rig.do(rig.client.info())
    assert info.note == "the lab's delay process has ended: links have no length."
    assert not info.delay


def test_two_labs_side_by_side_never_meet(tmp_path: Path) -> None:
    """The same network, ports, services, addresses: what one sends, the other does not see."""
    with lab(tmp_path / "one", "a-b", "b-c") as one, lab(tmp_path / "two", "a-b", "b-c") as two:
        assert not set(namespaces.named(one.id.prefix)) & set(namespaces.named(two.id.prefix))
        a, b = wires("s-1", "a", "c")
        for rig in (one, two):
            rig.attach(a, b)
        one.steer("a>b>c", a, b)
        assert pinged(one.id.host("port-a"), b.ce4, "-c", "3")[0] == 3
        assert pinged(two.id.host("port-a"), b.ce4, "-c", "3")[0] == 0  # nobody steers it there
        before = received(two)
        inside(one.id.host("port-a"), "ping", "-q", "-l", "200", "-c", "200", b.ce4)
        inside(one.router("a"), "ping", "-q", "-l", "200", "-c", "200", one.plan.spans[0].a.neighbour)
        assert received(two) - before < 100  # neighbours and routers talk to each other all the time
        one.do(one.client.cut(one.network.fibres[0].id))
        assert two.do(two.client.cuts()) == {}
        assert pinged(two.router("a"), two.plan.spans[0].a.neighbour, "-c", "3")[0] == 3
        asyncio.run(run.down(one.folder))
        assert pinged(two.router("a"), two.plan.spans[0].a.neighbour, "-c", "3")[0] == 3


def test_an_agent_that_ends_is_started_again_and_one_that_was_killed_is_not(folder: Path) -> None:
    rig = Rig(folder, backbone("a-b"), Options(entry=SILENT))
    first = rig.do(rig.client.routers())[SiteId("a")].pid
    assert first is not None
    assert Path(f"/proc/{first}/ns/net").stat().st_ino == Path("/run/netns", rig.router("a")).stat().st_ino
    os.kill(first, signal.SIGKILL)
    eventually(lambda: (rig.do(rig.client.routers())[SiteId("a")].pid or first) != first)
    second = rig.do(rig.client.routers())[SiteId("a")]
    assert second.restarts == 1
    child = subprocess.Popen(["ip", "netns", "exec", rig.router("a"), "sleep", "1000"])
    eventually(lambda: child.pid in namespaces.processes_in([rig.router("a")]))
    rig.do(rig.client.kill_router(SiteId("a")))
    assert child.wait(timeout=60) == -signal.SIGKILL  # nothing runs on a dead router
    time.sleep(0.5)
    dead = rig.do(rig.client.routers())[SiteId("a")]
    assert dead.pid is None
    assert dead.killed_s is not None
    assert rig.do(rig.client.status()).routers[0].note == "its agent does not run"
    rig.do(rig.client.revive_router(SiteId("a")))
    assert rig.do(rig.client.routers())[SiteId("a")].pid is not None
    rig.do(rig.client.ready())


def test_agents_share_what_they_import(standing: Rig) -> None:
    for router in standing.do(standing.client.routers()).values():
        assert router.memory_mb is not None
        assert router.memory_mb < 25.0


def test_an_agent_that_cannot_start_is_named_with_its_last_words(folder: Path) -> None:
    with pytest.raises(
        Unavailable, match=r"the agent of [ab] does not start: ValueError: [ab]\.yaml is not to my liking"
    ):
        Rig(folder, backbone("a-b"), Options(entry=BROKEN))


def test_an_entry_that_is_none_is_told(folder: Path) -> None:
    with pytest.raises(Unavailable, match="the lab's nursery process has ended: ModuleNotFoundError"):
        Rig(folder, backbone("a-b"), Options(entry="highroad.nothing:here"))


def test_a_network_that_no_lab_can_be_is_refused_before_anything_is_made(folder: Path) -> None:
    from dataclasses import replace

    network = backbone("a-b")
    with pytest.raises(Invalid, match="no opposite"):
        Rig(folder, replace(network, links=network.links[:1]), Options())
    assert not folder.exists()


def test_files_of_agents_are_what_agents_read(standing: Rig) -> None:
    from highroad.agent.config import read_config

    for router in standing.plan.routers:
        config = read_config(standing.folder / "agents" / f"{router.site}.yaml")
        assert (config.name, config.site, config.node, config.rate_scale) == (
            router.site,
            router.site,
            router.node,
            0.01,
        )
        assert [port.link for port in config.core_ports] == [port.link for port in router.ports]
        assert [port.neighbour for port in config.core_ports] == [port.neighbour for port in router.ports]
        assert config.tls.certificate.exists()
        assert config.tls.key.stat().st_mode & 0o077 == 0


def test_the_daemon_answers_nonsense_and_goes_on(standing: Rig) -> None:
    for line in (
        b"",
        b"nonsense",
        b'{"do": "fly"}',
        b'{"do": "attach", "about": 7}',
        b'{"do": "cut", "about": {}}',
        b"[]",
    ):
        with socket.socket(socket.AF_UNIX) as asked:
            asked.connect(str(standing.id.socket))
            asked.sendall(line + b"\n")
            answer = json.loads(asked.makefile("rb").readline())
            assert answer["code"] in ("unavailable", "not-found")
            assert answer["message"]
    with socket.socket(socket.AF_UNIX) as asked:
        asked.connect(str(standing.id.socket))
        asked.sendall(b'{"do": "in')  # and leaves
    assert len(standing.do(standing.client.status()).routers) == 3


def test_only_its_owner_may_ask_it(standing: Rig) -> None:
    assert standing.id.run_folder.stat().st_mode & 0o077 == 0
    assert standing.folder.stat().st_mode & 0o077 == 0


def test_the_command_line_starts_and_ends_one(tmp_path: Path) -> None:
    highroad = [str(Path(sys.executable).with_name("highroad")), "lab"]
    file = tmp_path / "network.yaml"
    file.write_text(native.write(backbone("a-b", "b-c")))
    up = json.loads(sh(*highroad, "up", "--home", str(tmp_path), "--network", str(file), "--no-delay", "--json"))
    try:
        assert [router["site"] for router in up["routers"]] == ["a", "b", "c"]
        assert not up["delay"]
        for router in up["routers"]:
            assert router["namespace"] in namespaces.named("hr-")
    finally:
        down = json.loads(sh(*highroad, "down", "--home", str(tmp_path), "--json"))
    assert down == {"was_up": True}
    assert namespaces.named(lab_id(tmp_path / "lab").prefix) == []
    assert "There was no lab." in sh(*highroad, "down", "--home", str(tmp_path))
    wrong = subprocess.run(
        [*highroad, "up", "--home", str(tmp_path), "--network", "nowhere"], capture_output=True, text=True
    )
    assert wrong.returncode == 4
    assert "nowhere is none of" in wrong.stderr


def gone(lab_: LabId, processes: dict[str, int]) -> bool:
    """Whether nothing of a lab is on the machine."""
    assert [name for role, pid in processes.items() if alive(pid) for name in [role]] == []
    assert namespaces.named(lab_.prefix) == []
    assert not lab_.run_folder.exists()
    assert not [entry for entry in RUN.iterdir() if entry.name == lab_.text]
    return True


def alive(pid: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    return False


def received(rig: Rig) -> int:
    """How many packets every interface of a lab has received."""
    total = 0
    for name in namespaces.named(rig.id.prefix):
        for link in json.loads(inside(name, "ip", "-j", "-s", "link")):
            total += link["stats64"]["rx"]["packets"]
    return total


def root_interfaces() -> set[str]:
    return {entry.name for entry in Path("/sys/class/net").iterdir() if not entry.name.startswith("hrt")}


def eventually(holds: object, within_s: float = 60.0) -> None:
    until = time.monotonic() + within_s
    while not holds():  # type: ignore[operator]
        assert time.monotonic() < until, "it never came to that"
        time.sleep(0.02)
