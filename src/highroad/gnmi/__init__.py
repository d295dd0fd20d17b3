"""Speaking to routers: gNMI (grpc.aio, the protobufs that pygnmi ships) over mutual TLS, and what routers are told.

In reading order: `router` is the schema as values; `schema` checks JSON against it and `edit` makes a Set of it; `path`
and `tree` are gNMI's paths; `target` is what a server serves, `hub` how it tells changes; `server`, `stream`, `client`
and `tls` are the wire; `openconfig` builds the state that others' tools know.
"""
