"""The control loop: what is wanted is in the store, what is comes from the fabric, and the difference is applied.

Read `book` (what is known; `index` finds in it, `present` is what routers hold), `order` (what tenants do; `planner` is
the one writer), `reconcile` (the loop's heart), then

- what moves services: `repair`, `reroute`, `maintain` and `reload`; `choreography`, `together` and `underway` for those
  that wait for each other; `booking` and `detours` for maintenances ahead;
- what bounds a change: `safety`, `trial`, `rollback`;
- what tenants have besides: `holds`, `quota`, `autoscale`;
- what only looks: `capacity`, `linkcalendar`, `whatif`, `outlook`, `effects`;

and how it is asked: `desk`, the face that the API sees; `commands`, what is to be done, as values, and `packing`, those
as documents; `leading`, the seat of who decides. `controller` is a desk that always leads.
"""
