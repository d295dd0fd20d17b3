"""Ordering on the page: drawn while it is written, refused, wrong, cut short by a session that ends, and by whom."""

from __future__ import annotations

import contextlib
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, Response, Route, expect
from playwright.sync_api import Error as PlaywrightError

from tests.e2e.conftest import Running
from tests.e2e.pages import SOON_MS, Backend, add_axe, body, in_the_way, open_page, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.process]


def test_an_order_by_the_keyboard_alone(page: Page, running: Running, backend: Backend) -> None:
    a, b = _protectable(backend)
    open_page(page, running.url, running.tenant_token)
    _show(page, "#place=order")
    page.get_by_label("From", exact=True).focus()
    for site in (a, b):
        page.keyboard.type(_name(backend, site))
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
    expect(page).to_have_url(re.compile(f"ends={re.escape(a)}(>|%3E){re.escape(b)}"))
    page.get_by_label("Rate each way").focus()
    page.keyboard.press("Control+A")
    page.keyboard.type("40")
    _tick(page, "Survives any single failure")
    place = page.locator(".place")
    expect(place.locator('[data-list="It fits"]')).to_be_visible(timeout=SOON_MS)
    expect(page.locator("[data-route][data-way=would]")).to_have_count(1)
    expect(page.locator("[data-route][data-way=spare]")).to_have_count(1)
    expect(place.locator('[data-fact="Price"]')).to_be_visible()
    before = _ids(backend)
    page.get_by_label("Rate each way").press("Enter")
    panel = page.locator("[data-panel=service]")
    expect(panel.locator(".badge")).to_have_text("ACTIVE", timeout=SOON_MS)
    [made] = _ids(backend) - before
    backend.ordered.append(made)
    service = backend.service(made)
    assert (service["bandwidth_gbps"], service["protection"]) == (40, "path")
    assert (service["from"]["site"], service["to"]["site"]) == (a, b)


def test_an_order_with_everything(page: Page, running: Running, backend: Backend) -> None:
    a, b = backend.far_apart()
    open_page(page, running.url, running.tenant_token)
    _show(page, f"#place=order&ends={a}>{b}")
    place = page.locator(".place")
    place.get_by_label("Rate each way").fill("10")
    place.get_by_label("Burst up to").fill("20")
    place.get_by_label("Latency at most").fill("90")
    place.get_by_label("Fence", exact=True).fill("us")
    place.get_by_label("Class", exact=True).select_option("bulk")
    place.get_by_text("Recurring").click()
    place.get_by_role("button", name="Mondays").click()
    place.get_by_label("First start").fill((datetime.now(UTC) + timedelta(days=20)).strftime("%Y-%m-%dT18:00"))
    place.get_by_label("Each lasts").fill("1.5")
    place.get_by_label("By clocks of").fill("Europe/Berlin")
    expect(place.locator('[data-list="It fits"] [data-fact="Windows"]')).to_contain_text("to come", timeout=SOON_MS)
    before = _ids(backend)
    place.get_by_role("button", name="Order it").click()
    expect(page.locator("[data-panel=service] .badge")).to_have_text("RESERVED", timeout=SOON_MS)
    [made] = _ids(backend) - before
    backend.ordered.append(made)
    service = backend.service(made)
    rule = service["recurrence"]
    assert (rule["rule"], rule["time_zone"], rule["duration_s"]) == (
        "FREQ=WEEKLY;BYDAY=TU,WE,TH,FR",
        "Europe/Berlin",
        5400,
    )
    assert (service["burst_gbps"], service["latency_bound_ms"], service["fence"]) == (20, 90, ["US"])
    assert service["traffic_class"] == "bulk"


def test_a_no_is_shown_where_it_binds_and_an_offer_orders_what_it_offers(operator_page: Page, backend: Backend) -> None:
    page = operator_page
    backend.order()
    a, b = backend.far_apart()
    _show(page, f"#place=order&ends={a}>{b}")
    place = page.locator(".place")
    place.get_by_label("Latency at most").fill(_tight(backend, a, b))
    expect(place.locator("[data-binding=latency]")).not_to_be_empty(timeout=SOON_MS)
    expect(page.locator("[data-route][data-way=binds]")).to_have_count(1)
    expect(place.locator('[data-fact="Least possible"]')).to_contain_text("ms")
    place.get_by_label("Latency at most").fill("")
    # A campus hangs on one conduit: nothing survives that, and the map shows which.
    _tick(page, "Survives any single failure")
    no = place.locator('[data-list="It does not fit"]')
    expect(place.locator("[data-binding=protection]")).not_to_be_empty(timeout=SOON_MS)
    expect(page.locator("[data-route][data-way=binds]").first).to_be_attached()
    _tick(page, "Survives any single failure")
    place.get_by_label("Rate each way").fill("400")
    expect(place.locator("[data-binding=port]")).not_to_be_empty(timeout=SOON_MS)
    expect(page.locator("[data-route][data-way=binds]")).to_have_count(1)
    # To press the button says why not, and orders nothing.
    before = _ids(backend)
    place.get_by_role("button", name="Order it").dispatch_event("click")
    expect(no.locator("[data-binding]")).to_be_focused()
    assert _ids(backend) == before
    card = no.locator(".card").first
    offered = float(re.sub("[^0-9.]", "", re.findall(r"([0-9.,]+) ?Gbit/s", card.inner_text())[0]))
    card.click()
    expect(page.locator("[data-panel=service]")).to_be_visible(timeout=SOON_MS)
    [made] = _ids(backend) - before
    backend.ordered.append(made)
    assert backend.service(made)["bandwidth_gbps"] == offered


def test_what_is_wrong_in_five_places_is_said_in_five(operator_page: Page, backend: Backend) -> None:
    page = operator_page
    a, b = backend.far_apart()
    _show(page, f"#place=order&ends={a}>{b}")
    place = page.locator(".place")
    place.get_by_label("Rate each way").fill("lots")
    place.get_by_label("Burst up to").fill("-4")
    place.get_by_label("Latency at most").fill("-3")
    place.get_by_label("Fence", exact=True).fill("narnia")
    place.get_by_label("Window", exact=True).check(force=True)
    place.get_by_label("Start", exact=True).fill("2020-01-01T00:00")
    place.get_by_label("End", exact=True).fill("2019-01-01T00:00")
    place.get_by_text("More: paths").click()
    place.get_by_label("Paths at most").fill("9")
    place.get_by_text("More: paths").click()
    place.get_by_role("button", name="Order it").click()
    wrong = place.locator("[data-wrong=true]")
    expect(place.get_by_label("Rate each way")).to_be_focused(timeout=SOON_MS)
    for label in ("Rate each way", "Burst up to", "Latency at most", "Fence", "End", "Paths at most"):
        field = place.get_by_label(label, exact=True)
        expect(field).to_be_visible()
        said = field.get_attribute("aria-describedby") or ""
        assert page.locator(f"#{said.split()[-1]}").inner_text(), label
    assert wrong.count() >= 6
    place.get_by_label("From", exact=True).fill("")
    place.get_by_role("button", name="Order it").click()
    expect(place.get_by_label("From", exact=True)).to_be_focused(timeout=SOON_MS)


def test_an_older_answer_never_overwrites_a_newer_one(page: Page, running: Running, backend: Backend) -> None:
    open_page(page, running.url, running.tenant_token)
    held: list[Route] = []

    def hold(route: Route) -> None:
        asked = json.loads(route.request.post_data or "{}")
        if asked["bandwidth_gbps"] == 999999:
            held.append(route)  # answered after the next one
        else:
            route.continue_()

    page.route("**/v1/services?dry_run=true", hold)
    a, b = backend.far_apart()
    _show(page, f"#place=order&ends={a}>{b}")
    place = page.locator(".place")
    rate = place.get_by_label("Rate each way")
    rate.fill("999999")
    wait_until_page(page, lambda: len(held) == 1)
    rate.fill("40")
    expect(place.locator('[data-list="It fits"]')).to_be_visible(timeout=SOON_MS)
    for route in held:
        with contextlib.suppress(PlaywrightError):  # the page gave it up, as it should
            route.continue_()
    page.wait_for_timeout(500)
    expect(place.locator('[data-list="It fits"]')).to_be_visible()


def test_an_answer_that_is_lost_makes_one_order(context: BrowserContext, running: Running, backend: Backend) -> None:
    # A page of its own: the browser notes the connection that is cut.
    page = context.new_page()
    open_page(page, running.url, running.tenant_token)
    keys: list[str] = []

    def lose(route: Route) -> None:
        request = route.request
        if request.method != "POST" or "dry_run=true" in request.url:
            route.continue_()
            return
        keys.append(request.headers["idempotency-key"])
        if len(keys) == 1:
            route.fetch()  # it is done, and nobody hears of it
            route.abort()
        else:
            route.continue_()

    page.route("**/v1/services?*", lose)
    a, b = backend.far_apart()
    _show(page, f"#place=order&ends={a}>{b}")
    place = page.locator(".place")
    place.get_by_label("Rate each way").fill("30")
    expect(place.locator('[data-list="It fits"]')).to_be_visible(timeout=SOON_MS)
    before = _ids(backend)
    place.get_by_role("button", name="Order it").click()
    expect(place.get_by_text("Whether it was ordered is not known")).to_be_visible(timeout=SOON_MS)
    place.get_by_role("button", name="Ask again").click()
    expect(page.locator("[data-panel=service]")).to_be_visible(timeout=SOON_MS)
    [made] = _ids(backend) - before
    backend.ordered.append(made)
    assert len(keys) == 2
    assert keys[0] == keys[1]


def test_a_session_that_ends_in_the_middle_loses_nothing(
    context: BrowserContext, running: Running, backend: Backend
) -> None:
    # A page of its own: the browser notes refused requests on the console.
    page = context.new_page()
    issued = body(backend.operator.post("/v1/tokens", json={"role": "member", "tenant": _tenant(backend)}))
    open_page(page, running.url, issued["token"])
    a, b = backend.far_apart()
    _show(page, f"#place=order&ends={a}>{b}")
    place = page.locator(".place")
    place.get_by_label("Rate each way").fill("33")
    place.get_by_label("Fence", exact=True).fill("US, DE")
    expect(place.locator(".answer .part")).to_be_visible(timeout=SOON_MS)
    backend.operator.delete(f"/v1/tokens/{issued['id']}").raise_for_status()
    # If the page has not found out by itself: then there is nothing to press any more.
    place.get_by_role("button", name="Order it").evaluate_all("(found) => found.forEach((one) => one.click())")
    expect(page.get_by_text("Your session has ended")).to_be_visible(timeout=SOON_MS)
    before = _ids(backend)
    page.get_by_label("Token").fill(running.tenant_token)
    page.get_by_role("button", name="Sign in").click()
    expect(place.get_by_label("Rate each way")).to_have_value("33", timeout=SOON_MS)
    expect(place.get_by_label("Fence", exact=True)).to_have_value("US, DE")
    assert f"ends={a}>{b}" in unquote(page.url)
    expect(place.locator('[data-list="It fits"]')).to_be_visible(timeout=SOON_MS)
    place.get_by_role("button", name="Order it").click()
    expect(page.locator("[data-panel=service]")).to_be_visible(timeout=SOON_MS)
    [made] = _ids(backend) - before
    backend.ordered.append(made)
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Token")).to_be_visible(timeout=SOON_MS)
    assert page.evaluate("Object.keys(sessionStorage).filter((name) => name.includes('order'))") == []


def test_one_signs_in_elsewhere_and_comes_back_to_where_one_was(
    context: BrowserContext, running: Running, backend: Backend
) -> None:
    # The flow with a provider is tests/oidc's; this is the page's part of it.
    a, b = backend.far_apart()
    page = context.new_page()
    page.route("**/v1/session/ways", lambda route: route.fulfill(json={"openid": True}))
    back = ["refused=forbidden", "signed-in"]

    def away(route: Route) -> None:
        said = back.pop(0)
        if said == "signed-in":
            context.request.post(f"{running.url}/v1/session", data={"token": running.tenant_token})
        body_ = f"<script>location.replace('/#{said}')</script>"
        route.fulfill(content_type="text/html", body=body_)

    page.route("**/v1/session/openid", away)
    page.goto(f"{running.url}/#place=order&ends={a}>{b}")
    page.get_by_role("link", name="Sign in with your organisation").click()
    expect(page.get_by_text("none of your groups has a role")).to_be_visible(timeout=SOON_MS)
    page.get_by_role("link", name="Sign in with your organisation").click()
    expect(page.locator("[data-connection=live]")).to_be_visible(timeout=SOON_MS)
    expect(page.get_by_label("From", exact=True)).to_have_value(_name(backend, a))
    assert unquote(page.url).endswith(f"#place=order&ends={a}>{b}")


def test_a_week_is_read_and_an_hour_of_it_chosen(page: Page, running: Running, backend: Backend) -> None:
    open_page(page, running.url, running.tenant_token)
    a, b = backend.far_apart()
    _show(page, f"#place=order&ends={a}>{b}")
    cells = page.locator(".heat [data-cell]")
    expect(cells).to_have_count(168, timeout=SOON_MS)
    capacity = body(backend.tenant.get("/v1/capacity", params={"from": a, "to": b}))
    assert {one["free_gbps"] % capacity["step_gbps"] for one in capacity["hours"]} == {0}
    expect(cells.nth(3)).to_have_attribute("aria-label", re.compile("Gbit/s free"))
    # One stop of Tab, arrows beyond.
    assert page.locator(".heat [tabindex='0']").count() == 1
    cells.nth(1).focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".heat-read")).to_contain_text("free")
    page.keyboard.press("Enter")
    start = page.get_by_label("Start", exact=True).input_value()
    assert start.endswith(":00")
    expect(page.locator('[data-list="It fits"]')).to_be_visible(timeout=SOON_MS)


def test_the_week_of_an_operator_counts_the_tenants_ports(operator_page: Page, backend: Backend) -> None:
    page = operator_page
    a, b = backend.far_apart()
    _show(page, f"#place=order&ends={a}>{b}")
    place = page.locator(".place")
    place.get_by_label("For tenant").select_option(_tenant(backend))
    cells = page.locator(".heat [data-cell]")
    expect(cells).to_have_count(168, timeout=SOON_MS)
    rate = {port["site"]: port["rate_gbps"] for port in body(backend.tenant.get("/v1/ports"))["items"]}
    place.get_by_label("Rate each way").fill(str(rate[a] + 1))
    expect(page.locator('.heat [data-enough="false"]')).to_have_count(168, timeout=SOON_MS)
    # And as many ways as are asked for.
    place.get_by_text("More:", exact=False).click()
    with page.expect_request(re.compile(r"/v1/capacity\?.*max_paths=2")):
        place.get_by_label("Paths at most").fill("2")


def test_on_a_phone_the_map_is_beside_what_is_written(operator_page: Page, backend: Backend) -> None:
    page = operator_page
    page.set_viewport_size({"width": 390, "height": 844})
    a, b = backend.far_apart()
    for hash_ in (f"#place=order&ends={a}>{b}", "#place=plan", "#place=timeline"):
        _show(page, hash_)
        place = page.locator(".place")
        expect(place).to_be_visible(timeout=SOON_MS)
        page.wait_for_timeout(300)
        box = page.locator(".rail").bounding_box()
        assert box is not None
        assert box["y"] >= 844 / 2 - 20, f"{hash_}: the sheet leaves the map {box['y']:.0f} of 844 pixels"
    line = page.locator(".scrubber")
    expect(line).to_be_visible()
    line.get_by_role("slider").focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".connection")).to_contain_text("as of")


def test_a_change_and_a_release_say_first_what_they_do(operator_page: Page, backend: Backend) -> None:
    page = operator_page
    a, b = _protectable(backend)
    service = backend.order(**{"from": a, "to": b})
    _show(page, f"#service={service['id']}&tab=change")
    panel = page.locator("[data-panel=service]")
    panel.get_by_label("Rate each way").fill("60")
    panel.get_by_label("Burst up to").fill("120")
    panel.get_by_label("Class", exact=True).select_option("interactive")
    _tick(page, "Survives any single failure")
    does = panel.locator('[data-list="What that does"]')
    expect(does.locator("ul li").first).to_be_visible(timeout=SOON_MS)
    expect(page.locator("[data-route][data-way=would]")).to_have_count(1)
    assert backend.service(service["id"])["bandwidth_gbps"] == 100
    panel.get_by_role("button", name="Change it", exact=True).click()
    wait_until(lambda: backend.service(service["id"])["bandwidth_gbps"] == 60, "it is changed")
    now = backend.service(service["id"])
    assert (now["burst_gbps"], now["traffic_class"], now["protection"]) == (120, "interactive", "path")
    # Each field that may be emptied is; and what does not fit has offers that are changes.
    expect(panel.get_by_label("Burst up to")).to_have_value("120", timeout=SOON_MS)
    panel.get_by_label("Burst up to").fill("")
    panel.get_by_label("Latency at most").fill(_tight(backend, a, b))
    card = panel.locator(".card").first
    expect(card).to_be_visible(timeout=SOON_MS)
    panel.get_by_role("button", name="Undo what I wrote").click()
    expect(panel.locator(".card")).to_have_count(0)
    # Somebody else's change: what it is now is what is changed.
    patched = backend.operator.patch(
        f"/v1/services/{service['id']}", json={"bandwidth_gbps": 70}, headers={"If-Match": "*"}
    )
    assert body(patched)["bandwidth_gbps"] == 70
    expect(panel.get_by_label("Rate each way")).to_have_value("70", timeout=SOON_MS)
    panel.get_by_role("tab", name="Why").click()
    expect(panel.locator('[data-list="Ways that were looked at"] .item').first).to_be_visible(timeout=SOON_MS)
    panel.get_by_role("tab", name="Change").click()
    panel.get_by_role("button", name="Release it…").click()
    expect(panel.get_by_text("Its traffic stops at once.")).to_be_visible()
    panel.get_by_role("button", name="Keep it").click()
    assert backend.service(service["id"])["state"] != "TERMINATED"
    panel.get_by_role("button", name="Release it…").click()
    panel.get_by_role("button", name="Release it now").click()
    expect(panel.locator(".badge")).to_have_text("TERMINATED", timeout=SOON_MS)
    backend.ordered.remove(service["id"])


def test_a_hold_is_kept_and_taken(page: Page, running: Running, backend: Backend) -> None:
    open_page(page, running.url, running.tenant_token)
    a, b = backend.far_apart()
    _show(page, f"#place=order&ends={a}>{b}")
    page.locator(".place").get_by_label("Rate each way").fill("25")
    expect(page.locator('[data-list="It fits"]')).to_be_visible(timeout=SOON_MS)
    before = _ids(backend)
    page.get_by_role("button", name="Hold for 10 min").click()
    panel = page.locator("[data-panel=service]")
    expect(panel.locator(".badge")).to_have_text("HELD", timeout=SOON_MS)
    [made] = _ids(backend) - before
    backend.ordered.append(made)
    panel.get_by_role("tab", name="Change").click()
    panel.get_by_role("button", name="Take it").click()
    expect(panel.locator(".badge")).to_have_text("ACTIVE", timeout=SOON_MS)


def test_a_tenants_page_fetches_nothing_of_anybody_else(page: Page, running: Running, backend: Backend) -> None:
    a, b = backend.far_apart()
    rival = _rival(backend, a, b)
    own = backend.order()
    fetched: list[tuple[str, str]] = []

    def hear(response: Response) -> None:
        if "/v1/" in response.url and "/v1/live" not in response.url:
            fetched.append((response.url, response.text()))

    page.on("response", hear)
    page.add_init_script(
        """window.streamed = []; const Real = EventSource;
        window.EventSource = class extends Real { constructor(...all) { super(...all);
          for (const name of ["sample", "changes", "event"])
            this.addEventListener(name, (said) => window.streamed.push(said.data)); } };"""
    )
    open_page(page, running.url, running.tenant_token)
    for hash_, ready in (
        ("", "[data-service-row]"),
        (f"#service={own['id']}", "[data-panel=service] dl"),
        (f"#service={own['id']}&tab=why", "[data-panel=service] [data-list]"),
        (f"#service={own['id']}&tab=proof", "[data-panel=service] fieldset"),
        (f"#service={own['id']}&tab=change", "[data-panel=service] .form"),
        (f"#site={a}", "[data-panel=site] dl"),
        (f"#place=order&ends={a}>{b}", ".heat"),
        ("#place=timeline", "[data-place=timeline]"),
        ("#view=table", "[data-table-row]"),
    ):
        _show(page, hash_)
        expect(page.locator(ready).first).to_be_visible(timeout=SOON_MS)
    # Who has another's address is told no more than the address; a browser notes the 404 by itself.
    stranger = page.context.new_page()
    stranger.on("response", hear)
    stranger.add_init_script("localStorage.setItem('highroad.session', 'perhaps')")
    stranger.goto(f"{running.url}/#service={rival['service']}")
    expect(stranger.locator("[data-panel=missing]")).to_be_visible(timeout=SOON_MS)
    stranger.close()
    _show(page, f"#place=order&ends={a}>{b}")
    page.locator(".place").get_by_label("Latency at most").fill(_tight(backend, a, b))
    expect(page.locator("[data-binding]")).to_be_visible(timeout=SOON_MS)
    wait_until_page(page, lambda: bool(page.evaluate("window.streamed.length > 2")))
    network = backend.network()
    others = [rival["tenant"], rival["service"], rival["port"], rival["name"]]
    fibres = [one["id"] for one in network["fibres"]]
    texts = [*fetched, *(("stream", one) for one in page.evaluate("window.streamed"))]
    assert len(texts) > 10
    told = [
        (url, other)
        for url, text in texts
        for other in [*others, *fibres]
        if json.dumps(other)[1:-1] in text and not url.endswith(f"/{other}")
    ]
    assert told == []
    assert [one for one in others if one in page.content()] == []
    # Its network has sites and no more, and every service that it was told of is its own.
    [seen] = [json.loads(text) for url, text in fetched if url.endswith("/v1/network")][:1]
    assert (seen["links"], seen["fibres"], seen["risk_groups"]) == ([], [], [])
    listed = [json.loads(text) for url, text in fetched if "/v1/services?" in url and "items" in text]
    assert {one["tenant"] for page_ in listed for one in page_["items"]} <= {own["tenant"]}
    # Free capacity comes in the steps in which it is sold.
    frees = [json.loads(text) for url, text in fetched if "/v1/capacity" in url]
    assert {hour["free_gbps"] % free["step_gbps"] for free in frees for hour in free["hours"]} == {0}
    # And it may order where it has ports, and nowhere else.
    ports = {port["site"] for port in body(backend.tenant.get("/v1/ports"))["items"]}
    names = {one["id"]: one["name"] for one in network["sites"]}
    page.get_by_label("From", exact=True).click()
    page.get_by_label("From", exact=True).fill("")
    options = page.locator("#order-from-list [role=option] > span:first-child").all_inner_texts()
    assert {one.split(",")[0] for one in options} <= {names[site] for site in ports}
    assert options


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_ordering_stands_in_nobodys_way(page: Page, running: Running, backend: Backend, scheme: Any) -> None:
    own = backend.order()
    a, b = backend.far_apart()
    page.emulate_media(color_scheme=scheme)
    open_page(page, running.url, running.tenant_token)
    add_axe(page)
    found: dict[str, list[str]] = {}

    def look(name: str) -> None:
        said = in_the_way(page)
        if said:
            found[name] = said

    place = page.locator(".place")
    _show(page, "#place=order")
    expect(place.locator("[data-list]")).to_be_visible(timeout=SOON_MS)
    look("empty")
    page.get_by_label("From", exact=True).click()
    look("choosing")
    page.keyboard.press("Escape")
    _show(page, f"#place=order&ends={a}>{b}")
    place.get_by_label("Window", exact=True).check(force=True)
    place.get_by_text("More: paths").click()
    expect(page.locator(".heat [data-cell]").first).to_be_visible(timeout=SOON_MS)
    expect(place.locator('[data-list="It fits"]')).to_be_visible(timeout=SOON_MS)
    look("fits")
    place.get_by_label("Recurring").check(force=True)
    place.get_by_label("Rate each way").fill("x")
    expect(place.locator("[data-wrong=true]").first).to_be_visible(timeout=SOON_MS)
    look("wrong")
    place.get_by_label("From now", exact=True).check(force=True)
    place.get_by_label("Rate each way").fill("100")
    place.get_by_label("Latency at most").fill(_tight(backend, a, b))
    expect(place.locator(".card").first).to_be_visible(timeout=SOON_MS)
    look("refused")
    _show(page, f"#service={own['id']}&tab=change")
    page.get_by_role("button", name="Release it…").click()
    look("release")
    assert found == {}
    # A phone: nothing is wider than the window.
    page.set_viewport_size({"width": 390, "height": 800})
    _show(page, f"#place=order&ends={a}>{b}")
    page.wait_for_timeout(300)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def _show(page: Page, hash_: str) -> None:
    page.evaluate("(hash) => { location.hash = hash }", hash_)


def _tick(page: Page, label: str) -> None:
    box: Locator = page.get_by_label(label)
    box.focus()
    box.press("Space")


def _ids(backend: Backend) -> set[str]:
    return {one["id"] for one in body(backend.operator.get("/v1/services", params={"limit": 1000}))["items"]}


def _name(backend: Backend, site: str) -> str:
    return str(next(one["name"] for one in backend.network()["sites"] if one["id"] == site))


def _tenant(backend: Backend) -> str:
    return str(body(backend.tenant.get("/v1/session"))["tenant"])


def _protectable(backend: Backend) -> tuple[str, str]:
    """Two sites of the tenant's between which a backup fits."""
    sites = sorted({port["site"] for port in body(backend.tenant.get("/v1/ports"))["items"]})
    for a, b in ((a, b) for a in sites for b in sites if a < b):
        order = {"from": a, "to": b, "bandwidth_gbps": 100, "protection": "path"}
        if backend.tenant.post("/v1/services?dry_run=true", json=order).is_success:
            return a, b
    raise AssertionError("no two sites have two ways between them")


def _tight(backend: Backend, a: str, b: str) -> str:
    """A bound that is too tight, by no more than light could do."""
    order = {"from": a, "to": b, "bandwidth_gbps": 1}
    found = body(backend.tenant.post("/v1/services?dry_run=true", json=order))["service"]
    return f"{0.9 * found['there']['latency_ms']:.2f}"


def _rival(backend: Backend, a: str, b: str) -> dict[str, str]:
    """Another tenant with a port at either site, and a service between them."""
    tenants = {one["id"] for one in body(backend.operator.get("/v1/tenants", params={"limit": 1000}))["items"]}
    name = "Zephyrine Gmbh"
    if "zephyrine" not in tenants:
        body(backend.operator.post("/v1/tenants", json={"id": "zephyrine", "name": name}))
        for number, site in enumerate((a, b)):
            port = {"id": f"zephyrine-port-{number}", "tenant": "zephyrine", "site": site, "rate_gbps": 400}
            body(backend.operator.post("/v1/ports", json=port))
    order = {"from": a, "to": b, "bandwidth_gbps": 50, "description": name}
    made = body(backend.operator.post("/v1/services", params={"tenant": "zephyrine"}, json=order))
    return {"tenant": "zephyrine", "service": made["id"], "port": "zephyrine-port", "name": name}


def wait_until_page(page: Page, true: Any) -> None:
    """Waits in a way that lets the page's own events come."""
    for _ in range(150):
        if true():
            return
        page.wait_for_timeout(50)
    pytest.fail("in vain")
