"""Telling somebody who is not looking: what of the log is worth it, and the ways to say it."""
