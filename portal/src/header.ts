// The line on top: whose network this is, how much it carries, and whether what one sees is now.
import { h, put, s, say } from "./dom";
import { totals, type Store } from "./state";
import { figure, takenOn, time } from "./words";

export function mark(): SVGSVGElement {
  return s(
    "svg",
    { class: "mark", viewBox: "0 0 32 32", "aria-hidden": "true" },
    s("path", { class: "mark-a", d: "M8 27 13.4 5" }),
    s("path", { class: "mark-b", d: "M24 27 18.6 5" }),
  );
}

export function header(store: Store, signOut: () => void, toggleRail: () => void): HTMLElement {
  const name = h("h1", { "data-network": true });
  const facts = h("p", { class: "network-facts" });
  const carried = h("b", { "data-total": "carried" });
  const active = h("b", { "data-total": "active" });
  const degraded = h("b", { "data-total": "degraded" });
  const degradedBox = h("div", { class: "stat degraded" }, degraded, h("span", {}, "degraded"));
  const now = h("span", { class: "clock", "data-clock": true });
  const word = h("span", { class: "connection-word" });
  const connection = h("div", { class: "connection", role: "status", "data-connection": "connecting" }, word, now);
  const frozen = h("p", { class: "frozen", role: "status", "data-frozen": true, hidden: true });
  const rail = h(
    "button",
    { class: "icon rail-toggle", type: "button", "aria-label": "Show or hide the lists", "aria-controls": "rail", onclick: toggleRail },
    "☰",
  );
  const leave = h("button", { class: "quiet", type: "button", onclick: signOut }, "Sign out");

  store.on(["network", "measured"], () => {
    const network = store.state.atlas?.network;
    if (network === undefined) return;
    say(name, network.name);
    document.title = `${network.name} · Highroad`;
    const who = store.state.who;
    const parts = [`${network.sites.length} sites`];
    if (who.tenant === null) parts.push(`${network.links.length} links`);
    const sample = store.state.sample;
    if (sample !== null) parts.push(takenOn(sample.fabric, sample.rate_scale));
    if (who.tenant !== null) parts.push(who.tenant);
    say(facts, parts.join(" · "));
  });
  store.on(["sample", "services"], () => {
    const sum = totals(store.state);
    const big = sum.carried_gbps >= 10_000;
    say(carried, figure(big ? sum.carried_gbps / 1000 : sum.carried_gbps));
    say(unit, big ? "Tbit/s carried" : "Gbit/s carried");
    say(active, String(sum.active));
    say(degraded, String(sum.degraded));
    degradedBox.classList.toggle("some", sum.degraded > 0);
  });
  store.on(["sample", "connection"], () => {
    const { sample, stale, heardAt } = store.state;
    if (sample === null || heardAt === null) return;
    put(connection, "data-connection", stale ? "stale" : "live");
    say(word, stale ? `stale since ${time(heardAt)}` : "live");
    say(now, stale ? "" : time(sample.at));
    frozen.hidden = sample.frozen === null;
    say(frozen, sample.frozen ?? "");
    document.documentElement.classList.toggle("stale", stale);
  });
  const unit = h("span", {}, "Gbit/s carried");
  say(word, "connecting");
  for (const value of [carried, active, degraded]) say(value, "–");
  return h(
    "header",
    { class: "top" },
    rail,
    mark(),
    h("div", { class: "network" }, name, facts),
    h(
      "div",
      { class: "stats" },
      h("div", { class: "stat" }, carried, unit),
      h("div", { class: "stat" }, active, h("span", {}, "active")),
      degradedBox,
    ),
    frozen,
    connection,
    leave,
  );
}
