"""The control loop: what is wanted is in the store, what is comes from the fabric, and the difference is applied.

Read `book` (what is known), `order` (the planner: one writer, in batches), `reconcile` (the loop), then `repair`,
`reroute`, `maintain` and `reload` (what moves services), and `controller` (all of it behind one face).
"""
