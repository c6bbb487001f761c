"""What home knows of the machines that work for it, and which of them are let in; pure.

A machine says what it is every few seconds.  It is asked nothing before its mask of the test
picture was compared with ours, and nothing any more once it has answered what no honest machine
does; a new start of its worker begins from the beginning.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from nobgd import __version__
from nobgd.cluster import subjects
from nobgd.cluster.words import Hello
from nobgd.values.machine import DRAINING, LOST, PROVING, REFUSED, UP

LOST_S = 7.0  # without a hello, of which there is one every two seconds
TWO = (
    "two workers speak under this name; stop one of them, or let it in under a name of its own:"
    " `nobgd cluster invite NAME`"
)
_MOST_EARLIER = 8  # runs that are remembered
_FORGOTTEN_S = 86_400.0
_AGAIN_S = 1.0  # between two test pictures for one machine
_PROVE_S = 60.0  # an answer to the test picture; then it is asked again
_FAILED_S = 5.0  # the same, when it answered that it cannot make the mask


@dataclass(slots=True)
class Known:
    """One machine.  Times are monotonic."""

    host: str
    hello: Hello
    heard: float
    lost: bool = False
    admitted: set[str] = field(default_factory=set)  # recipes
    proving: dict[str, float] = field(default_factory=dict)  # recipe: since when
    refused: str = ""  # why, and the way out
    failing: str = ""  # why it has made no mask of the test picture yet
    answered: int = 0
    failures: int = 0  # in a row
    grains: dict[str, int] = field(default_factory=dict)  # by share; it may work on whole jobs
    earlier: tuple[str, ...] = ()  # runs of the same name, the last ones
    beside: float = float("-inf")  # when one of these was heard beside this one

    @property
    def state(self) -> str:
        """In a word, see `values.machine`."""
        if self.lost:
            return LOST
        if self.refused or (self.hello.lacks and not self.hello.ready):
            return REFUSED
        if self.hello.draining:
            return DRAINING
        return UP if self.admitted else PROVING

    @property
    def jobs(self) -> int:
        """Whole jobs at a time; none where another version would make other pixels."""
        return self.hello.jobs if self.hello.version == __version__ else 0

    @property
    def mounted(self) -> str:
        """Its shares, or what keeps it from working on them."""
        if self.hello.jobs and not self.jobs:
            return f"its nobgd is {self.hello.version}, ours {__version__}; install the same there"
        return self.hello.mounted

    @property
    def why(self) -> str:
        """Why it is refused, or not let in yet, or what it cannot do besides."""
        return self.refused or self.failing or "; ".join(self.hello.lacks.values())


class Machines:
    """All of them, by host."""

    def __init__(self) -> None:
        self.known: dict[str, Known] = {}
        self._asked: dict[str, float] = {}  # when a host was last sent the picture, in any run

    def hello(self, host: str, hello: Hello, now: float) -> tuple[Known, str]:
        """One has spoken; and what is new of it: "joined", "back", "refused" or "".

        A run that another one has followed, and that speaks on beside it, is a second worker. What
        one of them is told the other hears, so neither is asked anything until one is silent.
        One that only checks, or finishes what it has, is none.
        """
        one, before = self.known.get(host), ""
        beside = one is not None and one.hello.run != hello.run and now - one.heard <= LOST_S
        if one is not None and beside and (hello.checking or hello.run in one.earlier):
            passing = hello.checking or hello.draining
            return one, "" if passing else self._two(one, now)
        if one is None or one.hello.run != hello.run:
            before = "" if one is None else one.state
            answered = 0 if one is None else one.answered
            earlier = () if one is None else (*one.earlier, one.hello.run)[-_MOST_EARLIER:]
            others = tuple(each for each in earlier if each != hello.run)
            one = self.known[host] = Known(host, hello, now, answered=answered, earlier=others)
            news = "joined" if not before else "back" if before == LOST else ""
        else:
            news = "back" if one.lost else ""
            before = one.state
            if one.refused == TWO and now - one.beside > LOST_S:
                one.refused = ""
        one.hello, one.heard, one.lost = hello, now, False
        if hello.protocol != subjects.PROTOCOL:
            one.refused = (
                f"it speaks protocol {hello.protocol}, this machine {subjects.PROTOCOL}; install"
                " the same nobgd on both"
            )
        one.admitted &= set(hello.ready)
        if one.state == REFUSED and before != REFUSED:
            news = "refused"
        return one, news

    def _two(self, one: Known, now: float) -> str:
        """Another worker has spoken under its name; "refused" when that is news."""
        one.beside = now
        if one.refused:
            return ""
        one.proving.clear()
        self.refuse(one, TWO)
        return "refused"

    def to_prove(self, one: Known, wanted: set[str], now: float) -> list[str]:
        """The recipes for which it is to make a mask of the test picture now."""
        if one.refused or one.hello.draining:
            return []
        if now - self._asked.get(one.host, float("-inf")) < _AGAIN_S:
            return []  # one that always says that it was started anew
        missing = [
            each for each in one.hello.ready
            if each in wanted and each not in one.admitted
            and now - one.proving.get(each, float("-inf")) > _PROVE_S
        ]  # fmt: skip
        one.proving.update(dict.fromkeys(missing, now))
        if missing:
            self._asked[one.host] = now
        return missing

    def proved(self, host: str, recipe: str, wrong: str | None) -> bool:
        """Its mask was compared; True when that changed something."""
        one = self.known.get(host)
        if one is None or one.proving.pop(recipe, None) is None:
            return False
        one.failing = ""
        if wrong is None:
            one.admitted.add(recipe)
        else:
            self.refuse(one, wrong)
        return True

    def failed(self, one: Known, recipe: str, why: str, now: float) -> bool:
        """It could not make the mask, and is asked again soon; True when that is news."""
        if recipe not in one.proving:
            return False
        one.proving[recipe] = now - _PROVE_S + _FAILED_S
        news = not one.failing
        one.failing = f"it cannot make a mask of the test picture: {why}; it is asked again"
        return news

    def refuse(self, one: Known, why: str) -> None:
        """It is asked nothing more until its worker is started again."""
        one.admitted.clear()
        one.grains = {}
        one.refused = why

    def sweep(self, now: float) -> list[Known]:
        """Those that have fallen silent just now; who did long ago is forgotten."""
        silent = [
            each for each in self.known.values() if not each.lost and now - each.heard > LOST_S
        ]
        for each in silent:
            each.lost = True
        for each in list(self.known.values()):
            if now - each.heard > _FORGOTTEN_S:
                del self.known[each.host]
                self._asked.pop(each.host, None)
        return silent
