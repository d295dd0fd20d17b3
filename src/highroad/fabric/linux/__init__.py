"""Linux routers as the controller sees them: each runs an agent, and is told by gNMI over mutual TLS.

In reading order: `inventory` says which routers there are and what each is, `compile` turns a policy into what its
two headends are told and back, `held` is what routers hold, `steps` makes changes on them all or nothing, `light`
says which fibres are dark from the ports that are, `meter` makes counters of what routers count, `memory` keeps them,
`session` is the conversation with one router, `probing` and `measured` are what is measured, and `fabric` is all of it
behind `Fabric`, `Lab`, `Prober` and `Measures`.
"""
