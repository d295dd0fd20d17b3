"""What is missing is said, one sentence each, and trying leaves nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from highroad.lab import namespaces, needs

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")


@needs_root
def test_nothing_is_missing_here_and_trying_leaves_nothing() -> None:
    assert needs.missing() == []
    assert needs.delay_missing() is None
    assert [name for name in namespaces.named("hr-try-") if name == f"hr-try-{os.getpid()}"] == []


@needs_root
def test_who_is_not_root_is_told_to_be() -> None:
    script = "import os; os.setuid(65534); from highroad.lab.needs import missing; print(*missing(), sep='|')"
    paths = ":".join(sys.path)
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {paths.split(':')!r}; import highroad.lab.needs; {script}"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == "Routers need root (network namespaces, routes, queues): run it with sudo."


def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(shutil, "which", lambda program, path=None: None)
    assert "BIRD is not installed (Debian: bird2)." in needs.missing()


@needs_root
def test_a_kernel_without_srv6_is_told_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    from highroad.netlink.kernel import Kernel, KernelRefused
    from highroad.netlink.message import Message

    real = Kernel.do

    def refuse(kernel: Kernel, messages: list[Message]) -> None:
        if any(message.kind == 24 for message in messages):  # a route
            raise KernelRefused(95)
        real(kernel, messages)

    monkeypatch.setattr(Kernel, "do", refuse)
    assert needs.missing() == [
        "The kernel has no SRv6 (CONFIG_IPV6_SEG6_LWTUNNEL) with compressed SIDs (Linux 6.1 and later)."
    ]
