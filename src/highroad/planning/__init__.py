"""Decisions about capacity: the calendar of what is promised, and who may have what of the rest.

Pure: the network, the calendar and the time come in, a decision comes out. Read `calendar` (it
stands on `line`, `steps` and `standby`), then `order`, then `admission`, then `offers`; `sequence`
puts a change of many services in order.
"""
