"""What force is applied with, and what looks afterwards: none of it reads a store with the controller's own code.

Read `rows` (plain SQL), `ledger` (what clients were told), `audit` (what has to be true of both), `load` (who orders),
`life` (a controller to be killed) and `disk` (a power cut, a full disk).
"""
