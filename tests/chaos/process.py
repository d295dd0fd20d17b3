"""A `highroad up` in a process of its own, to be killed at will."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx


class Up:
    """Started on a home, on the twin unless told otherwise; ended by `kill`, as a power cut would, or by `stop`, as
    Ctrl-C would.
    """

    def __init__(
        self,
        home: Path,
        *arguments: str,
        executable: tuple[str, ...] | None = None,
        fabric: str = "twin",
        environment: Mapping[str, str] | None = None,
    ) -> None:
        variables = {name: value for name, value in os.environ.items() if not name.startswith("HIGHROAD_")}
        variables |= {"HIGHROAD_HOME": str(home), **(environment or {})}
        command = executable or (sys.executable, "-m", "highroad.main")
        self.process = subprocess.Popen(
            [*command, "up", "--fabric", fabric, "--port", "0", "--json", "--no-tour", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=variables,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            _, errors = self.process.communicate(timeout=30)
            raise RuntimeError(f"it ended with {self.process.returncode}: {errors}")
        self.ready: dict[str, Any] = json.loads(line)
        self.operator = self._client(self.ready["operator_token"])
        self.tenant = self._client(self.ready["tenant_token"])

    def _client(self, token: str) -> httpx.Client:
        return httpx.Client(base_url=self.ready["url"], headers={"authorization": f"Bearer {token}"}, timeout=30)

    def kill(self) -> None:
        """SIGKILL: nothing in it gets to tidy up."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """SIGINT; its exit code."""
        return self._end(signal.SIGINT)

    def _end(self, how: signal.Signals) -> int:
        if self.process.poll() is None:
            self.process.send_signal(how)
        self.process.communicate(timeout=30)
        self.operator.close()
        self.tenant.close()
        return self.process.returncode


def everything(up: Up, path: str) -> list[dict[str, Any]]:
    """All items of a list, page by page."""
    items: list[dict[str, Any]] = []
    cursor = None
    while True:
        answer = up.operator.get(path, params={"limit": 200, **({"cursor": cursor} if cursor else {})})
        answer.raise_for_status()
        page = answer.json()
        items += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return items
