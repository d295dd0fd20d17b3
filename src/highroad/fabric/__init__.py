"""What carries traffic, seen from the controller: every fabric implements `highroad.ports.Fabric`.

`twin` is a fluid model of the backbone, for a laptop, a test or a what-if; real routers join beside it and
answer to the same contract suite. Read `validity` (what a fabric refuses to install) and `clock`, then
`twin`.
"""
