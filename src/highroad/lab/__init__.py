"""A backbone of network namespaces on one machine: routers, their links with the delay of light, customers' hosts.

`plan` says what a lab of a network consists of; `run` starts it, `daemon` keeps it, `client` talks to it. What breaks
it on purpose is in `optics`, what makes a link long in `delay`, what customers do in `hosts` and `traffic`.
"""
