"""The watcher: a small process a router that knows within milliseconds whether each neighbour is reached, and repairs.

In reading order: `hello` is what goes over the wire and `program` what the kernel does with it; `board` is the memory
that both share; `judge` decides, and `session` agrees with the neighbour on what to say: both are pure. `repair` has
the routes ready, `wire` sends, `talk` is the line to the agent, and `watcher` is the loop. It imports neither gRPC nor
asyncio, and nothing of the agent. `paths` probes whole paths, for whoever lends it a thread: the agent does.
"""
