"""A whole `highroad up`, as a user starts it, for the tests that look at it from outside."""

from __future__ import annotations

import json
import os
import queue
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.e2e.pages import CHROMIUM_ARGS, SOON_MS, WINDOW, Backend, Seen, open_page

READY_S = 90.0
END_S = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """What `highroad up --json` says when it is ready."""

    url: str
    operator_token: str
    tenant_token: str
    code: str
    pid: int


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One controller with the reference network, in a home of its own, for the whole session."""
    with up(tmp_path_factory.mktemp("home")) as running:
        yield running


@contextmanager
def up(home: Path, *more: str, port: int = 0, **settings: str) -> Iterator[Running]:
    """A controller with this home and these variables, which is ended with the context."""
    said = home / "stderr.txt"
    environment = {key: value for key, value in os.environ.items() if not key.startswith("HIGHROAD_")}
    environment |= {"HIGHROAD_HOME": str(home), **settings}
    command = [
        sys.executable,
        "-m",
        "highroad.main",
        "up",
        "--fabric",
        "twin",
        "--port",
        str(port),
        "--no-tour",
        "--json",
        *more,
    ]
    with said.open("wb") as errors:
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True)
    assert process.stdout is not None
    try:
        yield _when_ready(process, process.stdout, said)
    finally:
        process.terminate()
        try:
            process.wait(END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


def _when_ready(process: subprocess.Popen[str], out: IO[str], said: Path) -> Running:
    lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()

    def read() -> None:
        try:
            for line in out:
                lines.put(line)
        except ValueError:
            pass  # closed by the fixture's end
        lines.put(None)

    threading.Thread(target=read, daemon=True).start()
    give_up = time.monotonic() + READY_S
    while True:
        try:
            line = lines.get(timeout=max(0.0, give_up - time.monotonic()))
        except queue.Empty:
            pytest.fail(f"highroad up was not ready in {READY_S:.0f} s:\n{said.read_text()}")
        if line is None:
            pytest.fail(f"highroad up ended with {process.wait()}:\n{said.read_text()}")
        try:
            ready = json.loads(line)
        except json.JSONDecodeError:
            continue
        if isinstance(ready, dict) and "url" in ready:
            return Running(
                url=str(ready["url"]).rstrip("/"),
                operator_token=ready["operator_token"],
                tenant_token=ready["tenant_token"],
                code=ready["code"],
                pid=process.pid,
            )


@pytest.fixture
def backend(running: Running) -> Iterator[Backend]:
    with backend_of(running) as backend:
        yield backend
        backend.clean_up()


@contextmanager
def backend_of(running: Running) -> Iterator[Backend]:
    """A controller through its API."""

    def client(token: str) -> httpx.Client:
        return httpx.Client(base_url=running.url, headers={"Authorization": f"Bearer {token}"}, timeout=20)

    with client(running.operator_token) as operator, client(running.tenant_token) as tenant:
        yield Backend(operator=operator, tenant=tenant)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    # Not for the whole session: while it runs, its event loop is the main thread's, and no other test could have one.
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_ARGS)
        yield browser
        browser.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport=WINDOW)
    context.set_default_timeout(SOON_MS)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext, running: Running) -> Iterator[Page]:
    """A page that says nothing on its console and asks nobody but us; not signed in yet."""
    seen = Seen(running.url)
    page = context.new_page()
    seen.watch(page)
    yield page
    assert seen.troubles == []
    assert seen.foreign == []


@pytest.fixture
def operator_page(page: Page, running: Running) -> Page:
    """The operator's map, live."""
    return open_page(page, running.url, running.operator_token)
