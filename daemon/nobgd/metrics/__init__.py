"""Metrics: what is counted, how it is written, when it is shown."""
