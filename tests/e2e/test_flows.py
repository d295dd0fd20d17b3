"""What one does with the page: each flow changes the backend, and the page follows."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import Running
from tests.e2e.pages import SOON_MS, Backend, add_axe, body, in_the_way, link_of, open_page, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.process]


def test_a_link_is_shown_over_time_and_ahead_and_who_heats_it(operator_page: Page, backend: Backend) -> None:
    page = operator_page
    service = backend.order()
    link = service["there"]["links"][0]
    _show(page, f"#link={link}&tab=time")
    panel = page.locator("[data-panel=link]")
    expect(panel.locator(".chart canvas")).to_have_count(2, timeout=SOON_MS)
    panel.get_by_role("tab", name="Booked ahead").click()
    expect(panel.locator(".chart canvas")).to_have_count(1, timeout=SOON_MS)
    holders = panel.locator('[data-list="Who holds it"] .item')
    expect(holders.filter(has_text="100 Gbit/s · carried").first).to_be_visible()
    panel.get_by_role("tab", name="Booked ahead").press("ArrowRight")
    expect(panel.get_by_role("tab", name="Who heats it")).to_be_focused()
    expect(panel.locator('[data-list="Services crossing it"] .item').first).to_contain_text("of it")
    assert page.url.endswith("&tab=heat")
    page.reload()
    expect(panel.locator('[data-list="By class"] .meter')).not_to_have_count(0, timeout=SOON_MS)


def test_a_cut_is_looked_at_then_made_and_the_outage_appears(operator_page: Page, backend: Backend) -> None:
    page = operator_page
    service = backend.order()
    fibre = _fibre_of(backend, service["there"]["links"][2])
    [link, *_] = backend.links_on(fibre)
    _show(page, f"#fibre={fibre}&tab=cut")
    panel = page.locator("[data-panel=fibre]")
    row = panel.locator(".item", has_text=_ends(backend, service)).first
    expect(row).to_contain_text("moved to another path", timeout=SOON_MS)
    # It is worked out, and shown, and nothing has happened.
    expect(link_of(page, link)).to_have_attribute("data-state", "down")
    expect(page.locator(f'[data-route="{service["id"]}"][data-way=would]')).to_have_count(1)
    assert body(backend.operator.get("/v1/lab"))["cuts"] == []
    panel.get_by_label("Show on the map").uncheck()
    expect(link_of(page, link)).to_have_attribute("data-state", "up")

    panel.get_by_role("button", name="Cut it in the lab").click()
    panel.get_by_role("button", name="Leave it").click()
    panel.get_by_role("button", name="Cut it in the lab").click()
    panel.get_by_role("button", name="Cut it now").click()
    backend.cut_fibres.append(fibre)
    expect(link_of(page, link)).to_have_attribute("data-state", "down", timeout=SOON_MS)
    dark = panel.locator('[data-list="How long services were dark"] .item', has_text=_ends(backend, service)).first
    expect(dark).to_contain_text(re.compile("not dark|[1-9] ms"), timeout=SOON_MS)
    assert [cut["fibre"] for cut in body(backend.operator.get("/v1/lab"))["cuts"]] == [fibre]
    panel.get_by_role("button", name="Splice it").click()
    backend.cut_fibres.remove(fibre)
    # What would happen is worked out anew, and is not laid over what is until somebody wants it.
    expect(link_of(page, link)).to_have_attribute("data-state", "up", timeout=SOON_MS)
    expect(panel.get_by_label("Show on the map")).not_to_be_checked(timeout=SOON_MS)
    expect(link_of(page, link)).to_have_attribute("data-state", "up")


def test_darkness_that_was_is_told_in_milliseconds(operator_page: Page, backend: Backend) -> None:
    page = operator_page
    service = backend.order()
    fibre = _fibre_of(backend, service["there"]["links"][1])
    known = {one["id"] for one in body(backend.operator.get("/v1/incidents"))["items"]}
    backend.cut_fibres.append(fibre)
    body(backend.operator.post("/v1/lab/cuts", json={"fibre": fibre, "silent": True}))
    found: list[dict[str, Any]] = []

    def healed() -> bool:
        incidents = body(backend.operator.get("/v1/incidents"))["items"]
        found[:] = [one for one in incidents if one["id"] not in known and all(o["healed"] for o in one["outages"])]
        return bool(found)

    wait_until(healed, "it is healed")
    dark_ms = next(one["dark_ms"] for one in found[0]["outages"] if one["service"] == service["id"])
    assert dark_ms > 0, "light stayed on: nobody knew for a moment"
    _show(page, f"#incident={found[0]['id']}")
    row = page.locator('[data-list="Services that it struck"] .item', has_text=_ends(backend, service)).first
    shown = re.match(r"[0-9.]+(?= ms)", row.locator(".item-note").inner_text())
    assert shown is not None
    assert float(shown[0]) == pytest.approx(dark_ms, rel=0.05)
    expect(page.locator("[data-panel=incident]")).to_contain_text("is modelled by the twin")
    page.locator("[data-tab=incidents]").click()
    expect(page.locator(f'[data-incident-row="{found[0]["id"]}"]')).to_contain_text("ms dark")


def test_a_drain_is_previewed_made_and_ended(operator_page: Page, backend: Backend) -> None:
    page = operator_page
    service = backend.order()
    fibre = backend.middle_fibre(service)
    [link, *_] = backend.links_on(fibre)
    _show(page, f"#fibre={fibre}&tab=drain")
    panel = page.locator("[data-panel=fibre]")
    panel.get_by_role("button", name="Preview").click()
    moving = panel.locator('[data-list="Would move"] .item', has_text=_ends(backend, service))
    expect(moving.first).to_be_visible(timeout=SOON_MS)
    panel.get_by_label("Show on the map").uncheck()
    expect(link_of(page, link)).to_have_attribute("data-state", "up")
    panel.get_by_role("button", name=re.compile("^Drain ")).click()
    expect(link_of(page, link)).to_have_attribute("data-state", "drained", timeout=SOON_MS)
    panel.get_by_role("button", name="End the drain").click()
    expect(link_of(page, link)).to_have_attribute("data-state", "up", timeout=SOON_MS)


def test_a_links_drain_is_drawn_on_the_map_and_nothing_is_done(operator_page: Page, backend: Backend) -> None:
    page = operator_page
    service = backend.order()
    stays = backend.order(bandwidth_gbps=10, latency_bound_ms=_least_ms(backend, service) * 1.00001)
    fibre, link = _where_one_goes_and_one_stays(backend, service, stays)
    before = _known(backend, service, stays)
    _show(page, f"#link={link}&tab=drain")
    panel = page.locator("[data-panel=link]")
    open_it = _offered(panel, backend, fibre).get_by_role("button", name="Preview", exact=True)
    open_it.focus()
    with page.expect_response(lambda answer: "/v1/maintenances?dry_run=true" in answer.url) as asked:
        page.keyboard.press("Enter")
    found = asked.value.json()
    assert [one["service"] for one in found["would"]["goes"]].count(service["id"]) == 1
    assert stays["id"] in found["stuck"]

    # Who moves, dashed from where and solid to where, and who stays; in words for who does not see it.
    names = {site["id"]: site["name"] for site in backend.network()["sites"]}
    [goes] = [one for one in found["would"]["goes"] if one["service"] == service["id"]]
    ways = page.locator(f'.map [data-route="{service["id"]}"]')
    for way, word, path in (("leaves", "would leave", "before"), ("goes", "would go here instead", "after")):
        passes = ", ".join(names[site] for site in goes[path][0]["sites"])
        expect(ways.and_(page.locator(f"[data-way={way}]"))).to_have_text(f"{word}: {passes}", timeout=SOON_MS)
    expect(page.locator(f'.map [data-route="{stays["id"]}"][data-way=stuck]')).to_have_count(1)
    expect(page.get_by_role("status").filter(has_text="Preview: ")).to_contain_text("would move")
    # Each link with the load that it would have, those that are drained as drained.
    for one in found["would"]["shifted"]:
        # What lies on a half is rounded as a browser does.
        share = math.floor(one["after_gbps"] / one["capacity_gbps"] * 1e4 + 0.5) / 1e4
        expect(link_of(page, one["link"])).to_have_attribute("data-load", f"{share:g}")
    for one in found["would"]["links"]:
        expect(link_of(page, one)).to_have_attribute("data-state", "drained")
    key = page.locator(".legend [data-preview]")
    expect(key).to_contain_text(f"If {backend.name(fibre)} were drained")
    expect(key.locator("[data-way=goes]")).to_be_visible()
    # Nothing lies over it.
    seen = "(node) => { const { x, y, width, height } = node.getBoundingClientRect(); "
    seen += "return node.contains(document.elementFromPoint(x + width / 2, y + height / 2)); }"
    assert key.evaluate(seen)
    assert f"preview={fibre}" in page.url

    # It is in the address: who gets that sees the same; who closes it has the map as it was.
    page.reload()
    expect(ways.and_(page.locator("[data-way=goes]"))).to_have_count(1, timeout=SOON_MS)
    close = panel.get_by_role("button", name="Close the preview")
    close.press("Enter")
    expect(ways).to_have_count(0)
    expect(key).to_have_count(0)
    expect(link_of(page, link)).to_have_attribute("data-state", "up")
    expect(_offered(panel, backend, fibre).get_by_role("button", name="Preview", exact=True)).to_be_focused()
    assert "preview=" not in page.url
    page.go_back()
    expect(ways.and_(page.locator("[data-way=goes]"))).to_have_count(1, timeout=SOON_MS)
    page.keyboard.press("Escape")
    expect(ways).to_have_count(0)
    assert _known(backend, service, stays) == before


def test_a_line_from_a_site_to_a_site_begins_an_order(operator_page: Page, backend: Backend) -> None:
    page = operator_page
    found = page.evaluate(
        """() => {
          const at = [];
          for (let x = 360; x < 1560; x += 6) for (let y = 110; y < 800; y += 6) {
            const node = document.querySelector(".network-map");
            node.dispatchEvent(new PointerEvent("pointermove", { clientX: x, clientY: y, bubbles: true }));
            if (node.title && !node.title.includes("→") && !at.some((one) => one.name === node.title))
              at.push({ name: node.title, x, y });
          }
          return at;
        }"""
    )
    first, last = found[0], found[-1]
    page.mouse.move(first["x"], first["y"])
    page.mouse.down()
    page.mouse.move(last["x"] - 30, last["y"], steps=4)
    page.mouse.move(last["x"], last["y"], steps=2)
    page.mouse.up()
    sites = {site["name"]: site["id"] for site in backend.network()["sites"]}
    a, b = (re.escape(sites[one["name"]]) for one in (first, last))
    expect(page).to_have_url(re.compile(f"place=order&ends={a}(>|%3E){b}$"))
    expect(page.locator("[data-place=order]")).to_be_visible()
    expect(page.locator("[data-panel]")).to_have_count(0)


def test_a_moment_that_has_passed_is_shown_as_it_was(operator_page: Page, backend: Backend) -> None:
    page = operator_page
    service = backend.order()
    fibre = _fibre_of(backend, service["there"]["links"][-3])
    [link, *_] = backend.links_on(fibre)
    backend.cut(fibre)
    expect(link_of(page, link)).to_have_attribute("data-state", "down", timeout=SOON_MS)
    backend.splice(fibre)
    expect(link_of(page, link)).to_have_attribute("data-state", "up", timeout=SOON_MS)
    newest = body(backend.operator.get("/v1/incidents"))["items"][0]
    page.locator("[data-place-tab=timeline]").click()
    _show(page, f"#place=timeline&at={newest['faults'][0]['since']}")
    expect(link_of(page, link)).to_have_attribute("data-state", "down")
    expect(page.locator(".connection")).to_contain_text("as of")
    line = page.locator(".scrubber")
    expect(line.get_by_role("status")).to_contain_text("and what links carried", timeout=SOON_MS)
    line.get_by_role("button", name="Now", exact=True).click()
    expect(link_of(page, link)).to_have_attribute("data-state", "up")
    expect(page.locator(".connection")).to_contain_text("live")


def test_the_same_as_a_table_and_untangled(operator_page: Page, backend: Backend) -> None:
    page = operator_page
    network = backend.network()
    page.get_by_text("Table", exact=True).click()
    rows = page.locator("[data-table-row]")
    expect(rows).to_have_count(min(300, len(network["links"])))
    link = network["links"][0]
    page.locator(".table input[type=search]").fill(link["id"])
    rows.first.get_by_role("button").click()
    expect(page.locator("[data-panel=link]")).to_be_visible()
    page.get_by_text("Logical", exact=True).click()
    expect(page.locator(".table")).to_have_count(0)
    expect(page.locator(".map [data-site]")).to_have_count(len(network["sites"]))
    assert "view=logical" in page.url


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_nothing_stands_in_anybodys_way(page: Page, running: Running, backend: Backend, scheme: Any) -> None:
    service = backend.order()
    fibre = backend.middle_fibre(service)
    a, b = backend.far_apart()
    page.emulate_media(color_scheme=scheme)
    open_page(page, running.url, running.operator_token)
    add_axe(page)
    found = []
    for hash_, ready in (
        ("", "[data-service-row]"),
        (f"#link={service['there']['links'][0]}&tab=time", ".chart canvas"),
        (f"#fibre={fibre}&tab=cut", "[data-list^=Services]"),
        (f"#fibre={fibre}&tab=drain&preview={fibre}", ".legend [data-preview]"),
        (f"#service={service['id']}&tab=change", ".form"),
        (f"#place=order&ends={a}>{b}", ".heat"),
        ("#place=timeline", ".scrub"),
        ("#view=table", "[data-table-row]"),
    ):
        _show(page, hash_)
        expect(page.locator(ready).first).to_be_visible(timeout=SOON_MS)
        found += [f"{hash_} {one}" for one in in_the_way(page)]
    assert not found, "\n".join(found)


def _known(backend: Backend, *mine: dict[str, Any]) -> dict[str, Any]:
    """What a drain would change in the backend: drains, where these services are, and what has happened to either."""
    services = [backend.service(one["id"]) for one in mine]
    happened: list[dict[str, Any]] = []
    while some := body(backend.operator.get("/v1/events", params={"after": len(happened), "limit": 1000}))["items"]:
        happened += some
    ours = {one["id"] for one in mine}
    return {
        "drains": body(backend.operator.get("/v1/maintenances"))["items"],
        "services": [(one["version"], one["state"], one["there"], one["back"]) for one in services],
        "happened": [one["id"] for one in happened if one["subject"] in ours or ".maintenance." in one["type"]],
    }


def _least_ms(backend: Backend, service: dict[str, Any]) -> float:
    """The latency below which there is nothing between the ends of a service: the worse direction's."""
    order = {"from": service["from"]["site"], "to": service["to"]["site"], "bandwidth_gbps": 10}
    found, least_ms = service, math.inf
    while (latency_ms := max(float(found[way]["latency_ms"]) for way in ("there", "back"))) < least_ms:
        least_ms = latency_ms
        bound = {"latency_bound_ms": least_ms * 0.99999}
        answer = backend.tenant.post("/v1/services", params={"dry_run": True}, json=order | bound)
        if not answer.is_success:
            break
        found = answer.json()["service"]
    return least_ms


def _where_one_goes_and_one_stays(backend: Backend, one: dict[str, Any], other: dict[str, Any]) -> tuple[str, str]:
    """A fibre and a link of it that both are on, of which a drain would move the one and could not move the other."""
    fibres = {link["id"]: link["fibres"] for link in backend.network()["links"]}
    for link in one["there"]["links"]:
        if link not in other["there"]["links"]:
            continue
        for fibre in fibres[link]:
            asked = backend.operator.post("/v1/maintenances", params={"dry_run": True}, json={"target": fibre})
            found = body(asked)
            if other["id"] in found["stuck"] and one["id"] in found["moving"]:
                return fibre, link
    pytest.fail("every drain would move both, or neither")


def _offered(panel: Locator, backend: Backend, fibre: str) -> Locator:
    """Where a link's panel offers to drain one of its fibres: under its name, or at once where it is the only one."""
    part = panel.locator(f'[data-list="{backend.name(fibre)}"]')
    return part if part.count() > 0 else panel


def _fibre_of(backend: Backend, link: str) -> str:
    """A fibre of a link. Each is cut by one test: one that fails again is used again only after longer."""
    fibre: str = next(one for one in backend.network()["links"] if one["id"] == link)["fibres"][0]
    return fibre


def _show(page: Page, hash_: str) -> None:
    page.evaluate("(hash) => { location.hash = hash }", hash_)


def _ends(backend: Backend, service: dict[str, Any]) -> str:
    names = {site["id"]: site["name"] for site in backend.network()["sites"]}
    return f"{names[service['from']['site']]} – {names[service['to']['site']]}"
