"""Links as long as their fibre: what arrives at a core port waits for as long as light would have been on its way.

The kernel keeps the packets (a netfilter queue a core port, in the router's namespace); a process of ours lets go of
them in time. It reads their numbers only, many at once, so segments that are not cut yet (GSO) stay whole, and a link
is never down because that process is: without it, packets pass at once.
"""
