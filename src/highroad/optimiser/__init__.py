"""The optimiser's process: what it computes takes neither the loop's time nor its memory.

Read `process`, then `worker` and `serving`; `frames` is what goes between them.
"""
