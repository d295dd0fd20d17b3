"""What one looks ahead and back with: plans, sweeps, growth, how far light comes, what a link is worth, proofs."""

from __future__ import annotations

import heapq
import json
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, ViewportSize, expect

from tests.e2e.conftest import Running
from tests.e2e.pages import SOON_MS, Backend, add_axe, body, in_the_way, link_of, open_page, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.process]


def test_a_plan_is_read_refused_looked_at_again_and_applied(operator_page: Page, backend: Backend) -> None:
    page = operator_page
    plan = _plan(backend)
    _show(page, "#place=plan")
    place = page.locator(".place")
    expect(place.locator(".gain")).to_contain_text(re.compile("full|light takes"), timeout=SOON_MS)
    expect(page.locator("[data-route][data-way=becomes]")).to_have_count(len(plan["moves"]))
    expect(page.locator("[data-route][data-way=was]")).to_have_count(len(plan["moves"]))

    place.get_by_role("button", name="No", exact=True).click()
    expect(place).to_contain_text("You said no to this plan")
    expect(page.locator("[data-route]")).to_have_count(0)
    place.get_by_role("button", name="Look at it again").click()

    move = plan["moves"][0]
    _show(page, f"#place=plan&service={move['service']}")
    expect(page.locator("[data-route][data-way=becomes]")).to_have_count(1)
    place.get_by_role("button", name="Yes, apply it").click()
    expect(place).to_contain_text("rolled back")
    place.get_by_role("button", name="Apply it now").click()
    wait_until(lambda: _sites(backend, move["service"]) == move["after"]["sites"], "the plan is applied")
    outcome = place.locator('[data-list="What became of it"] .big-figure')
    expect(outcome).not_to_have_text("It is being applied.", timeout=SOON_MS)
    told = body(backend.operator.get(f"/v1/plan/{plan['plan']['id']}"))["plan"]
    assert told["applied"]
    assert told["outcome"].lower() in (outcome.text_content() or "").lower()
    way = page.locator('[data-panel=service] [data-list="Path there"] .item-title')
    expect(way).to_have_count(len(move["after"]["sites"]), timeout=SOON_MS)


def test_failures_are_swept_ranked_and_shown_and_nothing_is_touched(operator_page: Page, backend: Backend) -> None:
    page = operator_page
    _show(page, "#place=sweeps")
    place = page.locator(".place")
    place.get_by_text("Conduits", exact=True).click()
    place.get_by_role("button", name="Sweep").click()
    expect(place.locator(".gain")).to_contain_text("failures worked out", timeout=2 * SOON_MS)
    first = place.locator("[data-failure]").first
    target = str(first.get_attribute("data-failure"))
    found = body(backend.operator.get("/v1/whatif", params={"cut": target}))
    dark = [one["service"] for one in found["effects"] if one["outcome"] == "dark"]
    first.click()
    for link in found["links"]:
        expect(link_of(page, link)).to_have_attribute("data-state", "down")
    expect(page.locator("[data-route][data-way=dark]")).to_have_count(len(dark))
    assert body(backend.operator.get("/v1/lab"))["cuts"] == []
    place.get_by_role("button", name="All failures").click()
    for link in found["links"]:
        expect(link_of(page, link)).to_have_attribute("data-state", "up")

    place.get_by_text("Growth", exact=True).click()
    place.get_by_label("Times as much").fill("2")
    place.get_by_role("button", name="Work it out").click()
    outlook = body(backend.operator.get("/v1/whatif/outlook", params={"grow": 2}))
    expect(place.locator('[data-fact="Fits up to"] dd')).to_have_text(
        f"{outlook['planned']['grows_to']:.2f} times", timeout=SOON_MS
    )
    place.get_by_role("button", name="Compare upgrades").click()
    expect(place.locator('[data-list="Compared"] .item').nth(2)).to_be_visible(timeout=2 * SOON_MS)


def test_how_far_light_comes_is_along_the_fibre_and_follows_a_cut(operator_page: Page, backend: Backend) -> None:
    page = operator_page
    network = backend.network()
    site = max(network["sites"], key=lambda one: sum(link["tail"] == one["id"] for link in network["links"]))["id"]
    _show(page, f"#site={site}&tab=reach")
    panel = page.locator("[data-panel=site]")
    _same(panel, _distances(network, site, set()))
    expect(page.locator(".contours")).to_have_attribute("data-bands", "4")
    link = next(one for one in network["links"] if one["tail"] == site)
    backend.cut(link["fibres"][0])
    expect(link_of(page, link["id"])).to_have_attribute("data-state", "down", timeout=SOON_MS)
    _same(panel, _distances(network, site, {link["fibres"][0]}))
    panel.get_by_role("tab", name="Now").click()
    expect(page.locator(".contours")).to_have_attribute("data-bands", "0")
    ports = body(backend.operator.get("/v1/ports", params={"limit": 1000}))["items"]
    _show(page, f"#site={ports[0]['site']}")
    here = [one for one in ports if one["site"] == ports[0]["site"]]
    expect(panel.locator("[data-list=Ports] .meter")).to_have_count(len(here), timeout=SOON_MS)


def test_what_a_link_is_worth_is_said(operator_page: Page, backend: Backend) -> None:
    page = operator_page
    link = backend.network()["links"][0]["id"]
    _show(page, f"#link={link}&tab=worth")
    found = body(backend.operator.get("/v1/whatif/outlook", params={"add": f"{link}:100"}))
    panel = page.locator("[data-panel=link]")
    expect(panel.locator("[data-worth]")).to_contain_text("carries", timeout=SOON_MS)
    times = f"{found['without']['grows_to']:.2f} → {found['planned']['grows_to']:.2f} times"
    expect(panel.locator('[data-fact="Grows to"] dd')).to_contain_text(times)


def test_a_service_is_proven_and_its_way_explained(operator_page: Page, backend: Backend, tmp_path: Path) -> None:
    page = operator_page
    service = backend.order(latency_bound_ms=60)
    fibre = backend.middle_fibre(service)
    _show(page, f"#service={service['id']}&tab=why")
    panel = page.locator("[data-panel=service]")
    moves = panel.locator('[data-list="Its paths, the newest first"] .item')
    expect(moves).to_have_count(1, timeout=SOON_MS)
    panel.locator('[data-list="Ways that were looked at"] [data-verdict]:not([data-verdict=chosen])').first.click()
    expect(page.locator(f'[data-route="{service["id"]}"][data-way=would]')).to_have_count(1)
    backend.cut(fibre)
    expect(moves).to_have_count(2, timeout=SOON_MS)

    panel.get_by_role("tab", name="Promised and measured").click()
    latency = panel.locator("[data-verdict=Latency]")
    expect(latency).to_have_attribute("data-kept", "yes", timeout=2 * SOON_MS)
    expect(latency).to_contain_text("at most 60 ms promised")
    strip = panel.locator(".strip[role=img]")
    expect(strip).to_have_attribute(
        "aria-label", re.compile("^[1-9] steps? up|[1-9] with darkness"), timeout=2 * SOON_MS
    )
    # An hour is sealed when it is over: what is exported is another's chain, as the API would send it.
    expect(panel.locator('[data-list="Signed proof"]')).to_contain_text("Nothing is sealed of it yet")
    entries = [_entry(service["id"], number) for number in range(2)]
    page.route("**/v1/proofs/services/**", lambda route: route.fulfill(json={"items": entries, "next_cursor": None}))
    page.reload()
    with page.expect_download() as downloading:
        panel.get_by_role("button", name="Export the proof").click()
    file = tmp_path / "proof"
    downloading.value.save_as(file)
    written = json.loads(file.read_text())
    assert written == {"format": "highroad-proof/1", "entries": entries}


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_nothing_of_it_stands_in_anybodys_way(page: Page, running: Running, backend: Backend, scheme: Any) -> None:
    service = backend.order(latency_bound_ms=60)
    [link, *_], [site, *_] = service["there"]["links"], service["there"]["sites"]
    page.emulate_media(color_scheme=scheme)
    open_page(page, running.url, running.operator_token)
    add_axe(page)
    found: dict[str, list[str]] = {}
    for hash_, ready in (
        ("#place=plan", ".place dl"),
        ("#place=sweeps", ".place .choice"),
        (f"#site={site}&tab=reach", "[data-near]"),
        (f"#link={link}&tab=worth", "[data-worth]"),
        (f"#service={service['id']}&tab=proof", '[data-list="Signed proof"] dl'),
        (f"#service={service['id']}&tab=why", "[data-verdict=chosen]"),
    ):
        _show(page, hash_)
        expect(page.locator(ready).first).to_be_visible(timeout=SOON_MS)
        if hash_ == "#place=sweeps":
            page.get_by_role("button", name="Sweep", exact=True).click()
            expect(page.locator("[data-failure]").nth(2)).to_be_visible(timeout=SOON_MS)
            page.get_by_role("button", name="Stop").click()
        said = in_the_way(page)
        if said:
            found[hash_] = said
    assert found == {}
    page.set_viewport_size(ViewportSize(width=390, height=844))
    _show(page, f"#site={site}&tab=reach")
    wide = page.locator(".panel").evaluate("(node) => node.scrollWidth - node.clientWidth")
    assert wide <= 0


def _plan(backend: Backend) -> dict[str, Any]:
    """The newest plan that moves somebody and is not out of date."""
    found: list[dict[str, Any]] = []

    def there() -> bool:
        plan = body(backend.operator.get("/v1/plan"))["plan"]
        if plan is None or plan["applied"] or plan["moves"] == 0 or plan["stale"]:
            return False
        found.append(body(backend.operator.get(f"/v1/plan/{plan['id']}")))
        return True

    wait_until(there, "there is a plan")
    return found[-1]


def _sites(backend: Backend, service: str) -> list[str]:
    there = backend.service(service)["there"]
    return [] if there is None else list(there["sites"])


def _distances(network: dict[str, Any], site: str, without: set[str]) -> dict[str, float]:
    """One way to every other site that light reaches, in milliseconds."""
    found: dict[str, float] = {}
    heap = [(0.0, site)]
    while heap:
        at_ms, here = heapq.heappop(heap)
        if here in found:
            continue
        found[here] = at_ms
        for link in network["links"]:
            if link["tail"] == here and not without & set(link["fibres"]):
                heapq.heappush(heap, (at_ms + link["latency_ms"], link["head"]))
    del found[site]
    return found


def _same(panel: Locator, ms_to: dict[str, float]) -> None:
    """The table has the sites in the order of their times, and so many in each band."""
    for within, label in ((1, "1"), (2, "2"), (5, "5"), (10, "10")):
        number = sum(at_ms <= within for at_ms in ms_to.values())
        expect(panel.locator(f'[data-within="{label}"]')).to_have_text(f"within {label} ms: {number}", timeout=SOON_MS)
    nearest = min(ms_to, key=lambda site: (ms_to[site], site))
    expect(panel.locator("[data-near]").first).to_have_attribute("data-near", nearest)


def _entry(service: str, number: int) -> dict[str, Any]:
    begin_s = 1_700_000_000 + 3600 * number
    entry = {"service": service, "tenant": "acme", "sequence": number, "from_s": begin_s, "until_s": begin_s + 3600}
    return entry | {"document": '{"a": "\u00e9"}', "hash": "0" * 64, "signature": "1" * 128}


def _show(page: Page, hash_: str) -> None:
    page.evaluate("(hash) => { location.hash = hash }", hash_)
