"""The agent's systemd unit, as text: what `highroad agent --unit` prints."""

from __future__ import annotations

from pathlib import Path

OWN = Path("/var/lib/highroad-agent")
"""Where the agent's memory is unless its file says otherwise; systemd makes it."""


def unit(program: Path, config: Path, state: Path = OWN) -> str:
    """A unit that runs an agent with this program and file. `program` is an absolute path of `highroad`; `state` is
    where its memory is, which has to be there unless it is `OWN`.
    """
    kept = "StateDirectory=highroad-agent\nStateDirectoryMode=0700" if state == OWN else f"ReadWritePaths={state}"
    return f"""\
[Unit]
Description=Highroad router agent
Wants=network-online.target
After=network-online.target systemd-networkd.service

[Service]
Type=notify
ExecStart={program} agent --config {config}
Restart=always
RestartSec=1
TimeoutStartSec=120
TimeoutStopSec=30
# To stop or to upgrade the agent takes nothing from traffic: the kernel goes on forwarding, BIRD goes on running, and
# the watcher goes on repairing, in real time.
KillMode=process
KillSignal=SIGUSR1
{kept}
RuntimeDirectory=highroad
UMask=0077
OOMScoreAdjust=-900
LimitNOFILE=65536
LimitRTPRIO=5
LimitMEMLOCK=infinity
CapabilityBoundingSet=CAP_NET_ADMIN CAP_NET_RAW CAP_NET_BIND_SERVICE CAP_SYS_ADMIN CAP_BPF CAP_PERFMON
CapabilityBoundingSet=CAP_KILL CAP_SYS_NICE CAP_IPC_LOCK
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
ProtectClock=yes
RestrictSUIDSGID=yes
LockPersonality=yes

[Install]
WantedBy=multi-user.target
"""
