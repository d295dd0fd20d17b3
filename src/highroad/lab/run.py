"""A lab started and ended: a daemon in a session of its own, found again by its folder."""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec

from highroad.errors import Conflict, Unavailable
from highroad.formats import native
from highroad.lab import daemon, namespaces, needs, record
from highroad.lab.client import LabClient
from highroad.lab.names import lab_id
from highroad.lab.plan import plan_of
from highroad.lab.sweep import sweep
from highroad.lab.talk import Options, answers
from highroad.model.network import Network

ENTRY = "highroad.agent.main:serve"
"""What drives a router, where nobody says otherwise."""

_BUILT_S = 60.0
_DOWN_S = 20.0


async def start(folder: Path, network: Network, options: Options) -> LabClient:
    """The lab of a folder, up, and every agent in it answering: the one that is up already, or a new one.

    Raises Invalid (a network that no lab can be made of), Conflict (another one is up here), Unavailable.
    """
    folder = await asyncio.to_thread(_ensure, folder, network, options)
    client = await LabClient.connect(folder)
    await client.ready()
    return client


async def down(folder: Path) -> bool:
    """Take the lab of a folder away, and what one that was killed left. Returns whether there was anything."""
    if "daemon" in record.living(lab_id(folder)):
        with suppress(Unavailable):  # one that does not answer any more is ended like one that was killed
            await LabClient(folder, rate_scale=1.0).down()
    return await asyncio.to_thread(_clear, folder)


def _ensure(folder: Path, network: Network, options: Options) -> Path:
    """Have a daemon on the folder, which has built the lab."""
    plan_of(network)
    folder = folder.expanduser().resolve()
    text, chosen = native.write(network), msgspec.json.encode(options)
    if "daemon" in record.living(lab_id(folder)):
        if _read(folder / daemon.NETWORK) != text.encode() or _read(folder / daemon.OPTIONS) != chosen:
            raise Conflict(f"another lab is up in {folder}: end it with `highroad lab down`, or use another folder")
        _wait(lambda: answers(lab_id(folder).socket), lambda: "daemon" in record.living(lab_id(folder)), folder)
        return folder
    lacking = needs.missing()
    if lacking:
        raise Unavailable(f"no lab can run here. {' '.join(lacking)}")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / daemon.NETWORK).write_text(text, encoding="utf-8")
    (folder / daemon.OPTIONS).write_bytes(chosen)
    _launch(folder)
    return folder


def _clear(folder: Path) -> bool:
    """Wait for a daemon that is ending, then take away what is left. Returns whether there was anything."""
    lab = lab_id(folder)
    was = bool(record.living(lab)) or lab.run_folder.exists() or bool(namespaces.named(lab.prefix))
    until = time.monotonic() + _DOWN_S
    while "daemon" in record.living(lab) and time.monotonic() < until:
        time.sleep(0.01)
    sweep(lab, folder)
    (lab.run_folder / "lock").unlink(missing_ok=True)
    with suppress(OSError):
        lab.run_folder.rmdir()
    return was


def _launch(folder: Path) -> None:
    """Start a daemon, and wait until it has built the lab: then what started it ends, and the daemon is nobody's."""
    command = record.command(folder)
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, cwd="/", check=False)  # noqa: S603
    if done.returncode:
        last = (done.stdout + done.stderr).decode(errors="replace").strip().splitlines()[-1:] or ["it said nothing"]
        raise Unavailable(f"the lab does not start: {last[0]}")


def _wait(built: Callable[[], bool], lives: Callable[[], bool], folder: Path) -> None:
    until = time.monotonic() + _BUILT_S
    while not built():
        if not lives() or time.monotonic() > until:
            last = _read(folder / daemon.LOG).decode(errors="replace").strip().splitlines()[-1:] or ["it said nothing"]
            raise Unavailable(f"the lab does not start: {last[0]}")
        time.sleep(0.005)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
