"""The kernel's network objects as values: what is wanted goes in as dataclasses, what is comes out as the same ones.

In reading order: `message` is the wire format; `link`, `address`, `neighbour`, `seg6`, `route`, `nexthop`, `rule`,
`qdisc` and `filter` are an object each, with `create`, `replace`, `delete` and `parse_…`, all pure; `kernel` is the one
socket, `monitor` the one that listens, `namespace` where they live. `bpf` assembles programs, `bpf_syscall` loads them.

A value that goes through the kernel and back compares equal to what was sent: that is what desired state is diffed by.
"""
