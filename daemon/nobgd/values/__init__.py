"""The frozen values that flow from folder to log line, and the codes of failure.

Everything here is a plain value: no I/O, no clock, standard library only.
"""

from nobgd.values.failures import Blame, Code, NobgdError
from nobgd.values.photos import (
    Done,
    Failed,
    Job,
    Outcome,
    Photo,
    Recipe,
    Sighting,
    Skip,
    Timing,
    Twin,
)
from nobgd.values.rendering import Rendering

__all__ = [
    "Blame",
    "Code",
    "Done",
    "Failed",
    "Job",
    "NobgdError",
    "Outcome",
    "Photo",
    "Recipe",
    "Rendering",
    "Sighting",
    "Skip",
    "Timing",
    "Twin",
]
