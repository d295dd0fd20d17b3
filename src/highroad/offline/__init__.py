"""Commands that need no controller: check, show and build networks."""
