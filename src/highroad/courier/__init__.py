"""Brings deliveries to addresses that customers chose, and nowhere that they may not reach.

- `addresses`: which addresses those are.
- `https`: one request, bounded in time and size, to the very address that was checked.
- `vault`: secrets, sealed with a key that is not in the store.
"""
