"""What is known in memory: the half of the machine that a restart finds out anew."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from nobgd.config import Config, InboxConfig
from nobgd.intake import messages
from nobgd.jobs import plan
from nobgd.jobs.backlog import Backlog
from nobgd.jobs.effects import Effect, Say
from nobgd.jobs.ledger import Ledger
from nobgd.jobs.now import Now
from nobgd.jobs.places import Place
from nobgd.jobs.policy import Policy
from nobgd.jobs.recipes import Recipes
from nobgd.values import Job, Recipe
from nobgd.values.mount import Mount

Key = tuple[str, str]  # inbox, relpath
PAUSE, RETRY = "_PAUSE", "_RETRY"  # files at the top of an inbox that steer it
Silent = Callable[[str, str], str | None]  # the first of two folders that does not answer


class State:
    """Shared by all who decide, and changed by nobody else; the ledger is its half on disk."""

    def __init__(self, config: Config, ledger: Ledger, policy: Policy) -> None:
        self.ledger = ledger
        self.policy = policy
        self.now = Now(0.0, 0.0, 0)  # of this turn
        self.backlog = Backlog()
        self.in_flight: dict[Key, Job] = {}
        self.moving: set[Key] = set()  # whose cut-outs a lane puts from one part to the other
        self.untidy: set[str] = set()  # folders in which a lane may have ended at work
        self.outboxes: dict[str, Place] = {}
        self.archives: dict[str, Place] = {}
        self.quarantines: dict[str, Place] = {}
        self.scanned: dict[str, messages.Scanned] = {}
        self.lost: dict[str, str] = {}  # inboxes that cannot be read, and why
        self.mounts: dict[str, Mount] = {}  # of the inboxes
        self.signs: dict[str, frozenset[str]] = {}  # files that pause or retry, by inbox
        self.recipes = Recipes(ledger)  # whose outputs count
        self.making: Mapping[str, Recipe] = {}  # by inbox: what is made now
        self.others: Mapping[str, Recipe] = {}  # by "name:precision": what a redo may ask for
        self.bound = 0  # jobs that lanes may have at a time; 0 before there are lanes
        self.more: Callable[[], int] = lambda: 0  # that others have room for; asked of the lanes
        self.silent_of: Silent = lambda *_: None  # asked of the lanes
        self.open_now = cache(self.is_open)  # asked once in each turn of the loop
        self._effects: list[Effect] = []
        self.config = config
        self._rules_of: Config | None = None
        self._rules: dict[str, InboxConfig] = {}

    @property
    def full(self) -> bool:
        """Whether no more jobs may be handed out."""
        return len(self.in_flight) >= self.bound + self.more()

    @property
    def others_s(self) -> float:
        """How long another machine may be at a file in our folders; 0 where none is let in."""
        cluster, deadline_s = self.config.cluster, self.config.workers.deadline_s
        return deadline_s + 2 * cluster.lease_s if cluster and cluster.shares else 0.0

    # --- what is to be done ----------------------------------------------------------------

    def do(self, effect: Effect) -> None:
        """Have this done once everything that was decided so far is on disk."""
        self._effects.append(effect)

    def say(self, level: str, event: dict[str, Any], *, counted: bool = True) -> None:
        """Have an event said."""
        self._effects.append(Say(level, event, counted))

    def asked(self) -> list[Effect]:
        """What is to be done, in its order; it is asked for once."""
        effects, self._effects = self._effects, []
        return effects

    # --- inboxes ---------------------------------------------------------------------------

    def rules(self, inbox: str) -> InboxConfig | None:
        """The configuration of an inbox, None when it is no longer configured."""
        if self._rules_of is not self.config:
            self._rules_of = self.config
            self._rules = {str(each.path): each for each in self.config.inboxes}
        return self._rules.get(inbox)

    def inboxes(self) -> list[str]:
        """Those that are configured."""
        return [str(each.path) for each in self.config.inboxes]

    def paused_by(self, inbox: str) -> str | None:
        """The name of the file that pauses this inbox, None when there is none."""
        sign = next((n for n in self.signs.get(inbox, ()) if n.upper() == PAUSE), None)
        return sign if sign is not None and self.obeys(inbox) else None

    def obeys(self, inbox: str) -> bool:
        """Whether files in this inbox may steer it."""
        rules = self.rules(inbox)
        return rules is not None and rules.share_control

    def paused_by_command(self, inbox: str) -> bool:
        """Whether `nobgd pause` paused it, or all of them."""
        fact = self.ledger.fact
        return fact(f"paused {inbox}") is not None or fact("paused *") is not None

    def paused(self, inbox: str) -> bool:
        """Whether somebody paused this inbox, or all, by command or by a file in it."""
        return self.paused_by(inbox) is not None or self.paused_by_command(inbox)

    def closed_because(self, inbox: str) -> str | None:
        """Why an inbox that works rests now: its quiet hours; None when it does not."""
        rules = self.rules(inbox)
        if rules is None or not rules.quiet_hours:
            return None
        return plan.resting(rules.quiet_hours, self.now.minute)

    def silent(self, inbox: str) -> str | None:
        """The folder of this inbox that does not answer, if there is one that photos need."""
        rules = self.rules(inbox)
        return None if rules is None else self.silent_of(inbox, str(rules.outbox))

    def is_open(self, inbox: str) -> bool:
        """Whether photos of this inbox may be started now."""
        rules = self.rules(inbox)
        if rules is None or not self.outboxes[str(rules.outbox)].ready or inbox in self.lost:
            return False  # first what is cheap: in an outage it is asked for every inbox
        if self.paused(inbox) or self.silent(inbox) is not None:
            return False
        return self.closed_because(inbox) is None

    # --- places ----------------------------------------------------------------------------

    def places(self) -> list[Place]:
        """Every folder that is written to."""
        groups = (self.outboxes, self.archives, self.quarantines)
        return [place for group in groups for place in group.values()]

    def know_places(self) -> None:
        """Have a place for each folder of the configuration."""
        for each in self.config.inboxes:
            box, aside = str(each.outbox), str(each.quarantine)
            self.outboxes.setdefault(box, Place(box))
            self.quarantines.setdefault(aside, Place(aside, kind="quarantine"))
            if each.archive is not None and each.source == "archive":
                archive = str(each.archive)
                self.archives.setdefault(archive, Place(archive, kind="archive"))
