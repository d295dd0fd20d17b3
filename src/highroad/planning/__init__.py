"""Decisions about capacity: the calendar of what is promised, and who may have what of the rest.

Pure: the network, the calendar and the time come in, a decision comes out. Read `calendar`, then `order`, then
`admission`, then `offers`.
"""
