"""Somebody else's client: pygnmi reads, sets and subscribes, over mutual TLS, and is refused where it has to."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path as File
from typing import Any

import pytest

from highroad.gnmi.router import attachment_to_json, policy_to_json
from tests.unit.gnmi.small import NAME, Ends, Shelf, attachment, connected, intended, policy, run

pygnmi: Any = pytest.importorskip("pygnmi.client")

pytestmark = [
    # It leaves its files to the collector, and its reading thread to the end of the channel.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning"),
]

TOLD = intended([attachment()], [policy(), policy("s-2", mtu_bytes=1500)])
PORT = "/router/state/core-port[interface=to-boise]"


def with_pygnmi(tmp_path: File, use: Callable[[Any, Ends], None], target: Shelf | None = None) -> None:
    """Use a pygnmi client, which blocks, in a thread beside the server's event loop."""

    def session(ends: Ends) -> None:
        host, _, port = ends.tcp.rpartition(":")
        files = ends.controller
        with pygnmi.gNMIclient(
            target=(host, int(port)),
            path_cert=str(files.certificate),
            path_key=str(files.key),
            path_root=str(files.authority),
            override=NAME,
        ) as client:
            use(client, ends)

    async def work() -> None:
        async with connected(tmp_path, target or Shelf(told=TOLD)) as ends:
            await asyncio.to_thread(session, ends)

    run(work())
    for thread in threading.enumerate():
        if "enqueue_updates" in thread.name:  # what it says at its end it says in this test
            thread.join(timeout=10)


def test_it_learns_what_is_spoken(tmp_path: File) -> None:
    def use(client: Any, ends: Ends) -> None:
        told = client.capabilities()
        assert "highroad-router" in [one["name"] for one in told["supported_models"]]
        assert set(told["supported_encodings"]) == {"json_ietf", "json"}
        assert told["gnmi_version"] == "0.8.0"

    with_pygnmi(tmp_path, use)


@pytest.mark.parametrize("encoding", ["json", "json_ietf"])
def test_it_reads(encoding: str, tmp_path: File) -> None:
    def use(client: Any, ends: Ends) -> None:
        told = client.get(path=["/router/policy[service=*]/mtu", "/router/state/site"], encoding=encoding)
        updates = [one for notification in told["notification"] for one in notification["update"]]
        assert {one["path"]: one["val"] for one in updates} == {
            "router/policy[service=s-1]/mtu": 9000,
            "router/policy[service=s-2]/mtu": 1500,
            "router/state/site": "denver",
        }
        config = client.get(path=["/highroad-router:router"], datatype="config", encoding=encoding)
        assert set(config["notification"][0]["update"][0]["val"]) == {"attachment", "policy", "protection"}

    with_pygnmi(tmp_path, use)


def test_it_sets(tmp_path: File) -> None:
    def use(client: Any, ends: Ends) -> None:
        new = policy_to_json(policy("s-3"))
        told = client.set(
            delete=["/router/policy[service=s-2]"],
            replace=[("/router/attachment[id=a-2]", attachment_to_json(attachment("a-2")))],
            update=[("/router/policy[service=s-3]", new)],
            encoding="json_ietf",
        )
        assert [one["op"] for one in told["response"]] == ["DELETE", "REPLACE", "UPDATE"]
        assert ends.target.told == intended([attachment(), attachment("a-2")], [policy(), policy("s-3")])

    with_pygnmi(tmp_path, use)


def test_it_is_told_what_is_wrong(tmp_path: File) -> None:
    def use(client: Any, ends: Ends) -> None:
        bad = {**policy_to_json(policy("s-3")), "mtu": 1, "atachment": "x"}
        with pytest.raises(Exception, match="did you mean `attachment`") as raised:
            client.set(update=[("/router/policy[service=s-3]", bad)], encoding="json_ietf")
        assert "1 is out of range: 1280 to 65535" in str(raised.value)
        with pytest.raises(Exception, match="did you mean `policy`"):
            client.get(path=["/router/polcy"])
        assert ends.target.told is TOLD

    with_pygnmi(tmp_path, use)


def test_it_is_fenced(tmp_path: File) -> None:
    def use(client: Any, ends: Ends) -> None:
        with pytest.raises(Exception, match="a Set without master arbitration is refused"):
            client.set(delete=["/router/policy[service=s-2]"])
        assert ends.target.told is TOLD

    with_pygnmi(tmp_path, use, Shelf(told=TOLD, elections={"": 1}))


def test_it_subscribes(tmp_path: File) -> None:
    def use(client: Any, ends: Ends) -> None:
        loop_target = ends.target
        wishes = {
            "subscription": [
                {"path": f"{PORT}/oper-status", "mode": "on_change"},
                {"path": f"{PORT}/counters", "mode": "sample", "sample_interval": int(0.1e9)},
            ],
            "mode": "stream",
            "encoding": "json_ietf",
        }
        stream = client.subscribe_stream(subscribe=wishes)
        first = [stream.get_update(timeout=60) for _ in range(3)]
        assert {"sync_response": True} in first or any("sync_response" in one for one in first)
        values = [one["val"] for told in first for one in told.get("update", {}).get("update", ())]
        assert "UP" in values
        loop_target.state["core-port"][0]["oper-status"] = "DOWN"
        later = stream.get_update(timeout=60)
        paths = [one["path"] for one in later["update"]["update"]]
        assert any("out-octets" in path for path in paths), later
        stream.close()
        once = client.subscribe_once(subscribe={**wishes, "mode": "once"})
        told = [one for message in once for one in message.get("update", {}).get("update", ())]
        assert "DOWN" in [one["val"] for one in told]

    with_pygnmi(tmp_path, use)
