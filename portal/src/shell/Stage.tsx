// The map on the page: tells it what to show whenever that changes, at most once a frame.
import { effect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { lights, routes, touched } from "../map/shown";
import type { Room } from "../map/view";
import { usePage } from "../page";

export function Stage({ railShut, timed }: { railShut: boolean; timed: boolean }) {
  const { store, map } = usePage();
  const place = useRef<HTMLDivElement>(null);
  const room = useRef({ railShut, timed });
  room.current = { railShut, timed };
  useEffect(() => {
    place.current?.append(map.node);
    const free = (): Room => roomOf(window.innerWidth, window.innerHeight, { ...room.current, open: store.selection !== null });
    let drawn = "";
    const frames = [
      each(() => {
        const { atlas } = store;
        const layout = store.address.view === "logical" ? "logical" : "map";
        if (atlas === null) return null;
        return () => {
          const key = JSON.stringify([atlas.network.revision, atlas.network.name, layout]);
          if (key !== drawn) map.show(atlas.network, free(), layout);
          drawn = key;
        };
      }),
      each(() => {
        const { atlas } = store;
        if (atlas === null) return null;
        const [lit, moves] = [lights(store), !store.ahead];
        return () => map.paint(lit, moves);
      }),
      each(() => {
        if (store.atlas === null) return null;
        const { links, sites } = touched(store);
        const [traced, alone] = routes(store);
        return () => {
          map.mark(links, sites);
          map.trace(traced, alone);
        };
      }),
      each(() => {
        const contours = store.overlay?.contours ?? [];
        return () => map.contour(contours);
      }),
      each(() => {
        const { reach } = store;
        return () => map.reach(reach !== null && typeof reach === "object" ? reach.rings : []);
      }),
      each(() => {
        void store.selection;
        return () => map.makeRoom(free());
      }),
    ];
    let resized: ReturnType<typeof setTimeout> | undefined;
    const resize = (): void => {
      clearTimeout(resized);
      resized = setTimeout(() => {
        if (store.atlas !== null) map.show(store.atlas.network, free(), store.address.view === "logical" ? "logical" : "map");
      }, 150);
    };
    window.addEventListener("resize", resize);
    return () => {
      window.removeEventListener("resize", resize);
      for (const frame of frames) frame();
    };
  }, []);
  useEffect(
    () => map.makeRoom(roomOf(window.innerWidth, window.innerHeight, { railShut, timed, open: store.selection !== null })),
    [railShut, timed],
  );
  return <div ref={place} />;
}

/** Runs what is to be done before the next frame, once, however often what it read has changed until then. */
function each(read: () => (() => void) | null): () => void {
  let pending: (() => void) | null = null;
  let asked = 0;
  const end = effect(() => {
    pending = read();
    if (pending === null || asked !== 0) return;
    asked = requestAnimationFrame(() => {
      asked = 0;
      pending?.();
    });
  });
  return () => {
    cancelAnimationFrame(asked);
    end();
  };
}

/** What covers a part of the window: the rail unless it is shut, a panel that is open, the line of time. */
export interface Cover {
  railShut: boolean;
  open: boolean;
  timed: boolean;
}

/** How high the line of time is, with the room about it. */
const TIME_PX = 96;

/** The part of the window that nothing covers. */
export function roomOf(width: number, height: number, { railShut, open, timed }: Cover): Room {
  const down = timed ? TIME_PX : 0;
  if (width < 900) {
    // Either is a sheet over the lower half; else the key and the map's buttons are there.
    const bottom = open || !railShut ? height * 0.5 : height - 180;
    return {
      fit: { left: 30, top: 136 + down, right: width - 30, bottom: bottom - 20 },
      clear: { left: 4, top: 96 + down, right: width - 4, bottom },
    };
  }
  const left = railShut ? 10 : 344;
  const right = width - (open ? 394 : 10);
  return {
    fit: { left: left + 26, top: 104 + down, right: right - (open ? 40 : 70), bottom: height - 84 },
    clear: { left, top: 82 + down, right, bottom: height - 10 },
  };
}
