"""The page and the HTTP API: a process of its own, without a decoder, a ledger or a network."""
