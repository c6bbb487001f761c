"""All who decide, as one: each room is made of the rooms that it asks, and of the state.

They know each other in one direction: state ← probing, looking, late, unnamed, renders, previews ←
asides, disposals, placing ← outcome ← mishap, arrival ← dispatch, signs.
"""

from __future__ import annotations

from nobgd.config import Config
from nobgd.jobs.arrival import Arrival
from nobgd.jobs.asides import Asides
from nobgd.jobs.dispatch import Dispatch
from nobgd.jobs.disposals import Disposals
from nobgd.jobs.late import Late
from nobgd.jobs.ledger import Ledger
from nobgd.jobs.looking import Looking
from nobgd.jobs.mishap import Mishaps
from nobgd.jobs.outcome import Outcomes
from nobgd.jobs.placing import Placing
from nobgd.jobs.policy import Policy
from nobgd.jobs.previews import Previews
from nobgd.jobs.probing import Probing
from nobgd.jobs.renders import Renders
from nobgd.jobs.signs import Signs
from nobgd.jobs.state import State
from nobgd.jobs.unnamed import Unnamed


class Rooms:
    """One of each.  Only accessed from the main loop."""

    def __init__(self, config: Config, ledger: Ledger, policy: Policy) -> None:
        self.state = state = State(config, ledger, policy)
        self.probing = Probing(state)
        self.looking = Looking(state)
        self.late = Late(state)
        self.unnamed = Unnamed(state)
        self.renders = Renders(state)
        self.previews = Previews(state)
        self.asides = Asides(state, self.probing)
        self.placing = Placing(state, self.probing)
        self.disposals = Disposals(state, self.probing, self.looking)
        self.outcomes = Outcomes(
            state, self.probing, self.looking, self.late, self.asides, self.disposals
        )  # fmt: skip
        self.mishaps = Mishaps(state, self.outcomes)
        self.arrival = Arrival(
            state, self.looking, self.unnamed, self.asides, self.disposals, self.outcomes
        )  # fmt: skip
        self.dispatch = Dispatch(state, self.looking, self.outcomes, self.mishaps)
        self.signs = Signs(state, self.arrival)
