"""Nothing jumps as what was asked for comes: room is kept for it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e.conftest import Running
from tests.e2e.pages import SOON_MS, Backend, open_page, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.process]

WATCH = """
window.moved = [];
new PerformanceObserver((list) => {
  for (const one of list.getEntries()) {
    const of = one.sources.map(({ node }) => (node?.nodeType === 1 ? node : node?.parentElement)?.className ?? "");
    window.moved.push([one.value, ...of]);
  }
}).observe({ type: 'layout-shift', buffered: true });
"""
MOST = 0.003
"""Of one view; a tenth, of a whole visit, is what browsers' makers call good."""
ASKED = re.compile(r"/v1/(plan|links|telemetry|whatif|ports|maintenances\?dry_run|services/.*/proof)")


def test_nothing_jumps_as_panels_fill(page: Page, running: Running, backend: Backend) -> None:
    service = backend.order()
    link, site = service["there"]["links"][0], service["there"]["sites"][0]
    fibre = backend.middle_fibre(service)
    drained = next(one for one in backend.network()["links"] if one["id"] == link)["fibres"][0]
    page.add_init_script(WATCH)
    open_page(page, running.url, running.operator_token)
    gate = Gate()
    page.route(ASKED, lambda route: gate.come(route))
    moved: dict[str, list[Any]] = {}
    for hash_, ready in (
        (f"#link={link}", ".price:not(:text-is('…'))"),
        (f"#link={link}&tab=time", ".chart .u-legend >> nth=1"),
        (f"#link={link}&tab=ahead", ".chart .u-legend"),
        (f"#link={link}&tab=worth", "[data-worth]"),
        (f"#link={link}&tab=drain&preview={drained}", "[data-preview]"),
        (f"#fibre={fibre}&tab=cut", "[data-list^=Services]"),
        (f"#fibre={fibre}&tab=drain&preview={fibre}", ".legend [data-preview]"),
        (f"#site={site}", '[data-list="Ports"]'),
        (f"#service={service['id']}&tab=proof", ".chart .u-legend"),
        ("#place=order", '[data-list="Where you may order"]'),
    ):
        found = _filled(page, gate, hash_, ready)
        if sum(one[0] for one in found) > MOST:
            moved[hash_] = found
    assert moved == {}


class Gate:
    """Holds the page's questions back until it is opened."""

    def __init__(self) -> None:
        self.shut = False
        self.held: list[Route] = []

    def come(self, route: Route) -> None:
        """A question."""
        if self.shut:
            self.held.append(route)
        else:
            route.continue_()

    def open(self) -> None:
        """Let all that came through, and what comes."""
        self.shut = False
        while self.held:
            self.held.pop().continue_()


def _filled(page: Page, gate: Gate, hash_: str, ready: str) -> list[Any]:
    """What moves in a view from when it has asked until everything, and the next sample, is here."""
    gate.shut = True
    page.evaluate("(hash) => { location.hash = hash }", hash_)
    # A question of the page is heard while the test asks it something.
    wait_until(lambda: bool(_time(page) and gate.held), f"{hash_} has asked")
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    page.evaluate("window.moved.splice(0)")
    gate.open()
    expect(page.locator(ready).first).to_be_visible(timeout=SOON_MS)
    before = _time(page)
    wait_until(lambda: _time(page) != before, "the next sample is here")
    found: list[Any] = page.evaluate("window.moved")
    return found


def _time(page: Page) -> str:
    return page.locator("[data-connection]").inner_text()
