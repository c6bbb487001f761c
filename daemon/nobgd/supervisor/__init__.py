"""The daemon's own process: the loop and what it holds together."""
