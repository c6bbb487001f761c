"""Where jobs run: lanes, and the work done in them."""
