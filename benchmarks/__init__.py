"""What is fast, beside what, measured how: `make bench`."""
