"""STAMP, by which routers measure the paths that they use: bytes in, values out, no socket and no clock.

In reading order: `timestamp` is time on the wire; `tlv` what may follow a packet; `packet` the packets themselves;
`sender` and `reflector` the two ends of a session, `interval` what a sender makes of a second's answers. RFC 8762 (the
protocol), RFC 8972 (its extensions), RFC 9503 (segment routing); TWAMP Light (RFC 5357, appendix I) is understood where
RFC 8762, section 4.6, wants it.
"""
