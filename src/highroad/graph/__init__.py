"""Arrays and shortest paths: the fast kernels that planning, siting and forecast stand on."""
