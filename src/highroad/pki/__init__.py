"""Who may speak to a router: one authority, certificates by role, and the list of those that count no more.

In reading order: `der` reads the little that a running process asks of a certificate, `peer` is who is at the other
end and whether it was revoked, `authority` signs, `store` is all of it on disk.
"""
