"""`highroad doctor`: what is wrong with an installation, all at once, each with its reason and what to do.

`said` has what a check says, `machine`, `keeping`, `database` and `controller` have the checks, `examine` the list.
"""
