"""The line of time: what is booked, shown as booked; what failed, played again; and sweeps that are in the address."""

from __future__ import annotations

import math
import re
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.e2e.conftest import Running
from tests.e2e.pages import SOON_MS, Backend, add_axe, body, in_the_way, link_of, open_page, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.process]


def test_tonight_is_shown_as_it_is_booked_and_follows_what_is_booked(operator_page: Page, backend: Backend) -> None:
    page = operator_page
    tonight = _hours_ahead(5)
    before = _settled(backend, tonight)
    _show(page, f"#place=timeline&at={tonight}")
    line = page.locator(".scrubber")
    expect(line.get_by_role("status")).to_contain_text("Booked, not measured", timeout=SOON_MS)
    expect(page.locator(".connection")).to_contain_text("booked for")
    expect(page.locator("[data-taken]")).to_contain_text("not measured")

    service = _order(backend, start=_hours_ahead(4), end=_hours_ahead(6))
    [link, *_] = service["there"]["links"]
    then = _booked(backend, tonight)
    assert then[link] == before[link] + 100
    expect(link_of(page, link)).to_have_attribute("data-load", _load(backend, link, then[link]), timeout=SOON_MS)
    expect(page.locator("[data-turns]")).to_contain_text("1 service begins, none ends")
    row = page.locator('[data-list="Booked by then"] .item')
    expect(row).to_contain_text("100 Gbit/s")
    row.click()
    expect(page.locator("[data-panel=service]")).to_be_visible()
    page.reload()
    expect(link_of(page, link)).to_have_attribute("data-load", _load(backend, link, then[link]), timeout=SOON_MS)
    # Its panel and the table say the same, and that it is booked.
    _show(page, f"#place=timeline&at={tonight}&link={link}")
    expect(page.locator("[data-panel=link] .meter").first).to_contain_text(re.compile("booked: [1-9]"))

    # The slider: an hour before it begins, as things are without it; a maintenance is there when it is booked.
    work = {"target": _fibre_of(backend, link), "start": _hours_ahead(1), "end": _hours_ahead(2)}
    drain = body(backend.operator.post("/v1/maintenances", json=work))["id"]
    backend.drains.append(drain)
    expect(link_of(page, link)).to_have_attribute("data-state", "up")
    slider = line.get_by_role("slider", name="Moment")
    slider.fill(str(int(_ms(_hours_ahead(1.5)) // 60_000 * 60_000)))
    expect(link_of(page, link)).to_have_attribute("data-state", "drained", timeout=SOON_MS)
    expect(page.locator('[data-list="Drained then"] .item')).to_have_count(1)
    slider.press("End")
    expect(link_of(page, link)).to_have_attribute("data-state", "up", timeout=SOON_MS)
    expect(page.locator("[data-turns]")).to_contain_text("1 service begins, 1 ends")

    backend.end_drain(drain)
    _show(page, f"#place=timeline&at={tonight}")
    backend.release(service["id"])
    after = _settled(backend, tonight)
    assert after[link] <= then[link] - 100
    expect(link_of(page, link)).to_have_attribute("data-load", _load(backend, link, after[link]), timeout=SOON_MS)
    line.get_by_role("button", name="Now", exact=True).click()
    expect(page.locator(".connection")).to_contain_text("live")
    expect(page.locator("[data-taken]")).to_contain_text("modelled")


def test_what_is_booked_is_played_from_now_on(operator_page: Page, backend: Backend) -> None:
    page = operator_page
    service = _order(backend, start=_hours_ahead(3.5), end=_hours_ahead(9))
    [link, *_] = service["there"]["links"]
    begins = _hours_ahead(3.4)
    without = _load(backend, link, _booked(backend, begins)[link])
    _show(page, f"#place=timeline&at={begins}")
    expect(link_of(page, link)).to_have_attribute("data-load", without, timeout=SOON_MS)
    asked = _asked(page)
    page.get_by_label("Speed").select_option(label="1 h in 10 s")
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    then = _load(backend, link, _booked(backend, _hours_ahead(3.6))[link])
    expect(link_of(page, link)).to_have_attribute("data-load", then, timeout=SOON_MS)
    page.get_by_role("button", name="Pause").click()
    expect(page).to_have_url(re.compile("at=[^&]+$"))
    # Some stretches of time, and no request a frame.
    assert 1 <= sum("/v1/links/booked" in one for one in asked) <= 4


def test_a_failure_is_played_again(operator_page: Page, backend: Backend) -> None:
    page = operator_page
    service = backend.order()
    fibre = _fibre_of(backend, service["there"]["links"][-2])
    [link, *_] = backend.links_on(fibre)
    backend.cut(fibre)
    wait_until(lambda: _rerouted(backend, service) != [], "it has moved")
    [moved, *_] = _rerouted(backend, service)
    time.sleep(5.0)  # it lasts: a busy browser that plays it must not miss it
    backend.splice(fibre)
    wait_until(lambda: not body(backend.operator.get("/v1/incidents"))["items"][0]["open"], "it is over")
    incident = body(backend.operator.get("/v1/incidents"))["items"][0]
    assert incident["fibres"] == [fibre]
    page.locator("[data-place-tab=timeline]").click()
    expect(link_of(page, link)).to_have_attribute("data-state", "up")
    asked = _asked(page)
    page.locator(".place").get_by_role("button", name=re.compile("^Replay ")).first.click()
    # It begins before the failure, shows it and who moved, and ends when it is over.
    expect(page.locator(".connection")).to_contain_text("as of")
    expect(link_of(page, link)).to_have_attribute("data-state", "down", timeout=SOON_MS)
    took = page.locator(f'[data-route="{service["id"]}"][data-way=took]')
    expect(took).to_contain_text(", ".join(_site(backend, site) for site in moved), timeout=SOON_MS)
    expect(page.locator(f'[data-route="{service["id"]}"][data-way=left]')).to_have_count(1)
    expect(page.locator('[data-list="Moved by then"] .item').first).to_contain_text(", then")
    expect(page).to_have_url(re.compile(f"incident={incident['id']}.*&play="))
    expect(link_of(page, link)).to_have_attribute("data-state", "up", timeout=3 * SOON_MS)
    expect(page.get_by_role("button", name="Play", exact=True)).to_be_visible(timeout=3 * SOON_MS)
    expect(page.locator(".scrubber").get_by_role("status")).to_contain_text("and what links carried")
    assert 1 <= sum("/v1/telemetry/moments" in one for one in asked) <= 8
    assert sum("/v1/events?" in one for one in asked) <= len(incident["timeline"]) + len(incident["outages"])


def test_time_is_played_and_walked_by_keyboard(operator_page: Page, backend: Backend) -> None:
    page = operator_page
    start = _hours_ahead(-2)
    _show(page, f"#at={start}")
    expect(page.locator(".scrubber")).to_be_visible()
    _shown_is(page, start)
    page.locator(".scrubber").get_by_role("slider").press("ArrowRight")
    _shown_is(page, _later(start, 60))
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Shift+ArrowLeft")
    _shown_is(page, _later(start, -600))
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    expect(page).to_have_url(re.compile("play=60$"))
    wait_until(lambda: _shown(page) > _ms(start) - 590_000, "it has gone on")
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Play", exact=True)).to_be_visible()
    rests = _shown(page)
    page.wait_for_timeout(400)
    assert _shown(page) == rests
    # Who writes, writes a space.
    page.locator(".rail input[type=search]").first.press("Space")
    expect(page.get_by_role("button", name="Play", exact=True)).to_be_visible()


def test_nothing_moves_by_itself_where_motion_is_not_wanted(context: BrowserContext, running: Running) -> None:
    page = context.new_page()
    page.emulate_media(reduced_motion="reduce")
    open_page(page, running.url, running.operator_token)
    start = _hours_ahead(-2)
    _show(page, f"#at={start}&play=60")
    _shown_is(page, start)
    page.wait_for_timeout(1500)
    _shown_is(page, start)


def test_the_land_and_the_line_of_time_come_without_anything_moving(page: Page, running: Running) -> None:
    page.add_init_script(
        "window.moved = []; new PerformanceObserver((list) => { for (const one of list.getEntries()) "
        "window.moved.push([one.value, ...one.sources.map(({ node }) => node?.className ?? node?.nodeName)]); "
        "}).observe({ type: 'layout-shift', buffered: true })"
    )
    asked = _asked(page)
    open_page(page, running.url, running.operator_token)
    expect(page.locator(".backdrop.land")).to_be_attached(timeout=SOON_MS)
    [land] = [one for one in asked if one.endswith(".json") and "/assets/" in one]
    assert "states" in land
    sites = page.locator(".map [data-site]").first
    expect(sites).to_be_attached()
    page.wait_for_timeout(500)
    # A tenth is what browsers' makers call good.
    assert sum(one[0] for one in page.evaluate("window.moved")) < 0.01
    _show(page, f"#at={_hours_ahead(-1)}&play=60")
    expect(page.locator(".scrubber").get_by_role("status")).to_contain_text("was down", timeout=SOON_MS)
    page.evaluate("window.moved = []")
    began = _shown(page)
    wait_until(lambda: _shown(page) > began + 90_000, "it has played on")
    assert page.evaluate("window.moved") == []


def test_a_tenant_looks_ahead_at_its_own_and_at_what_is_free(page: Page, running: Running, backend: Backend) -> None:
    open_page(page, running.url, running.tenant_token)
    asked = _asked(page)
    service = _order(backend, start=_hours_ahead(30), end=_hours_ahead(31))
    _show(page, f"#place=timeline&at={_hours_ahead(29)}")
    status = page.locator(".scrubber").get_by_role("status")
    expect(status).to_contain_text("Booked, not measured: your services")
    expect(page.locator(f'[data-route="{service["id"]}"]')).to_have_count(0)
    _show(page, f"#place=timeline&at={_hours_ahead(30.5)}")
    expect(page.locator(f'[data-route="{service["id"]}"][data-way=there]')).to_have_count(1, timeout=SOON_MS)
    ends = [one.evaluate("(node) => node.value") for one in page.locator(".place select").all()]
    hour = datetime.fromisoformat(_hours_ahead(30.5)).replace(minute=0, second=0, microsecond=0)
    question = {"from": ends[0], "to": ends[1], "start": hour.isoformat(), "hours": 1}
    free = body(backend.tenant.get("/v1/capacity", params=question))["hours"][0]["free_gbps"]
    assert free == int(free)
    expect(page.locator("[data-free]")).to_contain_text(f"{free:,.0f} Gbit/s", timeout=SOON_MS)
    page.wait_for_timeout(500)
    assert not [one for one in asked if "/v1/links" in one or "/v1/telemetry" in one or "/v1/maintenances" in one]


def test_a_sweep_and_what_is_chosen_of_it_are_in_the_address(operator_page: Page, backend: Backend) -> None:
    page = operator_page
    place = page.locator(".place")
    page.locator("[data-place-tab=sweeps]").click()
    place.get_by_text("Conduits", exact=True).click()
    expect(page).to_have_url(re.compile("sweep=groups$"))
    page.reload()
    expect(place.get_by_label("Conduits")).to_be_checked()
    place.get_by_role("button", name="Sweep").click()
    first = place.locator("[data-failure]").first
    expect(place.locator(".gain")).to_contain_text("failures worked out", timeout=2 * SOON_MS)
    target = str(first.get_attribute("data-failure"))
    first.click()
    expect(page).to_have_url(re.compile("sweep=groups&failure="))
    found = body(backend.operator.get("/v1/whatif", params={"cut": target}))
    expect(link_of(page, found["links"][0])).to_have_attribute("data-state", "down")
    page.go_back()
    expect(place.locator("[data-failure]").first).to_be_visible()
    page.go_forward()
    # Sent to somebody who has swept nothing.
    page.reload()
    expect(place.locator("[data-failure-shown]")).to_have_attribute("data-failure-shown", target, timeout=SOON_MS)
    expect(link_of(page, found["links"][0])).to_have_attribute("data-state", "down", timeout=SOON_MS)
    place.get_by_role("button", name="All failures").click()
    expect(link_of(page, found["links"][0])).to_have_attribute("data-state", "up")

    place.get_by_text("Growth", exact=True).click()
    place.get_by_label("Times as much").fill("1.7")
    place.get_by_role("button", name="Work it out").click()
    expect(page).to_have_url(re.compile("sweep=growth&grow=1.7$"))
    page.reload()
    outlook = body(backend.operator.get("/v1/whatif/outlook", params={"grow": 1.7}))
    fits = place.locator('[data-fact="Fits up to"] dd')
    expect(fits).to_have_text(f"{outlook['planned']['grows_to']:.2f} times", timeout=SOON_MS)
    expect(place.get_by_label("Times as much")).to_have_value("1.7")
    # What is admitted meanwhile counts when it is worked out again.
    _show(page, f"#place=sweeps&sweep=growth&grow=1.7&without={found['fibres'][0]}")
    less = body(backend.operator.get("/v1/whatif/outlook", params={"grow": 1.7, "cut": found["fibres"][0]}))
    expect(fits).to_have_text(f"{less['planned']['grows_to']:.2f} times", timeout=SOON_MS)
    page.locator("[data-place-tab=plan]").click()
    expect(page).to_have_url(re.compile("#place=plan$"))


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_time_stands_in_nobodys_way(page: Page, running: Running, backend: Backend, scheme: Any) -> None:
    _order(backend, start=_hours_ahead(4), end=_hours_ahead(6))
    fibre = backend.network()["fibres"][0]["id"]
    page.emulate_media(color_scheme=scheme)
    open_page(page, running.url, running.operator_token)
    add_axe(page)
    found: dict[str, list[str]] = {}
    for hash_, ready in (
        ("#place=timeline", ".scrubber"),
        (f"#place=timeline&at={_hours_ahead(5)}", "[data-turns]"),
        (f"#at={_hours_ahead(-3)}&play=1", '.scrubber[data-shown="measured"]'),
        (f"#at={_hours_ahead(5)}&view=table", "[data-table-row]"),
        (f"#place=sweeps&failure={fibre}", "[data-outcome], [data-list]"),
        ("#place=sweeps&sweep=growth&grow=1.5", '[data-fact="Fits up to"]'),
    ):
        _show(page, hash_)
        expect(page.locator(ready).first).to_be_visible(timeout=SOON_MS)
        said = in_the_way(page)
        if said:
            found[hash_] = said
    assert found == {}


def _hours_ahead(hours: float) -> str:
    """So many hours from now, to the millisecond, as an address has it."""
    then = datetime.now(UTC) + timedelta(hours=hours)
    return then.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _later(at: str, seconds: float) -> str:
    then = datetime.fromisoformat(at) + timedelta(seconds=seconds)
    return then.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _ms(at: str) -> float:
    return datetime.fromisoformat(at).timestamp() * 1000


def _shown(page: Page) -> float:
    """The moment that the slider says, to its minute or finer."""
    return float(page.locator(".scrubber input[type=range]").get_attribute("data-at") or "nan")


def _shown_is(page: Page, at: str) -> None:
    expect(page.locator(".scrubber input[type=range]")).to_have_attribute("data-at", str(int(_ms(at))))


def _settled(backend: Backend, at: str) -> dict[str, float]:
    """What is booked then, once nothing that was given back a moment ago is any more."""
    now = _booked(backend, at)
    for _ in range(20):
        time.sleep(1.0)
        before, now = now, _booked(backend, at)
        if now == before:
            break
    return now


def _booked(backend: Backend, at: str) -> dict[str, float]:
    links: dict[str, float] = body(backend.operator.get("/v1/links/booked", params={"at": at}))["links"]
    return links


def _load(backend: Backend, link: str, gbps: float) -> str:
    """A rate as the map tells of a link's load."""
    capacity = next(one for one in backend.network()["links"] if one["id"] == link)["capacity_gbps"]
    share = math.floor(gbps / capacity * 1e4 + 0.5) / 1e4  # as the page rounds: a half goes up
    return f"{share:.4f}".rstrip("0").rstrip(".")


def _order(backend: Backend, **more: object) -> dict[str, Any]:
    a, b = backend.far_apart()
    service = body(backend.tenant.post("/v1/services", json={"from": a, "to": b, "bandwidth_gbps": 100, **more}))
    backend.ordered.append(service["id"])
    return service


def _rerouted(backend: Backend, service: dict[str, Any]) -> list[list[str]]:
    """The paths that it was moved to, in order."""
    told = body(backend.operator.get("/v1/events", params={"subject": service["id"], "limit": 1000}))["items"]
    return [one["data"]["path"] for one in told if one["type"] == "highroad.service.rerouted"]


def _site(backend: Backend, site: str) -> str:
    return str(next(one["name"] for one in backend.network()["sites"] if one["id"] == site))


def _fibre_of(backend: Backend, link: str) -> str:
    fibre: str = next(one for one in backend.network()["links"] if one["id"] == link)["fibres"][0]
    return fibre


def _asked(page: Page) -> list[str]:
    """Where the page asks from now on."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    return asked


def _show(page: Page, hash_: str) -> None:
    page.evaluate("(hash) => { location.hash = hash }", hash_)
