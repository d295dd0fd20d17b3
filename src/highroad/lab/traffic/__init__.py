"""What customers' hosts send each other: real UDP, so much of it, and a count of every packet at the far end.

`model` says how much a service offers when nobody tells it, `ledger` what became of the packets of one direction, and
`process` sends and counts, by plain sockets in the hosts' namespaces.
"""
