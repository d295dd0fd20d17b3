"""The reference networks, built from public data under stated rules: `build.text("us")` is the shipped file.

Read `us` and `global_` for the order of the work; each other file is one rule: `laterals`, `edges`, `campuses`,
`clouds`, `conduits`, `capacities`, `borders`.
"""
