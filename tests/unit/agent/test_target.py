"""A Set is all or nothing, whatever fails: the check, the kernel, the disk, in the change or on the way back."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

import pytest

from highroad.agent.counters import Counters
from highroad.agent.headend import Headend
from highroad.agent.journal import Journal
from highroad.agent.notices import Notices
from highroad.agent.state import State
from highroad.agent.target import RouterTarget
from highroad.errors import Finding, Invalid, Unavailable
from highroad.gnmi.path import parse
from highroad.gnmi.router import CandidatePath, Intended, attachment_to_json, policy_to_json
from highroad.gnmi.target import Delete, Edit, Kind, Replace
from highroad.netlink.kernel import Kernel
from tests.unit.agent.running import in_loop
from tests.unit.agent.told import attachment, policy, told


class Kernels:
    """What the kernel holds, and what it does next."""

    def __init__(self) -> None:
        self.holds = Intended()
        self.calls: list[str] = []
        self.findings: list[Finding] = []
        self.fails: list[Exception | None] = []
        self.before_apply: Callable[[], None] = lambda: None

    def check(self, intended: Intended, before: Intended | None = None) -> list[Finding]:
        self.calls.append("check")
        return self.findings

    flipped: Mapping[str, int] = MappingProxyType({})

    def adopt(self, intended: Intended) -> Mapping[str, CandidatePath]:
        return {}

    def flip(self, kernel: Kernel, *, wait: bool = True) -> bool | None:
        return True

    is_lent = False

    def follow(self, kernel: Kernel) -> bool:
        return True

    def apply(self, old: Intended, new: Intended) -> int:
        self.calls.append("apply")
        assert self.holds == old
        self.before_apply()
        if self.fails and (failure := self.fails.pop(0)) is not None:
            raise failure
        self.holds = new
        return 1

    def converge(self, intended: Intended) -> int:
        self.calls.append("converge")
        differs = self.holds != intended
        self.holds = intended
        return int(differs)


class Quiet:
    """Stands in for what hears, counts and tells, where it does not matter."""

    def __init__(self) -> None:
        self.light: dict[str, Any] = {}
        self.notes: dict[str, Any] = {}

    @contextmanager
    def by_us(self) -> Iterator[None]:
        yield

    def dark_links(self) -> list[str]:
        return []

    def __getattr__(self, name: str) -> Any:
        return lambda *args, **more: None


class Bench:
    """A target over a real journal and a kernel that does as it is told."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.kernel = Kernels()
        self.journal = Journal(folder)
        self.target = self._target()

    def _target(self) -> RouterTarget:
        quiet = Quiet()
        return RouterTarget(
            journal=self.journal,
            steering=self.kernel,
            counters=cast(Counters, quiet),
            notices=cast(Notices, quiet),
            state=cast(State, quiet),
            headend=Headend(self.kernel, lambda: self.journal.committed, cast(Kernel, quiet)),
            kernel=cast(Kernel, quiet),
            worker=ThreadPoolExecutor(max_workers=1),
        )

    def again(self) -> None:
        """Another life, after a kill."""
        self.journal.close()
        self.journal = Journal(self.folder)
        self.target = self._target()

    def consistent(self) -> bool:
        """Whether kernel, memory and disk say the same."""
        on_disk = (self.folder / "journal").read_bytes()
        self.again()
        assert (self.folder / "journal").read_bytes() == on_disk
        return self.kernel.holds == self.target.intended


def edits(*indices: int, kbps: int = 1000) -> Sequence[Edit]:
    found: list[Edit] = []
    for index in indices:
        one, two = attachment(index), policy(index, kbps=kbps)
        found.append(Replace(path=parse(f"/router/attachment[id={one.id}]"), value=attachment_to_json(one)))
        found.append(Replace(path=parse(f"/router/policy[service={two.service}]"), value=policy_to_json(two)))
    return found


@in_loop
async def test_what_is_set_is_in_the_kernel_on_disk_and_told(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    watch = bench.target.watch([parse("/router/policy")])
    await bench.target.write(edits(1, 2))
    assert bench.kernel.holds == bench.target.intended == told(1, 2, kbps=1000)
    news = await anext(aiter(watch))
    assert [str(path) for path, _ in news.updates] == ["/router/policy[service=s1]", "/router/policy[service=s2]"]
    await bench.target.write([Delete(path=parse("/router/policy[service=s1]"))])
    news = await anext(aiter(watch))
    assert [str(path) for path in news.deletes] == ["/router/policy[service=s1]"]
    found = await bench.target.read(parse("/router/policy[service=s2]"), Kind.CONFIG)
    assert found[0][1] == policy_to_json(policy(2, kbps=1000))
    await watch.aclose()
    assert bench.consistent()


@in_loop
async def test_what_changes_nothing_goes_nowhere(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    await bench.target.write(edits(1))
    bench.kernel.calls.clear()
    on_disk = (tmp_path / "journal").read_bytes()
    await bench.target.write(edits(1))
    await bench.target.write([Delete(path=parse("/router/policy[service=s9]"))])
    assert bench.kernel.calls == []
    assert (tmp_path / "journal").read_bytes() == on_disk


@in_loop
async def test_what_the_check_refuses_reaches_neither_kernel_nor_disk(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    await bench.target.write(edits(1))
    bench.kernel.findings = [Finding(code="a", place="x", message="wrong"), Finding(code="b", place="y", message="too")]
    bench.kernel.calls.clear()
    with pytest.raises(Invalid) as caught:
        await bench.target.write(edits(2))
    assert [finding.code for finding in caught.value.findings] == ["a", "b"]
    assert bench.kernel.calls == ["check"]
    assert bench.target.intended == told(1, kbps=1000)
    assert bench.consistent()


@pytest.mark.parametrize("failure", [Unavailable("no room"), OSError(105, "No buffer space"), ValueError("a bug")])
@in_loop
async def test_what_the_kernel_refuses_is_not_so(tmp_path: Path, failure: Exception) -> None:
    bench = Bench(tmp_path)
    await bench.target.write(edits(1))
    bench.kernel.fails = [failure]
    with pytest.raises(Unavailable):
        await bench.target.write(edits(2))
    assert bench.target.intended == told(1, kbps=1000)
    assert bench.consistent()
    await bench.target.write(edits(2))
    assert bench.kernel.holds == told(1, 2, kbps=1000)
    assert bench.consistent()


@in_loop
async def test_what_the_disk_does_not_keep_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(tmp_path)
    await bench.target.write(edits(1))

    def broken(fd: int) -> None:
        raise OSError(5, "Input/output error")

    def break_disk() -> None:
        monkeypatch.setattr(os, "fdatasync", broken)

    bench.kernel.before_apply = break_disk
    with pytest.raises(Unavailable, match="Input/output error; nothing was changed"):
        await bench.target.write(edits(2))
    monkeypatch.undo()
    bench.kernel.before_apply = lambda: None
    assert bench.kernel.holds == bench.target.intended == told(1, kbps=1000)
    await bench.target.write(edits(3))
    assert bench.consistent()
    assert bench.kernel.holds == told(1, 3, kbps=1000)


@in_loop
async def test_killed_between_kernel_and_disk_the_next_life_mends(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    await bench.target.write(edits(1))
    new = replace(bench.target.intended, policies={**bench.target.intended.policies, "s1": policy(1, kbps=7)})
    bench.journal.begin(new)
    bench.kernel.holds = new
    bench.again()
    assert bench.journal.dropped
    await bench.target.start()
    await bench.target.stop()
    assert bench.kernel.holds == bench.target.intended == told(1, kbps=1000)


@in_loop
async def test_elections_are_remembered_over_a_restart(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    await bench.target.elected("", 5)
    await bench.target.elected("standby", 1)
    assert bench.target.elections == {"": 5, "standby": 1}
    bench.again()
    assert bench.target.elections == {"": 5, "standby": 1}


@in_loop
async def test_sets_come_one_after_the_other_while_reads_go_on(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    await bench.target.write(edits(0))
    for index in range(1, 20):
        await asyncio.gather(
            bench.target.write(edits(index)),
            bench.target.read(parse("/router/policy"), Kind.CONFIG),
            bench.target.read(parse("/router/attachment[id=s0.a]"), Kind.CONFIG),
        )
    assert bench.kernel.holds == told(*range(20), kbps=1000)
    assert bench.consistent()
