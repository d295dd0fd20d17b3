// Wires the page: who is there, what is known, what is shown. The order of things is the order of this file.
import "./style.css";
import { get, Problem, signIn, signOut } from "./api";
import { h, s } from "./dom";
import { stateOf } from "./faults";
import { header } from "./header";
import { forget, maybe } from "./hint";
import { legend, reach } from "./legend";
import { Lists } from "./lists";
import { MapView, type Room, type Route } from "./map/view";
import { Panel } from "./panel/open";
import { opposite } from "./panel/link";
import { load } from "./ramp";
import { code, format, parse, same, type Selection } from "./select";
import { carriedOn, ENDED, stateNow, Store, waysOf } from "./state";
import { Sync } from "./sync";
import type { PathOut, ServiceOut, WhoOut } from "./wire";
import { sentence } from "./words";

const root = document.querySelector<HTMLElement>("#app") ?? document.body;

async function who(): Promise<WhoOut> {
  let trouble = "";
  const once = code(location.hash);
  if (once !== null) {
    // A code works once: it has no business in the address, the history or a bookmark.
    history.replaceState(null, "", location.pathname + location.search);
    try {
      await signIn({ code: once });
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      const refused = error.status === 401 || error.status === 400 || error.status === 422;
      trouble = refused ? "This link is not valid any more; sign in with a token." : sentence(error.message);
    }
  }
  let outside = !maybe();
  for (;;) {
    if (outside) {
      await askFor(trouble);
      [outside, trouble] = [false, ""];
    }
    try {
      return await get<WhoOut>("/v1/session");
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (error.status === 401) {
        forget();
        outside = true;
      } else {
        root.replaceChildren(h("p", { class: "waiting" }, `${error.message} Trying again…`));
        await new Promise((again) => setTimeout(again, 2000));
      }
    }
  }
}

async function askFor(trouble: string): Promise<void> {
  const { askToSignIn } = await import("./signin");
  await askToSignIn(root, trouble);
}

function run(me: WhoOut): void {
  const store = new Store(me);
  const state = store.state;
  const over = (): void => {
    forget();
    location.reload();
  };
  const sync = new Sync(store, over);

  const pick = (selection: Selection | null): void => {
    if (same(selection, state.selection)) return;
    const back = document.activeElement instanceof HTMLElement ? document.activeElement : null;
    history.pushState(null, "", selection === null ? location.pathname + location.search : format(selection));
    select(selection);
    if (selection === null && back?.closest(".panel")) map.node.querySelector<SVGElement>("[tabindex='0']")?.focus();
  };
  const select = (selection: Selection | null): void => {
    state.selection = selection;
    store.touch("selection");
  };

  const map = new MapView(pick);
  const lists = new Lists(store, pick);
  const panel = new Panel(store, pick);
  const leave = (): void => void signOut().finally(() => location.reload());
  const toggleRail = (): void => {
    root.classList.toggle("rail-shut");
    map.makeRoom(free());
  };
  const controls = h("div", { class: "controls" });
  for (const [label, icon, act] of [
    ["Zoom in", "M8 3v10M3 8h10", () => map.zoomBy(1.6)],
    ["Zoom out", "M3 8h10", () => map.zoomBy(1 / 1.6)],
    ["Show the whole network", "M3 6V3h3M10 3h3v3M13 10v3h-3M6 13H3v-3", () => map.goHome()],
  ] as const) {
    const drawing = s("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" }, s("path", { d: icon }));
    controls.append(h("button", { class: "icon", type: "button", "aria-label": label, title: label, onclick: act }, drawing));
  }
  const foot = h("div", { class: "foot" }, legend(store), me.tenant === null && reach(store, (on) => sync.setReach(on)));
  if (window.innerWidth < 900) root.classList.add("rail-shut");
  root.replaceChildren(header(store, leave, toggleRail), lists.node, map.node, foot, controls, panel.node);

  /** The part of the window that nothing covers. */
  const free = (): Room => {
    const [width, height] = [window.innerWidth, window.innerHeight];
    const open = state.selection !== null;
    if (width < 900) {
      const bottom = open ? height * 0.5 : height - 110;
      return {
        fit: { left: 30, top: 136, right: width - 30, bottom: bottom - 20 },
        clear: { left: 4, top: 96, right: width - 4, bottom },
      };
    }
    const left = root.classList.contains("rail-shut") ? 10 : 344;
    const right = width - (open ? 394 : 10);
    return {
      fit: { left: left + 26, top: 104, right: right - (open ? 40 : 70), bottom: height - 84 },
      clear: { left, top: 82, right, bottom: height - 10 },
    };
  };

  const paint = (): void => {
    const atlas = state.atlas;
    if (atlas === null) return;
    map.paint(
      (id) => {
        const link = atlas.link.get(id);
        return link === undefined ? "up" : stateOf(link, state.faults);
      },
      (id) => load(carriedOn(state, id), atlas.link.get(id)?.capacity_gbps ?? 0),
    );
  };
  let drawn: string | null = null;
  const draw = (): void => {
    const network = state.atlas?.network;
    if (network === undefined) return;
    const key = JSON.stringify([network.revision, network.name]);
    if (drawn !== key) {
      drawn = key;
      map.show(network, free());
    }
    paint();
  };
  const mark = (): void => {
    const { links, sites } = touched(store);
    map.mark(links, sites);
    map.trace(...routes(store));
  };

  store.on(["network"], draw);
  store.on(["sample", "faults"], paint);
  store.on(["network", "selection", "services"], mark);
  store.on(["selection", "network"], () => {
    root.classList.toggle("panel-open", state.selection !== null);
    map.makeRoom(free());
  });
  store.on(["reach"], () => map.reach(typeof state.reach === "object" && state.reach !== null ? state.reach.rings : []));

  const follow = (): void => {
    const selection = parse(location.hash);
    if (!same(selection, state.selection)) select(selection);
  };
  window.addEventListener("hashchange", follow);
  window.addEventListener("popstate", follow);
  window.addEventListener("keydown", (event) => {
    if (event.key === "Escape") pick(null);
  });
  let resized: ReturnType<typeof setTimeout> | undefined;
  window.addEventListener("resize", () => {
    clearTimeout(resized);
    resized = setTimeout(() => {
      drawn = null;
      draw();
      mark();
    }, 150);
  });

  follow();
  const begin = async (): Promise<void> => {
    try {
      await sync.start();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (error.status === 401) over();
      else {
        sync.stop();
        root.append(h("p", { class: "waiting", role: "alert" }, `${error.message} Trying again…`));
        setTimeout(() => location.reload(), 3000);
      }
    }
  };
  void begin();
}

/** What on the map belongs to the selection. */
function touched(store: Store): { links: Set<string>; sites: Set<string> } {
  const { state } = store;
  const { selection, atlas } = state;
  const links = new Set<string>();
  const sites = new Set<string>();
  if (selection === null || atlas === null) return { links, sites };
  switch (selection.kind) {
    case "site":
      sites.add(selection.id);
      break;
    case "link": {
      const link = atlas.link.get(selection.id);
      if (link === undefined) break;
      const back = opposite(state, link);
      for (const id of [link.id, back?.id]) if (id !== undefined) links.add(id);
      sites.add(link.tail).add(link.head);
      break;
    }
    case "fibre":
      for (const link of atlas.linksOn.get(selection.id) ?? []) {
        links.add(link.id);
        sites.add(link.tail).add(link.head);
      }
      break;
    case "incident":
      for (const fibre of state.incidents.find((incident) => incident.id === selection.id)?.fibres ?? []) {
        for (const link of atlas.linksOn.get(fibre) ?? []) links.add(link.id);
      }
      break;
    case "service": {
      const service = state.services.get(selection.id);
      if (service !== undefined) sites.add(service.from.site).add(service.to.site);
      break;
    }
  }
  return { links, sites };
}

function drawn(service: string, way: Route["way"], path: PathOut | null): Route[] {
  return path === null ? [] : [{ service, way, sites: path.sites, links: path.links }];
}

/** The selected service's paths, a backup's too; a tenant, who sees no links, sees the paths of all its services. */
function routes(store: Store): [Route[], boolean] {
  const { state } = store;
  const { selection } = state;
  const ways = (service: ServiceOut): Route[] =>
    [
      ...(service.backup === null ? [] : drawn(service.id, "spare", service.backup.there)),
      ...waysOf(service).flatMap(({ there, back }) => [
        ...drawn(service.id, "there", there),
        ...drawn(service.id, "back", back),
      ]),
    ];
  const chosen = selection?.kind === "service" ? state.services.get(selection.id) : undefined;
  if (chosen !== undefined) return [ways(chosen), false];
  if (state.who.tenant === null) return [[], false];
  const live = [...state.services.values()].filter((service) => !ENDED.has(stateNow(state, service)));
  return [live.flatMap(ways), true];
}

void who().then(run);
