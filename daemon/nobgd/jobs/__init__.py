"""Photo to job to outcome: what is to be done, what is known, what follows."""
