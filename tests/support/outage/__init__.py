"""How long services are dark, counted at the far end by plain UDP sockets: what bench and the lab's test share."""
