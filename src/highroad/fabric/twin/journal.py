"""The plant's own memory on disk: routers keep forwarding with the controller gone, and so does their model.

After kill -9 of the whole process the plant loads its last event from here and integrates what lies between,
as if it had gone on carrying. It is a file of its own, in SQLite's WAL mode, and locked by the one process
that models the plant.

`synchronous=NORMAL` is enough: what was committed is with the operating system before the call returns, so it
survives the end of the process at any instant. A power cut may take the last events, never the file's
integrity; the controller, whose own store does not forget, then finds a plant that lacks a change and makes
it again.

All of the plant is written now and then, and when glass breaks; between two times only the changes of policies and of
ways around links are, with when each was made, so that a change costs what it changes. Reading makes them again, each
at its time.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import msgspec
import numpy as np

from highroad.errors import Finding, Invalid, Unavailable
from highroad.fabric.twin.counters import Total, Totals
from highroad.fabric.twin.plant import Memory
from highroad.fabric.twin.succession import check, take_over
from highroad.fabric.twin.wound import Wound
from highroad.model.network import Fibre, FibreId, Link, LinkId, Network, RiskGroup, RiskGroupId, Site, SiteId
from highroad.model.policy import LocalRepair, Policy
from highroad.model.service import ServiceId
from highroad.ports import Change, CutState, Install, Withdraw

_VERSION = 2
_OLDER = 1
"""The version that wrote all of the plant every time."""
_LOCK_PATIENCE_S = 2.0
"""How long to wait for a predecessor that is just ending to let go of the file."""

_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS network (id INTEGER PRIMARY KEY CHECK (id = 1), value BLOB NOT NULL)",
    "CREATE TABLE IF NOT EXISTS state (id INTEGER PRIMARY KEY CHECK (id = 1), value BLOB NOT NULL)",
    "CREATE TABLE IF NOT EXISTS policy (service TEXT NOT NULL UNIQUE, value BLOB NOT NULL)",
    "CREATE TABLE IF NOT EXISTS change (id INTEGER PRIMARY KEY, at_s REAL NOT NULL, value BLOB NOT NULL)",
    "CREATE TABLE IF NOT EXISTS repairs (id INTEGER PRIMARY KEY CHECK (id = 1), value BLOB NOT NULL)",
    f"PRAGMA user_version = {_VERSION}",
)
_KEEP = "INSERT INTO {0} VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET value = excluded.value"
_PUT_POLICY = "INSERT INTO policy VALUES (?, ?) ON CONFLICT (service) DO UPDATE SET value = excluded.value"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Network:
    """A network without the look-ups that follow from it."""

    name: str
    sites: tuple[Site, ...]
    fibres: tuple[Fibre, ...]
    links: tuple[Link, ...]
    risk_groups: tuple[RiskGroup, ...]
    assumptions: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Repairs:
    """What `protect` was told."""

    repairs: tuple[LocalRepair, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _State:
    """What changes with every event but the policies, written as a whole: `counts` are those of `names`."""

    at_s: float
    wounds: dict[FibreId, Wound]
    offers: dict[ServiceId, float]
    links: dict[LinkId, float]
    names: list[ServiceId] = field(default_factory=list)
    counts: bytes = b""
    services: dict[ServiceId, Total] | None = None
    """In a journal of the older version, instead of the two."""
    cuts: dict[FibreId, CutState] | None = None
    """None in a journal from before routers could be killed: there every dark fibre was cut."""
    killed: dict[SiteId, float] = field(default_factory=dict)
    groups: dict[RiskGroupId, CutState] = field(default_factory=dict)
    mute: frozenset[SiteId] = frozenset()
    flips: dict[ServiceId, float] = field(default_factory=dict)


class Journal:
    """One plant's file, or its stand-in in memory where the path is None; blocking, for about a millisecond.

    Raises Unavailable if another process holds the file or it cannot be written, Invalid if it is no journal.
    """

    def __init__(self, path: Path | None, epoch: int | None = None) -> None:
        """With an epoch the plant may go on in another process, under a later one: then writing raises Deposed."""
        self._still: Callable[[], None] = _always
        self._alone = epoch is None
        self._repairs: tuple[LocalRepair, ...] | None = None
        """Those that are in the file, once they were written from here."""
        if path is not None and epoch is not None:
            self._still = partial(check, path, epoch)
            path = take_over(path, epoch)
        self._name = ":memory:" if path is None else str(path)
        with self._explained():
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(
                self._name, timeout=_LOCK_PATIENCE_S, isolation_level=None, check_same_thread=False
            )
        try:
            with self._explained():
                self._open()
        except BaseException:
            self._db.close()
            raise

    def load(self) -> Memory | None:
        """What was written last, or None in a new journal. `changes` were made since."""
        with self._explained():
            network = self._db.execute("SELECT value FROM network").fetchone()
            state = self._db.execute("SELECT value FROM state").fetchone()
            policies = dict(self._db.execute("SELECT service, value FROM policy").fetchall())
            repairs = self._db.execute("SELECT value FROM repairs").fetchone()
        if network is None or state is None:
            return None
        kept = msgspec.json.decode(network[0], type=_Network)
        now = msgspec.msgpack.decode(state[0], type=_State)
        decode = msgspec.json.Decoder(Policy).decode
        counts = np.frombuffer(now.counts, dtype=np.float64).reshape(-1, 4)
        totals = Totals(now.names, counts) if now.services is None else Totals.of(now.services)
        return Memory(
            at_s=now.at_s,
            network=Network(
                name=kept.name,
                sites=kept.sites,
                fibres=kept.fibres,
                links=kept.links,
                risk_groups=kept.risk_groups,
                assumptions=kept.assumptions,
            ),
            # In the order of the counters, so that sums come out the same to the bit.
            policies={service: decode(policies[service]) for service in totals},
            wounds=now.wounds,
            offers=now.offers,
            services=totals,
            links=now.links,
            cuts=_cuts(now.wounds) if now.cuts is None else now.cuts,
            killed=now.killed,
            groups=now.groups,
            mute=now.mute,
            flips=now.flips,
            repairs=() if repairs is None else msgspec.json.decode(repairs[0], type=_Repairs).repairs,
        )

    def changes(self) -> list[tuple[float, list[Change] | tuple[LocalRepair, ...]]]:
        """What was noted since all of it was written, in order, with when: policies changed, or the ways around links
        from then on.
        """
        with self._explained():
            rows = self._db.execute("SELECT at_s, value FROM change ORDER BY id").fetchall()
        decode = msgspec.json.Decoder(list[Policy | ServiceId]).decode
        return [
            (
                at_s,
                msgspec.json.decode(value, type=_Repairs).repairs
                if value.startswith(b"{")
                else [_change(one) for one in decode(value)],
            )
            for at_s, value in rows
        ]

    def note(self, at_s: float, changes: Iterable[Change]) -> None:
        """Write changes of policies that were made at once."""
        noted = [change.service if isinstance(change, Withdraw) else change.policy for change in changes]
        with self._explained(), self._transaction():
            self._db.execute("INSERT INTO change (at_s, value) VALUES (?, ?)", (at_s, msgspec.json.encode(noted)))

    def note_repairs(self, at_s: float, repairs: tuple[LocalRepair, ...]) -> None:
        """Write the ways around links that there are from now on."""
        value = msgspec.json.encode(_Repairs(repairs=repairs))
        with self._explained(), self._transaction():
            self._db.execute("INSERT INTO change (at_s, value) VALUES (?, ?)", (at_s, value))

    def write(self, memory: Memory, *, changed: Iterable[ServiceId] = (), network: bool = False) -> None:
        """Write all of it, all or nothing: the state, the policies that changed since last time, the network if it did.
        What was noted is in it.
        """
        policies, gone = [], []
        for service in changed:
            policy = memory.policies.get(service)
            if policy is None:
                gone.append((service,))
            else:
                policies.append((service, msgspec.json.encode(policy)))
        totals = Totals.of(memory.services)
        state = _State(
            at_s=memory.at_s,
            wounds=dict(memory.wounds),
            offers=dict(memory.offers),
            names=list(totals),
            counts=totals.counts.tobytes(),
            links=dict(memory.links),
            cuts=dict(memory.cuts),
            killed=dict(memory.killed),
            groups=dict(memory.groups),
            mute=memory.mute,
            flips=dict(memory.flips),
        )
        repairs = None if memory.repairs == self._repairs else msgspec.json.encode(_Repairs(repairs=memory.repairs))
        with self._explained(), self._transaction():
            self._db.execute("DELETE FROM change")
            if repairs is not None:
                self._db.execute(_KEEP.format("repairs"), (repairs,))
            self._db.execute(_KEEP.format("state"), (msgspec.msgpack.encode(state),))
            if gone:
                self._db.executemany("DELETE FROM policy WHERE service = ?", gone)
            if policies:
                self._db.executemany(_PUT_POLICY, policies)
            if network:
                self._db.execute(_KEEP.format("network"), (_encode_network(memory.network),))
        self._repairs = memory.repairs

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def _open(self) -> None:
        if self._alone:
            self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        tables = self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if version not in ((_OLDER, _VERSION) if tables else (0,)):
            raise self._not_ours(f"it has version {version}, and this program reads version {_VERSION}")
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        with self._transaction():
            for statement in _SCHEMA:
                self._db.execute(statement)

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._still()
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.OperationalError, sqlite3.ProgrammingError, OSError) as problem:
            raise Unavailable(
                f"the plant's journal {self._name} cannot be used: {problem}", path=self._name
            ) from problem
        except sqlite3.DatabaseError as problem:
            raise self._not_ours(str(problem)) from problem

    def _not_ours(self, why: str) -> Invalid:
        finding = Finding(code="journal", place=self._name, message=f"this is no journal of a plant: {why}")
        return Invalid([finding], path=self._name)


def _always() -> None:
    """Who is alone is never deposed."""


def _change(noted: Policy | ServiceId) -> Change:
    """To carry a service that is carried already is to replace its policy."""
    return Install(policy=noted) if isinstance(noted, Policy) else Withdraw(service=noted)


def _cuts(wounds: Mapping[FibreId, Wound]) -> dict[FibreId, CutState]:
    return {fibre: CutState(since_s=hurt.cut_s) for fibre, hurt in wounds.items() if hurt.cut_s is not None}


def _encode_network(network: Network) -> bytes:
    return msgspec.json.encode(
        _Network(
            name=network.name,
            sites=network.sites,
            fibres=network.fibres,
            links=network.links,
            risk_groups=network.risk_groups,
            assumptions=network.assumptions,
        )
    )
