"""A machine that lost a photo may have written over its cut-out: it is looked at once more."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nobgd import config
from nobgd.jobs import late, plan
from nobgd.jobs.effects import Effect, RunErrand, Say, Submit
from nobgd.jobs.events import Configured, ErrandEnded, JobEnded, TakenBack
from nobgd.jobs.ledger import Ledger
from nobgd.jobs.machine import Machine
from nobgd.jobs.now import Now
from nobgd.jobs.policy import RUN
from nobgd.values import Code, Done, Failed, Job, Photo, Recipe
from nobgd.values.errands import AS_SAID, NOT_THERE, Look
from nobgd.values.mount import Mount
from nobgd.values.wire import ErrandFailed, Finished

RECIPE = Recipe("u2netp", "0" * 64, "fp32")
NEW, OLD = "ab" * 32, "cd" * 32
DEADLINE_S, LEASE_S = 60, 10
DUE_S = DEADLINE_S + 2 * LEASE_S  # after it was done
SHARES = (
    f", workers: {{deadline_s: {DEADLINE_S}}}, cluster: {{join: j, lease_s: {LEASE_S},"
    " shares: {in: in, out: out}}"
)


def _at(seconds: float) -> Now:
    return Now(seconds, seconds, int(seconds * 1e9))


class House:
    """A core without lanes, at some second."""

    def __init__(
        self, root: Path, more: str = SHARES, now: float = 0.0, ledger: str = ":memory:"
    ) -> None:
        (root / "in").mkdir(exist_ok=True)
        self.root, self.now = root, now
        self.inbox, self.out = str(root / "in"), str(root / "out")
        self.machine = Machine(self.rules(more), Ledger(ledger, lambda: self.now), RUN)
        self.state, self.late = self.machine.state, self.machine.rooms.late
        self.configured(more)
        self.ready(True)

    def rules(self, more: str, inbox: str = "in") -> config.Config:
        text = f"{{state_dir: s, cache_dir: c, inboxes: [{{path: {inbox}, outbox: out}}]{more}}}"
        return config.parse(text, "f", self.root)

    def configured(self, more: str, inbox: str = "in") -> None:
        rules = self.rules(more, inbox)
        recipes = {str(self.root / inbox): RECIPE}
        self.machine.handle(Configured(rules, recipes, 4), _at(self.now))

    def ready(self, yes: bool) -> None:
        for box in self.state.outboxes.values():
            if yes:
                box.found(Mount(7, -1, "", "unknown", ""))
            else:
                box.failed("gone", 1e9)

    def told(self, event: Any) -> list[Effect]:
        return self.machine.handle(event, _at(self.now))

    def job(self, name: str = "a.jpg") -> Job:
        """A photo's, that has begun."""
        self.state.backlog.add(Photo(self.inbox, name, 10, 20, 9.0, 1, 2))
        effects = self.machine.tick(_at(self.now))
        return next(each.job for each in effects if isinstance(each, Submit))

    def done(self, name: str = "a.jpg", *, was_away: bool = True) -> Job:
        """And has ended."""
        job = self.job(name)
        output = f"{self.out}/{job.outputs[0]}"
        done = Done(self.inbox, name, output, NEW, RECIPE.key, 1, 1, 10, 1)
        self.told(JobEnded(job, Finished(done, 0, 0.0, was_away=was_away)))
        return job

    def looks(self, after_s: float) -> list[Look]:
        """What lanes are to look at by then."""
        self.now += after_s
        effects = self.machine.tick(_at(self.now))
        errands = [each.errand for each in effects if isinstance(each, RunErrand)]
        return [each for each in errands if isinstance(each, Look)]

    def waits(self) -> list[tuple[str, str]]:
        return [key for key in [(self.inbox, "a.jpg")] if self.state.backlog.find(*key)]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    one = House(tmp_path)
    yield one
    one.state.ledger.close()


def test_what_was_away_is_looked_at_once_whoever_had_it_is_surely_dead(house: House) -> None:
    """As the ledger has it; no sooner, and once."""
    house.done()
    assert house.machine.next_due() == DUE_S
    assert house.looks(DUE_S - 1) == []
    (look,) = house.looks(1)
    keys = frozenset({plan.inbox_key(house.inbox)})
    assert look == Look(
        house.out, "a_nobg.png", "a.jpg", keys, NEW, RECIPE.key, Mount(7, -1, "", "unknown", "")
    )
    assert house.machine.next_due() is None
    house.told(ErrandEnded(look, AS_SAID))
    assert house.looks(1000) == []
    assert house.waits() == []


def test_what_had_changed_meanwhile_is_looked_at_as_what_it_is_now(house: House) -> None:
    """Home's lane saw it first: the photo that the machine had is none any more."""
    job = house.job()
    gone = Failed(house.inbox, "a.jpg", Code.CHANGED, "it has changed", 1, "source")
    house.told(JobEnded(job, Finished(gone, 0, 0.0, was_away=True)))
    house.now += 1.0
    house.done(was_away=False)
    (look,) = house.looks(DUE_S)
    assert (look.relpath, look.sha256) == ("a_nobg.png", NEW)


def test_what_was_done_here_is_not_looked_at(house: House) -> None:
    """Nobody else had it: who had anything before the start is dead by then."""
    house.looks(0)
    house.looks(DUE_S)
    house.done(was_away=False)
    assert house.looks(1000) == []


def test_what_is_done_shortly_after_a_start_is_looked_at(house: House) -> None:
    """Whoever had the photo before that may be at it still."""
    house.looks(0)
    house.looks(DUE_S - 1)
    house.done(was_away=False)
    (look,) = house.looks(DUE_S)
    assert look.source == "a.jpg"


@pytest.mark.parametrize(("before_s", "count"), [(1, 1), (DUE_S, 1), (DUE_S + 1, 0)])
def test_what_was_done_shortly_before_a_start_is_looked_at(
    tmp_path: Path, before_s: int, count: int
) -> None:
    """A restart forgets who had it, and what was to be looked at."""
    ledger = str(tmp_path / "ledger.db")
    first = House(tmp_path, now=5000.0, ledger=ledger)
    first.done(was_away=False)
    first.state.ledger.close()
    second = House(tmp_path, now=5000.0 + before_s, ledger=ledger)
    assert second.looks(0) == []
    assert second.looks(DUE_S - 1) == []
    looks = second.looks(1)
    assert len(looks) == count
    second.state.ledger.close()


def test_what_was_done_before_a_start_is_read_in_parts_and_not_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fast farm does thousands of photos in that time."""
    monkeypatch.setattr(late, "_PART", 2)
    monkeypatch.setattr(late, "_MOST", 6)
    ledger = str(tmp_path / "ledger.db")
    house = House(tmp_path, ledger=ledger)
    for number, count in ((1, 1), (2, 2), (5, 5), (9, 6)):
        for name in range(number):
            house.done(f"{name}.jpg")
        house.state.ledger.close()
        house = House(tmp_path, now=house.now + 1, ledger=ledger)
        house.looks(0)
        looked = [look.source for look in house.looks(DUE_S)]
        while looked and (errands := list(house.late._sent)):
            house.told(ErrandEnded(errands[0], AS_SAID))
            looked += [look.source for look in house.looks(0)]
        assert len(set(looked)) == len(looked) == count
    house.state.ledger.close()


def test_without_shares_nobody_writes_there(tmp_path: Path) -> None:
    """Its mask alone was to come from elsewhere."""
    house = House(tmp_path, "")
    house.done()
    assert house.looks(1000) == []


def test_a_cut_out_of_other_bytes_is_made_anew_over_that_one(house: House) -> None:
    """It is said, and the ledger knows it should nobgd be killed right then."""
    house.done()
    (look,) = house.looks(DUE_S)
    effects = house.told(ErrandEnded(look, int(OLD, 16)))
    (said,) = [each.event for each in effects if isinstance(each, Say)]
    assert said == {
        "event": "photo.spoilt", "inbox": house.inbox, "source": f"{house.inbox}/a.jpg",
        "output": f"{house.out}/a_nobg.png",
        "why": "a machine that had lost the photo wrote over its cut-out, which is made anew",
    }  # fmt: skip
    row = house.state.ledger.get(house.inbox, "a.jpg")
    assert row is not None
    assert (row.state, row.sha256, row.next_try) == ("retry", OLD, 0)
    (submit,) = [e for e in house.machine.tick(_at(house.now)) if isinstance(e, Submit)]
    assert (submit.job.own, submit.job.replaces) == ("a_nobg.png", OLD)


def test_one_that_is_not_there_was_taken_away(house: House) -> None:
    """Somebody had it for what it was: it is not made anew."""
    house.done()
    (look,) = house.looks(DUE_S)
    house.told(ErrandEnded(look, NOT_THERE))
    assert house.waits() == []


def test_what_is_made_anew_meanwhile_is_not_made_twice(house: House) -> None:
    """It changed, and its job is under way when the lane answers."""
    house.done()
    (look,) = house.looks(DUE_S)
    house.job()
    house.told(ErrandEnded(look, int(OLD, 16)))
    row = house.state.ledger.get(house.inbox, "a.jpg")
    assert row is not None
    assert (row.state, row.sha256) == ("trying", NEW)
    house.state.ledger.forget(house.inbox, "a.jpg")
    assert not house.state.ledger.spoilt(row, OLD)


def test_what_cannot_be_looked_at_is_tried_three_times(house: House) -> None:
    """An outbox that hangs says so itself."""
    house.done()
    for _ in range(3):
        (look,) = house.looks(DUE_S + 10)
        house.told(ErrandEnded(look, error=ErrandFailed(Code.IO_ERROR, "no")))
    assert house.looks(1000) == []


def test_it_waits_for_its_place_and_while_it_is_being_made(house: House) -> None:
    """Then it is looked at all the same."""
    job = house.done()
    house.ready(False)
    assert house.looks(DUE_S) == []
    house.ready(True)
    assert house.looks(9) == []
    house.state.moving.add((house.inbox, "a.jpg"))
    assert house.looks(1) == []
    house.state.moving.clear()
    job = house.job()
    assert house.looks(10) == []
    failed = Failed(house.inbox, "a.jpg", Code.CRASHED, "no", 1)
    house.told(JobEnded(job, Finished(failed, 0, 0.0)))
    row = house.state.ledger.get(house.inbox, "a.jpg")
    assert row is not None
    assert row.state == "retry"
    assert house.looks(10) == []
    assert house.late.next_due() == house.now + 10


@pytest.mark.parametrize("left", ["forgotten", "gone", "quarantined", "closed"])
def test_what_is_no_more_is_not_looked_at(house: House, left: str) -> None:
    """Nor kept in mind."""
    house.done()
    ledger = house.state.ledger
    if left == "forgotten":
        ledger.begin(house.inbox, "a.jpg", 10, 20, house.out, "a_nobg.png")
        ledger.forget(house.inbox, "a.jpg")
    elif left == "gone":
        ledger.gone(house.inbox, ["a.jpg"])
    elif left == "quarantined":
        ledger.begin(house.inbox, "a.jpg", 10, 20, house.out, "a_nobg.png")
        ledger.quarantined(Failed(house.inbox, "a.jpg", Code.BROKEN, "no", 1))
    else:
        (house.root / "in2").mkdir()
        house.configured(SHARES, "in2")
    assert house.looks(DUE_S) == []
    assert house.late.next_due() is None


def test_done_once_more_it_is_looked_at_later(house: House) -> None:
    """Who had it then may be at it still."""
    house.done()
    house.looks(DUE_S - 1)
    house.done()
    assert house.looks(1) == []
    assert len(house.looks(DUE_S - 1)) == 1


def test_one_at_a_time_is_looked_at(house: House) -> None:
    """They are no hurry, and lanes have photos to do."""
    for name in ("a.jpg", "b.jpg"):
        house.done(name)
    (first,) = house.looks(DUE_S)
    assert house.looks(1) == []
    house.told(ErrandEnded(first, AS_SAID))
    (second,) = house.looks(0)
    assert {first.source, second.source} == {"a.jpg", "b.jpg"}


def test_what_no_lane_began_is_asked_again(house: House) -> None:
    """Its lanes ended before."""
    house.done()
    (look,) = house.looks(DUE_S)
    house.told(TakenBack((look,), again=True))
    assert house.looks(0) == [look]
