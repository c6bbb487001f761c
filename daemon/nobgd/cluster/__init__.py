"""Several machines: what home and workers say to one another by way of a broker."""
