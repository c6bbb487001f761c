"""What the place of a hundred writers is like: drawn once, from the seed and its number."""

from __future__ import annotations

import random
from dataclasses import dataclass

_SOURCES = ("delete", "delete", "archive", "archive across")
_CROWDS = ("one inbox", "two inboxes", "two machines", "two machines, one inbox")


@dataclass(frozen=True, slots=True)
class Plan:
    """What a batch is made of."""

    crowd: str
    source: str
    one_archive: bool  # for two inboxes
    fault: str  # none | unmounted | full | errno | no times
    where: str  # inbox | outbox | archive
    tmpfs: bool
    kill: tuple[str, ...]  # of lane | supervisor
    at_a_sign: bool  # of a disposal, rather than at any time
    forget: bool  # the ledger is deleted while the daemon is down
    lanes: int

    @staticmethod
    def of(chance: random.Random) -> Plan:
        """The plan of these numbers."""
        source = chance.choice(_SOURCES)
        fault = chance.choices(
            ("none", "unmounted", "full", "errno", "no times"), (30, 25, 18, 25, 4)
        )[0]
        where = chance.choice(("inbox", "outbox", "archive", "archive"))
        if fault == "no times":
            source, where = "archive across", "archive"
        elif where == "archive" and source == "delete":
            where = chance.choice(("inbox", "outbox"))
        elif where == "archive":
            source = "archive across"
        kill = chance.choices(
            ((), ("lane",), ("supervisor",), ("lane", "supervisor"), ("supervisor", "supervisor")),
            (25, 25, 25, 15, 10),
        )[0]
        if fault == "no times":
            kill = ("supervisor", "supervisor")  # what stays is tried again by each
        return Plan(
            chance.choices(_CROWDS, (4, 3, 3, 1))[0], source, chance.random() < 0.5, fault, where,
            chance.random() < 0.5, kill, chance.random() < 0.5, chance.random() < 0.3,
            chance.choice((1, 2)),
        )  # fmt: skip

    @property
    def inboxes(self) -> int:
        """How many."""
        return 2 if self.crowd in ("two inboxes", "two machines") else 1
