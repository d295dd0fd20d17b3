"""What a host lacks is said, a sentence each; the unit and the how-to are what the agent takes."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from highroad.agent.config import parse_config
from highroad.agent.host import check, check_host
from highroad.agent.systemd import unit
from highroad.main.agent import agent
from highroad.netlink import features
from highroad.netlink.kernel import Kernel, KernelRefused
from highroad.netlink.message import Message
from tests.unit.agent.namespaces import Namespaces
from tests.unit.agent.test_config import GOOD, config_of
from tests.unit.agent.test_igp import setns

root = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")
PAGE = Path(__file__).parents[3] / "docs" / "real-host.md"


@root
def test_this_kernel_has_what_a_router_is_made_of() -> None:
    assert features.missing() == []


@root
def test_each_thing_that_a_kernel_lacks_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    do = Kernel.do

    def poor(self: Kernel, messages: Iterable[Message]) -> None:
        wanted = list(messages)
        if any(b"seg6" in one.body or b"\x0dvxlan" in one.body or one.kind in (36, 40, 44, 104) for one in wanted):
            raise KernelRefused(95, "Unknown kind")
        do(self, wanted)

    monkeypatch.setattr(Kernel, "do", poor)
    sentences = features.missing()
    assert len(sentences) == 5
    assert all(one.startswith("The kernel has no ") and one.endswith(": Unknown kind.") for one in sentences)
    assert "hierarchical token buckets" in " ".join(sentences)


def test_who_is_not_root_is_told_so_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert features.missing() == ["Routers need root: routes, queues and programs of the kernel are made."]


@root
def test_interfaces_files_and_sizes_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda *args, **more: None)
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    with Namespaces() as spaces:
        a, b = spaces.add("a"), spaces.add("b")
        spaces.join(a, "to-boise", b, "x", mtu=9000)
        spaces.join(a, "eth3", b, "y", mtu=9000)
        there = os.open(f"/run/netns/{a}", os.O_RDONLY)
        setns(there)
        try:
            measured = "measure: {key: measure.key}\n"
            found = {finding.code: str(finding) for finding in check_host(config_of(f"{GOOD}{measured}"))}
        finally:
            setns(home)
            os.close(there)
            os.close(home)
    assert "there is no interface to-reno; there are eth3, lo, to-boise" in found["interface-missing"]
    assert "to-boise takes packets of 9000 bytes; a customer's port takes 9000" in found["core-mtu"]
    assert "/etc/highroad/crl.pem cannot be read" in found["no-file"]
    assert "measure.key: /etc/highroad/measure.key cannot be read" in found["bad-key"]
    assert "BIRD 2 is not installed" in found["no-bird"]


def test_a_wrong_file_and_what_the_host_lacks_are_told_in_one_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda *args, **more: None)
    monkeypatch.setattr(features, "missing", lambda: ["The kernel has no seg6."])
    file = tmp_path / "agent.yaml"
    file.write_text(
        GOOD.replace("node: 7", "node: 0").replace("certificate: denver.crt, ", "").replace("eth3", "no/name")
    )
    app = typer.Typer()
    app.command()(agent)
    ran = CliRunner().invoke(app, ["--config", str(file), "--check", "--json"])
    assert ran.exit_code == 2, ran.output
    found = [(one["code"], one["place"]) for one in json.loads(ran.stdout)["findings"]]
    missing = [("no-file", f"tls.{name}") for name in ("key", "authority", "revoked")]
    assert found == [
        ("out-of-range", "router.node"), ("missing", "tls.certificate"),
        ("bad-interface", "customer_ports[0].interface"), *missing, ("kernel", ""),
        *(("interface-missing", f"core_ports[{index}].interface") for index in (0, 1)), ("no-bird", "igp"),
    ]  # fmt: skip
    file.write_text(GOOD.replace("igp: bird", "igp: ospf"))
    assert [one.code for one in check(file) if one.place == "igp"] == ["bad-choice"]
    file.write_text("- [")
    assert [one.code for one in check(file)] == ["bad-yaml", "kernel"]
    assert [one.code for one in check(tmp_path / "none.yaml")] == ["no-file", "kernel"]


def test_the_unit_is_one_that_systemd_takes(tmp_path: Path) -> None:
    text = unit(Path("/bin/true"), Path("/etc/highroad/agent.yaml"))
    assert "ExecStart=/bin/true agent --config /etc/highroad/agent.yaml\n" in text
    if shutil.which("systemd-analyze") is None:
        return
    file = tmp_path / "highroad-agent.service"
    file.write_text(text)
    done = subprocess.run(["systemd-analyze", "verify", str(file)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.strip()) == (0, "")


def test_the_unit_lets_the_agent_write_where_its_file_says() -> None:
    assert "ReadWritePaths=/srv/state\n" in unit(Path("/bin/true"), Path("/etc/a.yaml"), Path("/srv/state"))
    assert "StateDirectory=" not in unit(Path("/bin/true"), Path("/etc/a.yaml"), Path("/srv/state"))


def test_the_file_of_the_how_to_is_right() -> None:
    (text,) = [
        block for block in re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL) if "core_ports" in block
    ]
    config, findings = parse_config(text, Path("/etc/highroad"))
    assert config is not None, findings
    assert config.locator == "fc00:0:7::/48"
    assert str(config.state) == "/var/lib/highroad-agent"
