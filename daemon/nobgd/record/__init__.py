"""What is logged: events, their schema, the log, rates and drift."""
