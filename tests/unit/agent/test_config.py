"""The agent's file: what is right is read, what is wrong is told all at once, each with its line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from highroad.agent.config import AgentConfig, Igp, Measure, Watched, loopback_of, parse_config, read_config
from highroad.agent.watching import watch_config
from highroad.errors import Invalid

GOOD = """\
router: {name: denver, site: denver, node: 7, sid_block: "fc00:0::/32", rate_scale: 0.001}
listen: ["unix:/run/highroad/denver.sock", "[fc00:0:7::1]:9339"]
tls: {certificate: denver.crt, key: /etc/highroad/denver.key, authority: ca.crt, revoked: crl.pem}
state: state
igp: bird
core_ports:
  - {interface: to-boise, link: "denver>boise", address: "fd00:1::1/127", neighbour: "fd00:1::", capacity_gbps: 400, latency_ms: 5.1}
  - {interface: to-reno, link: denver>reno, address: fd00:2::/127, neighbour: fd00:2::1, capacity_gbps: 100, latency_ms: 7}
customer_ports:
  - {port: acme-denver, interface: eth3}
"""  # noqa: E501


def config_of(text: str = GOOD) -> AgentConfig:
    config, findings = parse_config(text, Path("/etc/highroad"))
    assert config is not None, findings
    return config


def wrong(text: str) -> list[tuple[int | None, str, str]]:
    config, findings = parse_config(text, Path("/"))
    assert config is None
    return [(finding.line, finding.place, finding.code) for finding in findings]


def test_a_file_comes_to_a_router() -> None:
    config = config_of()
    assert (config.name, config.site, config.node, config.rate_scale) == ("denver", "denver", 7, 0.001)
    assert config.listen == ("unix:/run/highroad/denver.sock", "[fc00:0:7::1]:9339")
    assert config.tls.certificate == Path("/etc/highroad/denver.crt")
    assert config.tls.key == Path("/etc/highroad/denver.key")
    assert config.state == Path("/etc/highroad/state")
    assert config.igp is Igp.BIRD
    assert [(port.interface, port.function) for port in config.core_ports] == [
        ("to-boise", 0xE000),
        ("to-reno", 0xE001),
    ]
    assert (config.core_ports[0].address, config.core_ports[0].prefix_len) == ("fd00:1::1", 127)
    assert config.customer_ports == {"acme-denver": "eth3"}


def test_sids_are_where_rfc_9800_has_them() -> None:
    config = config_of()
    assert config.locator == "fc00:0:7::/48"
    assert config.loopback == "fc00:0:7::1" == loopback_of("fc00::/32", 7)
    assert config.node_sid == "fc00:0:7::"
    assert config.sid(0xE000) == "fc00:0:e000::"
    assert config.sid(0xE000, 0xE001, 0x7, 0xF000, 0xE002, 0xE003) == "fc00:0:e000:e001:7:f000:e002:e003"
    with pytest.raises(ValueError, match="7 micro SIDs"):
        config.sid(1, 2, 3, 4, 5, 6, 7)


def test_what_may_be_left_out_has_a_default() -> None:
    config = config_of(
        "router: {name: a, node: 1}\nlisten: ['unix:/x']\ntls: {certificate: a, key: b, authority: c}\n"
        "core_ports: [{interface: e, link: a>b, address: 'fd00::/127', neighbour: 'fd00::1', capacity_gbps: 1,"
        " latency_ms: 1}]\n"
    )
    assert (config.site, config.rate_scale, config.igp, config.tls.revoked) == ("a", 1.0, Igp.BIRD, None)
    assert config.sid_block == "fc00::/32"
    assert config.state == Path("/var/lib/highroad-agent")


def test_how_paths_are_measured_has_defaults_and_bounds() -> None:
    assert config_of().measure == Measure()
    assert (config_of().measure.interval_ms, config_of().measure.port, config_of().measure.key) == (100, 862, None)
    said = (
        "measure: {interval_ms: 0, most_per_s: 20, most_answers_per_s: 50, port: 1862, key: m.key, clock_error_us: 3}"
    )
    assert config_of(f"{GOOD}{said}\n").measure == Measure(
        interval_ms=0,
        most_per_s=20.0,
        most_answers_per_s=50,
        port=1862,
        key=Path("/etc/highroad/m.key"),
        clock_error_us=3.0,
    )
    assert wrong(f"{GOOD}measure: {{interval_ms: -1, most_per_s: 0, port: 0, clock_error_us: no, often: 1}}\n") == [
        (11, "measure.often", "unknown-key"),
        (11, "measure.interval_ms", "out-of-range"),
        (11, "measure.most_per_s", "out-of-range"),
        (11, "measure.port", "out-of-range"),
        (11, "measure.clock_error_us", "out-of-range"),
    ]


def test_how_neighbours_are_watched_has_defaults_and_bounds() -> None:
    assert config_of().watch == Watched()
    assert (Watched().hellos, Watched().interval_ms, Watched().missed, Watched().key) == (True, 5.0, 3, None)
    said = "watch: {hellos: off, interval_ms: 10, missed: 4, loss: 0.2, hold_up_s: 3, key: w.key}"
    assert config_of(f"{GOOD}{said}\n").watch == Watched(
        hellos=False, interval_ms=10.0, missed=4, loss=0.2, hold_up_s=3.0, key=Path("/etc/highroad/w.key")
    )
    assert wrong(f"{GOOD}watch: {{hellos: maybe, interval_ms: 0.5, missed: 1, loss: 2, hold_up_s: 0, every: 5}}\n") == [
        (11, "watch.every", "unknown-key"),
        (11, "watch.hellos", "bad-choice"),
        (11, "watch.interval_ms", "out-of-range"),
        (11, "watch.missed", "out-of-range"),
        (11, "watch.loss", "out-of-range"),
        (11, "watch.hold_up_s", "out-of-range"),
    ]


def test_each_wave_has_a_key_of_its_own_the_same_at_both_ends(tmp_path: Path) -> None:
    (tmp_path / "all.key").write_text("00ff" * 16)
    (tmp_path / "one.key").write_text("ff00" * 16)
    here = config_of(f"{GOOD}watch: {{key: {tmp_path / 'all.key'}}}\n")
    there = replace(
        here, core_ports=tuple(replace(one, address=one.neighbour, neighbour=one.address) for one in here.core_ports)
    )
    keys = [[port.key for port in watch_config(one).ports] for one in (here, there)]
    assert keys[0] == keys[1]
    assert len(set(keys[0])) == 2
    own = replace(here, core_ports=(replace(here.core_ports[0], key=tmp_path / "one.key"),))
    assert watch_config(own).ports[0].key == bytes.fromhex("ff00" * 16)
    assert [port.key for port in watch_config(config_of()).ports] == [b"", b""]


def test_everything_is_told_at_once_with_its_line() -> None:
    text = """\
router: {name: "den ver", node: 2048, sid_block: "fc00::/33", rate_scale: 0, colour: red}
listen: ["unix:relative", "denver:9339", "[fc00::1]:99999"]
tls: {certificate: a, authority: c}
igp: isis
core_ports:
  - {interface: an-interface-too-long, link: x, address: "10.0.0.1/31", neighbour: "10.0.0.2", capacity_gbps: -1, latency_ms: nan}
  - {interface: e1, link: x, address: "fc00:0:9::1/127", neighbour: "fd00::9", capacity_gbps: 1, latency_ms: 1}
  - {interface: e1, link: y, address: "fd00::1/127", neighbour: "fd00::9", capacity_gbps: 1, latency_ms: 1}
customer_ports:
  - {port: p, interface: e1}
  - {port: p, interface: e9}
"""  # noqa: E501
    assert wrong(text) == [
        (1, "router.colour", "unknown-key"),
        (1, "router.name", "bad-name"),
        (1, "router.sid_block", "bad-address"),
        (1, "router.node", "out-of-range"),
        (1, "router.rate_scale", "out-of-range"),
        (2, "listen[0]", "bad-address"),
        (2, "listen[1]", "bad-address"),
        (2, "listen[2]", "bad-address"),
        (3, "tls.key", "missing"),
        (4, "igp", "bad-choice"),
        (6, "core_ports[0].interface", "bad-interface"),
        (6, "core_ports[0].address", "bad-address"),
        (6, "core_ports[0].neighbour", "bad-address"),
        (6, "core_ports[0].capacity_gbps", "out-of-range"),
        (6, "core_ports[0].latency_ms", "out-of-range"),
        (7, "core_ports[1].address", "bad-address"),
        (7, "core_ports[1].link", "duplicate"),
        (8, "core_ports[2].neighbour", "bad-neighbour"),
        (8, "core_ports[2].interface", "duplicate"),
        (10, "customer_ports[0].interface", "duplicate"),
        (11, "customer_ports[1].port", "duplicate"),
    ]


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("", ["empty"]),
        ("[1, 2]", ["not-a-mapping"]),
        ("router: [", ["bad-yaml"]),
        ("router: {name: a", ["bad-yaml"]),
        ("[" * 5000, ["bad-yaml"]),
        ("\x00", ["bad-yaml"]),
    ],
)
def test_what_is_no_agent_file_is_said_to_be_none(text: str, codes: list[str]) -> None:
    found = wrong(text)
    assert [code for _, _, code in found][: len(codes)] == codes


def test_aliases_do_no_harm() -> None:
    text = GOOD.replace("site: denver", "site: &a denver").replace("port: acme-denver", "port: *a")
    assert config_of(text).customer_ports == {"denver": "eth3"}


def test_a_file_that_is_not_there_is_a_finding(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="cannot be read: No such file"):
        read_config(tmp_path / "agent.yaml")
    (tmp_path / "big").write_bytes(b" " * 1_000_001)
    with pytest.raises(Invalid, match="over 1 MB"):
        read_config(tmp_path / "big")
    (tmp_path / "good").write_text(GOOD)
    assert read_config(tmp_path / "good").state == tmp_path / "state"
