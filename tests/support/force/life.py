"""One life of a controller: started from what a store has, ended by force."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import httpx

PATIENCE_S = 60.0


class Starter:
    """A process that forks controllers, which end with it."""

    def __init__(self) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("HIGHROAD_")}
        environment |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.force.starter"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
            cwd=Path(__file__).parents[3],
        )

    def fork(self, asked: dict[str, Any]) -> int:
        """Start one; its number."""
        into, answers = self._pipes()
        into.write(json.dumps(asked) + "\n")
        into.flush()
        line = answers.readline()
        if not line:
            raise RuntimeError("the starter has ended")
        return int(line)

    def close(self) -> None:
        """End it."""
        into, answers = self._pipes()
        into.close()
        self._process.wait(PATIENCE_S)
        answers.close()

    def _pipes(self) -> tuple[IO[str], IO[str]]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        return self._process.stdin, self._process.stdout


class Ended(Exception):
    """A controller that ended before it was ready."""


class Life:
    """A controller that is ready."""

    def __init__(
        self,
        starter: Starter,
        home: Path,
        *arguments: str,
        said: Path | None = None,
        wrong: dict[str, Any] | None = None,
        patience_s: float = PATIENCE_S,
    ) -> None:
        """`said` is a folder for what it prints, its home by default. Raises Ended."""
        folder = home if said is None else said
        folder.mkdir(parents=True, exist_ok=True)
        out, self.errors = folder / "said", folder / "said-errors"
        out.unlink(missing_ok=True)
        words = ["up", "--fabric", "twin", "--port", "0", "--json", "--no-tour", "--bare", *arguments]
        self.number = starter.fork(
            {
                "arguments": words,
                "environment": {"HIGHROAD_HOME": str(home)},
                "out": str(out),
                "err": str(self.errors),
                "wrong": wrong or {},
            }
        )
        deadline = time.monotonic() + patience_s
        while not (out.exists() and (text := out.read_text()).endswith("\n")):
            if not self.alive or time.monotonic() > deadline:
                self.kill()
                raise Ended(self.errors.read_text() if self.errors.exists() else "it said nothing")
            time.sleep(0.01)
        self.ready: dict[str, Any] = json.loads(text)

    @property
    def url(self) -> str:
        """Of the API."""
        return str(self.ready["url"])

    @property
    def alive(self) -> bool:
        """Whether the process is there."""
        return Path(f"/proc/{self.number}").exists()

    def client(self, *, operator: bool = False, timeout_s: float = 30.0) -> httpx.Client:
        """For whoever asks; close it."""
        token = self.ready["operator_token" if operator else "tenant_token"]
        headers = {"authorization": f"Bearer {token}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=timeout_s, trust_env=False)

    def kill(self) -> None:
        """SIGKILL."""
        self._signal(signal.SIGKILL)
        while self.alive:
            time.sleep(0.001)

    def pause(self) -> None:
        """SIGSTOP: from now on it writes nothing."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def stop(self) -> None:
        """SIGINT, and wait until it has ended."""
        self._signal(signal.SIGINT)
        deadline = time.monotonic() + PATIENCE_S
        while self.alive and time.monotonic() < deadline:
            time.sleep(0.01)
        assert not self.alive, "it does not end"

    def _signal(self, how: signal.Signals) -> None:
        try:
            os.kill(self.number, how)
        except ProcessLookupError:
            return


@contextmanager
def starting() -> Iterator[Starter]:
    """A starter for as long as the context lasts."""
    starter = Starter()
    try:
        yield starter
    finally:
        starter.close()
