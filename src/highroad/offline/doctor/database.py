"""PostgreSQL, where the store is there: reachable, new enough, durable, with room for us, and by the same clock."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from highroad.errors import Invalid
from highroad.offline.doctor.said import Said, good, nothing, odd, wrong
from highroad.storage.engines import OLDEST_POSTGRESQL, postgresql_url

LEAST_CONNECTIONS = 20
SKEW_S = 2.0

DURABLE = {
    "fsync": ("on",),
    "full_page_writes": ("on",),
}
"""What it takes for a commit to survive the loss of power, besides `synchronous_commit`."""

Facts = Mapping[str, str]


def database(
    url: str | None,
    known: Sequence[str] = (),
    ask: Callable[[str], Facts] | None = None,
    now: Callable[[], float] = time.time,
) -> Said:
    """Everything of it that is amiss. `known` are the migrations of its tables that this version knows."""
    if url is None:
        return nothing("database", "The store is SQLite's, in the home.")
    try:
        postgresql_url(url)
    except Invalid:
        how = "is empty" if not url else "is no address of PostgreSQL"
        remedy = "Set it to postgresql://USER@HOST/NAME, or unset it: then the store is SQLite's, in the home."
        return wrong("database", f"HIGHROAD_DATABASE {how}: `highroad up` refuses it.", remedy)
    begun_s = now()
    try:
        facts = (ask or _asked)(url)
    except Exception as error:
        first = str(error).strip().splitlines()
        return wrong("database", f"It does not answer: {first[0] if first else type(error).__name__}",
            "Is it up, and may this user connect? `psql` with the same address says more.")  # fmt: skip
    middle_s = (begun_s + now()) / 2
    lost = [name for name, may in DURABLE.items() if facts[name] not in may]
    bad = [f"{name} is {facts[name]}: what was acknowledged can be lost" for name in lost]
    remedies = [f"set {' and '.join(f'{name} = on' for name in lost)} in postgresql.conf"] if lost else []
    version = int(facts["server_version_num"]) // 10_000
    if version < OLDEST_POSTGRESQL:
        bad.append(f"it is version {version}, and {OLDEST_POSTGRESQL} is needed")
        remedies.append(f"put the store on PostgreSQL {OLDEST_POSTGRESQL} or newer")
    if facts["server_encoding"] != "UTF8":
        bad.append(f"its encoding is {facts['server_encoding']}, and names are UTF8")
        remedies.append("make the database anew with ENCODING 'UTF8'")
    if bad:
        return wrong("database", "; ".join(bad), _sentence(remedies))
    revision = facts.get("revision", "")
    if revision and known and revision not in known:
        return wrong("database", f"Its tables are of a newer version, at {revision}; this one knows {known[-1]}.",
            "Install the version that wrote it: there is no way down.")  # fmt: skip
    skew_s = float(facts["now"]) - middle_s
    few = int(facts["max_connections"]) < LEAST_CONNECTIONS
    what: list[str] = []
    if facts["synchronous_commit"] == "off":
        what.append("synchronous_commit is off, which our sessions set to on for themselves: others do not")
        remedies.append("set synchronous_commit = on in postgresql.conf")
    if abs(skew_s) > SKEW_S:
        what.append(f"its clock is {skew_s:+.1f} s off ours")
        remedies.append("keep both clocks by NTP")
    if few:
        what.append(f"it takes {facts['max_connections']} connections")
        remedies.append(f"set max_connections = {LEAST_CONNECTIONS} or more in postgresql.conf")
    if what:
        return odd("database", "; ".join(what), _sentence(remedies))
    return good("database", f"PostgreSQL {version}, durable")


def _sentence(remedies: Sequence[str]) -> str:
    text = "; ".join(remedies)
    return f"{text[:1].upper()}{text[1:]}."


def _asked(url: str) -> Facts:
    import psycopg

    plain = url.replace("postgresql+psycopg://", "postgresql://", 1)
    names = ("server_version_num", "server_encoding", "max_connections", "synchronous_commit", *DURABLE)
    with psycopg.connect(plain, connect_timeout=5, autocommit=True) as connection:
        facts = {}
        for name in names:
            row = connection.execute("SELECT current_setting(%s)", (name,)).fetchone()
            facts[name] = str(row[0]) if row else ""
        row = connection.execute("SELECT extract(epoch FROM clock_timestamp())::text").fetchone()
        facts["now"] = str(row[0]) if row else "0"
        if connection.execute("SELECT to_regclass('alembic_version')").fetchone() != (None,):
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
            facts["revision"] = str(row[0]) if row else ""
    return facts
