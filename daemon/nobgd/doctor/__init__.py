"""Is all well?  One finding per check, each ok or with what to do.

`checks` puts them together; `probe` is a process of its own that looks at one folder as the
service's user, so that a share that hangs spoils its own line only.
"""
