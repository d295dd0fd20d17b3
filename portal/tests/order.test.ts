import { describe, expect, it } from "vitest";
import type { FreeOut } from "../src/api/schema";
import { loadsWithout } from "../src/panels/service/Change";
import { matching } from "../src/parts/Pick";
import { changeOf, daysOf, draftOf, empty, local, missing, orderOf, ruleOf, troubles, whole, type Draft } from "../src/places/order/draft";
import { overlayOf } from "../src/places/order/Answer";
import { days, move } from "../src/places/order/heat";
import { keyed } from "../src/places/order/kept";
import { endsOf, holderOf, mayOrder } from "../src/places/order/rights";
import { index } from "../src/state/atlas";
import { none } from "../src/state/faults";
import { fibre, link, MEMBER, network, OPERATOR, path, rate, sample, service, site } from "./facts";

const plain = {
  who: MEMBER,
  atlas: null,
  services: new Map(),
  sample: null,
  faults: none(),
  incidents: [],
  maintenances: [],
  reach: null,
};

const draft = (more: Partial<Draft>): Draft => ({ ...empty(), from: "a", to: "b", ...more });
const finding = (place: string, message = "is wrong") => ({ code: "x", place, message, severity: "error" });

describe("an order that is written", () => {
  it("leaves out what is left empty", () => {
    expect(orderOf(draft({}))).toEqual({ from: "a", to: "b", bandwidth_gbps: 100, traffic_class: "assured", protection: "none" });
  });
  it("sends what is no number as it was typed, for the API to say so", () => {
    expect(orderOf(draft({ rate: "lots", latency: "5 ms" }))).toMatchObject({ bandwidth_gbps: "lots", latency_bound_ms: "5 ms" });
  });
  it("reads decimals with a comma, and a fence in any case", () => {
    expect(orderOf(draft({ rate: "0,5", fence: "us; de fr" }))).toMatchObject({ bandwidth_gbps: 0.5, fence: ["US", "DE", "FR"] });
  });
  it("says its times by the viewer's clock in one of three ways", () => {
    const span = { start: "2027-01-04T18:00", end: "2027-01-04T20:00" };
    const as = { start: new Date(span.start).toISOString(), end: new Date(span.end).toISOString() };
    expect(orderOf(draft({ when: "now", spans: [span] }))).not.toHaveProperty("start");
    expect(orderOf(draft({ when: "window", spans: [span] }))).toMatchObject(as);
    expect(orderOf(draft({ when: "window", spans: [span, span] }))).toMatchObject({ windows: [as, as] });
    expect(orderOf(draft({ when: "again", first: "2027-01-04T18:00", hours: "1.5", zone: "Europe/Berlin" }))).toMatchObject({
      recurrence: { rule: "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", time_zone: "Europe/Berlin", start: "2027-01-04T18:00", duration_s: 5400 },
    });
  });
  it("says tags and prefixes with their end", () => {
    expect(orderOf(draft({ from_vlan: "7", to_prefixes: "10.1.0.0/16, 10.2.0.0/16" }))).toMatchObject({
      from: { at: "a", vlan: 7 },
      to: { at: "b", prefixes: ["10.1.0.0/16", "10.2.0.0/16"] },
    });
  });
  it("is asked about when both ends are known and there is a rate", () => {
    const known = new Set(["a", "b"]);
    expect(whole(draft({}), known)).toBe(true);
    expect(whole(draft({ to: "bo" }), known)).toBe(false);
    expect(whole(draft({ rate: " " }), known)).toBe(false);
    expect(whole(draft({ rate: "", floor: "10" }), known)).toBe(true);
  });
  it("tells what is needed and empty", () => {
    expect(missing(draft({ from: "", to: " ", rate: "" }))).toEqual(["from", "to", "bandwidth_gbps"]);
    expect(missing(draft({ rate: "", floor: "10" }))).toEqual([]);
  });
});

describe("what is wrong", () => {
  it("is told beside its field, all of it", () => {
    const said = {
      findings: [
        finding("bandwidth_gbps", "too much"),
        finding("bandwidth_gbps", "too odd"),
        finding("fence[1]"),
        finding("from.prefixes[0]"),
        finding("recurrence.duration_s"),
        finding("windows[1].end"),
        finding("Idempotency-Key", "is odd"),
      ],
    };
    const found = troubles(said, 2);
    expect([...found.keys()]).toEqual([
      "bandwidth_gbps", "fence", "from.prefixes", "recurrence.duration_s", "windows[1].end", "",
    ]);
    expect(found.get("bandwidth_gbps")).toBe("too much; too odd");
    expect(found.get("")).toBe("Idempotency-Key: is odd");
  });
  it("is of the one window where there is one", () => {
    expect([...troubles({ findings: [finding("windows[0].end"), finding("windows")] }, 1).keys()]).toEqual(["end", "start"]);
  });
});

describe("a change", () => {
  const before = draftOf(service("svc-1", "ACTIVE", [], { burst_gbps: 200, fence: ["US"], end: "2027-01-01T00:00:00Z" }));
  it("is nothing where nothing was written", () => {
    expect(changeOf(before, { ...before })).toEqual({});
  });
  it("has what differs, and null for what was emptied", () => {
    expect(changeOf(before, { ...before, rate: "50", burst: "", fence: "US, DE" })).toEqual({
      bandwidth_gbps: 50,
      burst_gbps: null,
      fence: ["US", "DE"],
    });
  });
  it("opens an end", () => {
    expect(changeOf(before, { ...before, spans: [{ start: before.spans[0]?.start ?? "", end: "" }] })).toEqual({ end: null });
    expect(changeOf(before, { ...before, when: "now" })).toEqual({ end: null });
  });
  it("puts a rule in the place of a window", () => {
    const change = changeOf(before, { ...before, when: "again", first: "2027-01-04T18:00" });
    expect(Object.keys(change)).toEqual(["recurrence"]);
  });
  it("leaves the rate to the rule that follows the load", () => {
    expect(changeOf(before, { ...before, rate: "20", floor: "10", ceiling: "100" })).toEqual({
      autoscale: { floor_gbps: 10, ceiling_gbps: 100 },
    });
  });
});

describe("days of a rule", () => {
  it("are read and written", () => {
    expect(daysOf("FREQ=WEEKLY;BYDAY=MO,SU")).toEqual(new Set(["MO", "SU"]));
    expect(daysOf("FREQ=DAILY")).toBeNull();
    expect(ruleOf(new Set(["SU", "MO"]))).toBe("FREQ=WEEKLY;BYDAY=MO,SU");
  });
});

describe("the week's heat", () => {
  const hour = (at: number, free_gbps: number): FreeOut => ({
    start: new Date(Date.UTC(2027, 0, 4, at)).toISOString(),
    end: new Date(Date.UTC(2027, 0, 4, at + 1)).toISOString(),
    free_gbps,
  });
  const week = days(Array.from({ length: 30 }, (_, at) => hour(at, at === 3 ? 0 : at === 5 ? 300 : 100)), 150);
  it("has every hour once, in its day by the viewer's clock", () => {
    const cells = week.flatMap((day) => day.cells.filter((cell) => cell !== null));
    expect(cells.map((cell) => cell.start)).toEqual(Array.from({ length: 30 }, (_, at) => hour(at, 0).start));
    for (const day of week) for (const [at, cell] of day.cells.entries()) if (cell !== null) expect(new Date(cell.start).getHours()).toBe(at);
  });
  it("tells the most from nothing, and what is enough", () => {
    const cells = week.flatMap((day) => day.cells.filter((cell) => cell !== null));
    expect([cells[3]?.level, cells[0]?.level, cells[5]?.level]).toEqual([0, 2, 6]);
    expect(cells.filter((cell) => cell.enough).length).toBe(1);
  });
  it("is walked by arrows, and stays on it", () => {
    const full = days(Array.from({ length: 48 }, (_, at) => hour(at - new Date(hour(0, 0).start).getHours(), 1)), 0);
    expect(move(full, [0, 23], "ArrowRight")).toEqual([1, 0]);
    expect(move(full, [1, 0], "ArrowLeft")).toEqual([0, 23]);
    expect(move(full, [0, 4], "ArrowUp")).toEqual([0, 4]);
    expect(move(full, [0, 4], "ArrowDown")).toEqual([1, 4]);
    expect(move(full, [1, 4], "End")).toEqual([1, 23]);
  });
});

describe("an order that is sent again", () => {
  it("has its key for as long as it is the same", () => {
    const first = keyed("x", null);
    expect(keyed("x", first).key).toBe(first.key);
    expect(keyed("y", first).key).not.toBe(first.key);
    expect(first.key).toMatch(/^[0-9a-f]{32}$/);
  });
});

describe("where one may order", () => {
  const port = (id: string, tenant: string, at: string) => ({ id, tenant, site: at, rate_gbps: 400, mtu_bytes: 9000 });
  const ports = [port("p1", "acme", "a"), port("p2", "acme", "b"), port("p3", "acme", "b"), port("p4", "rival", "c")];
  const sites = [site("a", { name: "Zürich" }), site("b", { name: "Aarau" }), site("c")];
  it("is at one's own sites by name, and at a port where there are several", () => {
    expect(endsOf(ports, sites, "acme").map(({ value }) => value)).toEqual(["b", "p2", "p3", "a"]);
  });
  it("is for who has ports at both ends", () => {
    expect(holderOf(ports, "c", "", "")).toBe("rival");
    expect(holderOf(ports, "a", "b", "rival")).toBe("acme");
    expect(holderOf(ports, "a", "c", "acme")).toBe("acme");
  });
  it("is found by any word of its name", () => {
    const ends = endsOf(ports, sites, "acme");
    expect(matching(ends, "rau").map(({ value }) => value)).toEqual(["b", "p2", "p3"]);
    expect(matching(ends, "zü").map(({ value }) => value)).toEqual(["a"]);
  });
});

describe("a release", () => {
  it("leaves on its links what others carry", () => {
    const atlas = index(network({ sites: [site("a"), site("b")], links: [link("a", "b")] }));
    const held = service("svc-1", "ACTIVE", ["a>b"], { there: path(["a>b"]) });
    const state = { atlas, sample: sample({ links: { "a>b": 300 }, services: { "svc-1": rate("ACTIVE", 100, 100) } }) };
    expect(loadsWithout(state, held).get("a>b")).toBeCloseTo(0.5);
  });
});

it("a moment is told by the viewer's clock", () => {
  expect(new Date(local("2027-01-04T18:00:00Z")).toISOString()).toBe("2027-01-04T18:00:00.000Z");
});

describe("what stands in the way", () => {
  const sites = [site("a"), site("b"), site("c")];
  const no = (binding: object) => ({ state: "no" as const, words: "no", said: { binding: { constraint: "x", message: "m", ...binding } } });
  const seen = (links: boolean) => ({
    ...plain,
    atlas: index(
      network({
        sites,
        fibres: links ? [{ ...fibre("a--b", "a", "b", ["bridge"]), jurisdictions: ["CA"] }, fibre("b--c", "b", "c")] : [],
        links: links ? [link("a", "b", { fibres: ["a--b"] }), link("b", "c", { fibres: ["b--c"] })] : [],
      }),
    ),
  });
  const where = (links: boolean, binding: object, ends = ["?", "?"]) =>
    overlayOf(seen(links), no(binding), ends).routes.map(({ way, sites: at, links: on }) => [way, at, on]);
  it("is a link, which a tenant knows by its ends", () => {
    expect(where(true, { link: "a>b" })).toEqual([["binds", ["a", "b"], ["a>b"]]]);
    expect(where(false, { link: "a>b#2" })).toEqual([["binds", ["a", "b"], []]]);
    expect(where(false, { link: "x>y" })).toEqual([]);
  });
  it("is what shares a risk, or lies outside the fence", () => {
    expect(where(true, { risk_groups: ["bridge"] })).toEqual([["binds", ["a", "b"], ["a>b"]]]);
    expect(where(true, { outside: ["CA"] })).toEqual([["binds", ["a", "b"], ["a>b"]]]);
    expect(where(false, { outside: ["CA"] })).toEqual([]);
  });
  it("lies between the ends, where it lies at no one place", () => {
    expect(where(false, { least_latency_ms: 9 }, ["a", "c"])).toEqual([["binds", ["a", "c"], []]]);
    expect(where(false, { outside: ["CA"] }, ["a", "c"])).toEqual([["binds", ["a", "c"], []]]);
    expect(where(true, { risk_groups: ["bridge"] }, ["a", "c"])).toEqual([["binds", ["a", "b"], ["a>b"]]]);
  });
  it("is a site, from itself to itself", () => {
    expect(where(false, { site: "c" })).toEqual([["binds", ["c", "c"], []]]);
  });
});

describe("an order", () => {
  it("that is wrong in five places says each beside its field", () => {
    const finding = (place: string, message: string) => ({ code: "x", place, message, severity: "error" });
    const found = troubles({
      findings: [
        finding("from", "is no site"),
        finding("to.at", "is no site"),
        finding("bandwidth_gbps", "has to be more than 0"),
        finding("fence[0]", "is no jurisdiction"),
        finding("fence[1]", "neither"),
        finding("vlan", "is taken"),
        finding("", "and besides"),
      ],
    });
    expect(Object.fromEntries(found)).toEqual({
      from: "is no site",
      to: "is no site",
      bandwidth_gbps: "has to be more than 0",
      fence: "is no jurisdiction; neither",
      "": "vlan: is taken; and besides",
    });
  });
  it.each([
    [OPERATOR, true],
    [MEMBER, true],
    [{ ...MEMBER, role: "viewer" }, false],
    [{ ...OPERATOR, role: "engineer" }, false],
    [{ ...MEMBER, scopes: ["services:read"] }, false],
    [{ ...MEMBER, scopes: ["services:write"] }, true],
  ])("may be made by %o: %s", (who, may) => expect(mayOrder(who)).toBe(may));
});
