"""Every view in light and dark, on a desk and in a hand, as pictures to look at: build/screenshots/index.html.

What a machine can tell of a picture is tested here too: nothing is wider than the window.
"""

from __future__ import annotations

import html
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from tests.e2e.conftest import Running
from tests.e2e.pages import SOON_MS, Backend, body, open_page, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.process]

FOLDER = Path(__file__).parents[2] / "build" / "screenshots"
SIZES = {"desk": ViewportSize(width=1440, height=900), "hand": ViewportSize(width=390, height=844)}
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
SETTLED_MS = 350
"""Until a transition is over."""

WIDE = """
() => {
  const wide = [];
  for (const node of document.querySelectorAll(".page *")) {
    const box = node.getBoundingClientRect();
    const seen = box.width > 0 && box.height > 0;
    if (!seen || node.closest(".map, .unseen, [hidden], .table-rows, svg, canvas")) continue;
    if (box.right > innerWidth + 1 || box.left < -1) wide.push(`${node.className} ${box.left}..${box.right}`);
  }
  return wide;
}
"""


@pytest.fixture(scope="module", autouse=True)
def index() -> Iterator[None]:
    """A page of all of them, made when they are there."""
    yield
    views = dict.fromkeys(file.name.rpartition("-")[0].rpartition("-")[0] for file in sorted(FOLDER.glob("*.png")))
    rows = "".join(
        f"<section><h2>{html.escape(view)}</h2>"
        + "".join(
            f'<a href="{view}-{size}-{scheme}.png"><img class="{size}" loading="lazy" alt="{view}, {size}, {scheme}" '
            f'src="{view}-{size}-{scheme}.png"></a>'
            for size in SIZES
            for scheme in SCHEMES
        )
        + "</section>"
        for view in views
    )
    style = "body{font:15px sans-serif;margin:2em;background:#777}img{margin:4px}.desk{width:560px}.hand{width:190px}"
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "index.html").write_text(
        f'<!doctype html><meta charset="utf-8"><title>Highroad, every view</title><style>{style}</style>{rows}', "utf-8"
    )


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("size", SIZES)
def test_every_view_is_a_picture(browser: Browser, running: Running, backend: Backend, size: str, scheme: Any) -> None:
    service = backend.order(latency_bound_ms=60)
    other = backend.order(bandwidth_gbps=300)
    fibre = backend.middle_fibre(other)
    backend.cut(fibre)
    wait_until(lambda: bool(body(backend.operator.get("/v1/incidents"))["items"]), "it is an incident")
    incident = body(backend.operator.get("/v1/incidents"))["items"][0]["id"]
    [link, *_], [site, *_] = service["there"]["links"], service["there"]["sites"]
    drained = next(one for one in backend.network()["links"] if one["id"] == link)["fibres"][0]
    a, b = backend.far_apart()
    asked = f"#place=order&ends={a}>{b}"
    views = (
        ("map", "", "[data-service-row]"),
        ("link-now", f"#link={link}", ".meter"),
        ("link-time", f"#link={link}&tab=time", ".chart canvas"),
        ("link-ahead", f"#link={link}&tab=ahead", ".chart canvas"),
        ("link-heat", f"#link={link}&tab=heat", '[data-list="By class"] .meter'),
        ("link-worth", f"#link={link}&tab=worth", "[data-worth]"),
        ("fibre-now", f"#fibre={fibre}", "dl"),
        ("fibre-cut", f"#fibre={backend.middle_fibre(service)}&tab=cut", "[data-list^=Services]"),
        ("fibre-drain", f"#fibre={fibre}&tab=drain", "button"),
        ("link-drain", f"#link={link}&tab=drain&preview={drained}", '[data-list="Would move"]'),
        ("site-now", f"#site={site}", "dl"),
        ("site-reach", f"#site={site}&tab=reach", "[data-near]"),
        ("service-now", f"#service={service['id']}", '[data-list="Path there"]'),
        ("service-why", f"#service={service['id']}&tab=why", "[data-verdict=chosen]"),
        ("service-proof", f"#service={service['id']}&tab=proof", '[data-list="Signed proof"] dl'),
        ("service-change", f"#service={service['id']}&tab=change", ".form"),
        ("incident", f"#incident={incident}", '[data-list="Time line"]'),
        ("missing", "#fibre=no-such-fibre", "[data-panel=missing]"),
        ("order", asked, ".heat"),
        ("time-line", "#place=timeline", ".place"),
        ("plan", "#place=plan", ".place dl"),
        ("sweeps", "#place=sweeps", ".place .choice"),
        ("table", "#view=table", "[data-table-row]"),
        ("logical", "#view=logical", ".map [data-site]"),
    )
    context = browser.new_context(viewport=SIZES[size], color_scheme=scheme, reduced_motion="reduce")
    context.set_default_timeout(SOON_MS)
    page = context.new_page()
    page.goto(running.url)
    expect(page.get_by_label("Token")).to_be_visible()
    _take(page, "sign-in", size, scheme)
    open_page(page, running.url, running.operator_token)
    wide: dict[str, list[str]] = {}
    for name, hash_, ready in views:
        page.evaluate("(hash) => { location.hash = hash }", hash_)
        expect(page.locator(ready).first).to_be_attached(timeout=SOON_MS)
        _take(page, name, size, scheme)
        if found := page.evaluate(WIDE):
            wide[name] = found
        if name == "order":
            _fill(page)
            _take(page, "order-filled", size, scheme)
        if name == "sweeps":
            page.get_by_role("button", name="Sweep", exact=True).click()
            expect(page.locator("[data-failure]").nth(2)).to_be_visible(timeout=SOON_MS)
            page.get_by_role("button", name="Stop").click()
            page.locator("[data-failure]").first.click()
            _take(page, "sweeps-one", size, scheme)
    context.close()
    assert wide == {}


def _fill(page: Page) -> None:
    """An order that is too much, so that it shows a no with what one can have instead."""
    page.get_by_label("Rate each way").fill("390")
    expect(page.locator('[data-list="It does not fit"]')).to_be_visible(timeout=SOON_MS)


def _take(page: Page, view: str, size: str, scheme: str) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    page.wait_for_timeout(SETTLED_MS)
    page.screenshot(path=FOLDER / f"{view}-{size}-{scheme}.png", animations="disabled")
