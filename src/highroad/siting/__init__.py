"""Where sites should go, and whom they serve: latency reach over the network as it stands."""
