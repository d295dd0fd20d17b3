"""What a process tells of itself and of the network to those who look later, or watch many.

`logs` sets up the log, `traces` sends spans where OpenTelemetry's own variables say. Metrics are read, not sent: see
`api.metrics`.

Figures of links, services and paths over time: `feed` is the controller's end, `keeper` the process that it starts,
`store` keeps them in DuckDB and in files (`levels` says how finely and for how long, `partitions` which file goes
first, `reading` how they are asked for), `remote` sends them to a Prometheus. `columns` makes them of samples, `rows`
is how they travel.
"""
