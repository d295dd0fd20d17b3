"""What a controller answers to everything that its API's document says can be asked, and how much that was.

`python -m bench.hostile [EXAMPLES [SEED]]` asks a real `highroad up` for longer: a thousand examples of each operation
are some hours of it.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.figure import Figure, running
from tests.support.surface import Asked, ask, served

EXAMPLES = 40


def figures() -> Iterator[Figure]:
    """All four phases as an operator and as a tenant, each with seeds of its own."""
    asked = Asked()
    for seed, who in enumerate(("operator", "acme"), start=11):
        with served() as (url, world):
            found = ask(url, getattr(world, who), examples=EXAMPLES, seed=seed)
        asked.cases += found.cases
        asked.seconds += found.seconds
        asked.failures |= {f"{who}: {what}": told for what, told in found.failures.items()}
    for what, told in asked.failures.items():
        print(f"\n{what}\n{told}", file=sys.stderr)
    yield Figure(
        what="requests made of the OpenAPI document by Schemathesis, as operator and tenant, stateful too",
        ours=f"{asked.cases:,} in {asked.seconds:.0f} s, {len(asked.failures)} kinds of failure",
        bar="0 failures",
        met=not asked.failures,
    )


def main() -> int:
    """The same against a process of its own, for as long as asked. Exit code 1 if anything was answered wrongly."""
    examples = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else int(time.time())
    failures: dict[str, str] = {}
    for who in ("operator_token", "tenant_token"):
        with tempfile.TemporaryDirectory() as home, running(Path(home)) as facts:
            asked = ask(facts["url"], facts[who], examples=examples, seed=seed)
            failures |= asked.failures
            print(f"{who}: {asked.cases:,} requests in {asked.seconds:.0f} s, seed {seed}: "
                  f"{len(asked.failures)} kinds of failure", flush=True)  # fmt: skip
    for what, told in failures.items():
        print(f"\n{what}\n{told}")
    return int(bool(failures))


if __name__ == "__main__":
    sys.exit(main())
