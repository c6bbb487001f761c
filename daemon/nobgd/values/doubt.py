"""Which doubt is too much, and how it is said."""

from __future__ import annotations

AUTO = 0.5  # doubt beyond which somebody should look, where nothing else is configured
NO_SUBJECT = 0.5  # confidence: photos without a subject have less, those with one 0.98


def words(confidence: float) -> str:
    """What is doubted of a cut-out that somebody should look at."""
    if confidence < NO_SUBJECT:
        return "probably no subject"
    return "the subject is unclear: parts may be missing or half transparent"
