// Sites that share a town would sit on one another: cloud regions in one county, an edge site beside its pop. They are
// moved apart by a few pixels, the light ones more than the heavy ones, and never far from where they are.

export interface Body {
  x: number;
  y: number;
  radius: number;
  /** Heavy ones stay. */
  weight: number;
}

export function spread(bodies: readonly Body[], farthest: number, rounds = 24): [number, number][] {
  const at = bodies.map((body): [number, number] => [body.x, body.y]);
  const order = bodies.map((_, number) => number);
  const reach = 2 * Math.max(0, ...bodies.map((body) => body.radius));
  for (let round = 0; round < rounds; round += 1) {
    let moved = false;
    order.sort((a, b) => (at[a]?.[0] ?? 0) - (at[b]?.[0] ?? 0));
    for (let i = 0; i < order.length; i += 1) {
      for (let j = i + 1; j < order.length; j += 1) {
        const [a, b] = [order[i] as number, order[j] as number];
        const [pa, pb] = [at[a] as [number, number], at[b] as [number, number]];
        if (pb[0] - pa[0] > reach) break;
        const [ba, bb] = [bodies[a] as Body, bodies[b] as Body];
        const apart = ba.radius + bb.radius;
        let dx = pb[0] - pa[0];
        let dy = pb[1] - pa[1];
        let distance = Math.hypot(dx, dy);
        if (distance >= apart) continue;
        if (distance < 0.01) {
          // Quite the same place: each pair parts in a direction of its own, the same one every time.
          const angle = (a * 2.399963 + b * 1.1) % (2 * Math.PI);
          [dx, dy, distance] = [Math.cos(angle), Math.sin(angle), 1];
        }
        const push = (apart - Math.min(distance, apart)) * 0.55;
        const share = bb.weight / (ba.weight + bb.weight);
        pa[0] -= (dx / distance) * push * share;
        pa[1] -= (dy / distance) * push * share;
        pb[0] += (dx / distance) * push * (1 - share);
        pb[1] += (dy / distance) * push * (1 - share);
        moved = true;
      }
    }
    if (!moved) break;
    for (const [number, point] of at.entries()) {
      const home = bodies[number] as Body;
      const away = Math.hypot(point[0] - home.x, point[1] - home.y);
      if (away > farthest) {
        point[0] = home.x + ((point[0] - home.x) / away) * farthest;
        point[1] = home.y + ((point[1] - home.y) / away) * farthest;
      }
    }
  }
  return at;
}
