"""From bytes to cut-out; runs in lanes only."""
