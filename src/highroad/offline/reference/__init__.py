"""The reference networks, built from public data under stated rules: `build.text("us")` is the shipped file.

Read `us`, `global_` and `lab` (a part of `us`) for the order of the work; each other file is one rule: `laterals`,
`edges`, `campuses`, `clouds`, `conduits`, `capacities`, `borders`.
"""
