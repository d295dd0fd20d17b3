"""The nouns: sites, fibres, links, networks, tenants, services, policies, incidents, and the lifecycle.

Plain values, no clock, no I/O. Read `network` first, then `service`, `lifecycle`, `policy`.
"""
