"""The command line: `highroad`, a file a noun, through the client only.

Read `app` (how the commands hang together), `door` (what every command has), then any noun.
"""
