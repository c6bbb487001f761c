"""The core, driven at random and killed at every barrier: what must hold does after each step."""

from __future__ import annotations

import contextlib
import itertools

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from jobs.world import NAMES, File, Kill, World
from nobgd.intake import messages
from nobgd.jobs.events import TakenBack
from nobgd.jobs.freeing import free
from nobgd.values import Job
from nobgd.values.errands import Dispose

HOW = st.sampled_from(
    ["good"] * 5 + ["broken"] * 2
    + ["crashed", "no_space", "incomplete", "deadline", "gone_away", "changed", "unbegun"]
)  # fmt: skip
AT = st.integers(0, 7)
WHICH = st.tuples(st.integers(0, 2), st.sampled_from(NAMES))


class Life(RuleBasedStateMachine):
    """Photos come, change and go; lanes answer as they may; the supervisor is killed."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()

    def key(self, which: tuple[int, str]) -> tuple[str, str]:
        return self.world.inboxes[which[0]], which[1]

    @rule(which=WHICH, then=st.sampled_from(["turn", "turn", "told", "unseen"]))
    def save(self, which: tuple[int, str], then: str) -> None:
        """A file comes, or gets other bytes; the scanner may see it only later."""
        inbox, name = self.key(which)
        new = (inbox, name) not in self.world.files
        version = next(self.world.versions)
        self.world.files[inbox, name] = File(version, version)
        self.world.untold.add((inbox, name))
        if then != "unseen":
            if new:
                self.world.service.mailbox.put(messages.Came(inbox, (name,)))
            self.world.tell_of(inbox, name)
        if then == "turn":
            self.world.turn()

    @rule(which=WHICH, then=st.sampled_from(["turn", "told"]))
    def save_more(self, which: tuple[int, str], then: str) -> None:
        """The same: it is what happens most."""
        self.save(which, then)

    @rule(which=WHICH, how=st.sampled_from(["touch", "write", "remove", "look"]))
    def stir(self, which: tuple[int, str], how: str) -> None:
        """Something is done to a file that leaves its bytes, or it is taken away."""
        key = self.key(which)
        if (file := self.world.files.get(key)) is not None and how in ("touch", "write"):
            file.stamp += 1000
        if how == "remove":
            self.world.files.pop(key, None)
        self.world.tell_of(*key, heard=how == "write")

    @precondition(lambda self: self.world.asked)
    @rule(at=AT, how=HOW, turns=st.booleans())
    def answer(self, at: int, how: str, turns: bool) -> None:
        """A lane answers."""
        self.world.answer(at, how)
        if turns:
            self.world.turn()

    @precondition(lambda self: self.world.asked)
    @rule(at=AT)
    def hide(self, at: int) -> None:
        """A cut-out is there, or an original has gone, and its lane has not said so yet."""
        self.world.hide(at)

    @precondition(lambda self: self.world.asked)
    @rule()
    def answer_all(self) -> None:
        """All lanes answer, and the loop hears of it at once."""
        while self.world.asked:
            self.world.answer(0, "good")
        self.world.turn()

    @rule(seconds=st.sampled_from([0.0, 0.0, 0.3, 5.0, 60.0, 700.0]))
    def turn(self, seconds: float) -> None:
        """Time passes, and the loop turns."""
        self.world.seconds += seconds
        self.world.turn()

    @rule(reload=st.booleans())
    def command(self, reload: bool) -> None:
        """`nobgd retry` for all that is set aside; or a reload, which takes back what waits."""
        world = self.world
        if not reload:
            rows = world.ledger.in_state("quarantined")
            world.service.running.freed(
                free(world.ledger, [(row.inbox, row.relpath) for row in rows])
            )
            return
        taken = [request for request, future in world.asked if future not in world.hidden]
        for _, future in world.asked:
            if future not in world.hidden:  # that lane has begun
                future.cancel()
        world.asked = [each for each in world.asked if each[1] in world.hidden]
        world.service.decisions.tell(TakenBack(tuple(taken), again=True))

    @rule(
        where=st.sampled_from(["now", "before", "after", "effects"]),
        effects=st.integers(0, 3),
        begun=st.lists(st.booleans(), min_size=4, max_size=4),
    )
    def kill(self, where: str, effects: int, begun: list[bool]) -> None:
        """A kill: anywhere around the barrier; lanes end what they had, or do not."""
        world = self.world
        world.fuse.before_commit, world.fuse.after_commit = where == "before", where == "after"
        world.fuse.effects = effects if where == "effects" else None
        if where != "now":
            with contextlib.suppress(Kill):
                world.turn()
            world.fuse.effects = None
        for ends in begun:
            if ends and world.asked:
                world.answer(0, "good", told=False)
        world.kill()
        world.start()

    @invariant()
    def holds(self) -> None:
        """What must hold."""
        self.world.check()

    def teardown(self) -> None:
        try:
            self.world.settle()
        finally:
            self.world.end()


def test_whatever_happens_nothing_is_lost_or_done_twice() -> None:
    """5,000 steps: each photo that is there ends, each original that went has its cut-out."""
    run_state_machine_as_test(
        Life,
        settings=settings(
            max_examples=100, stateful_step_count=50, deadline=None, derandomize=True,
            suppress_health_check=list(HealthCheck), print_blob=False,
        ),
    )  # fmt: skip


def _about_to_go() -> tuple[World, tuple[str, str]]:
    """A photo that is done, whose original a lane has been asked to archive."""
    world = World()
    key = world.inboxes[2], "a.jpg"
    world.files[key] = File(1, 1)
    world.tell_of(*key)
    while not any(isinstance(request, Dispose) for request, _ in world.asked):
        world.turn()
        while any(isinstance(request, Job) for request, _ in world.asked):
            world.answer(0, "good")
    return world, key


def _next_job(world: World) -> int:
    """The place of the job that is asked for next, everything else being answered."""
    for _ in range(99):
        world.turn()
        for place, (request, _) in enumerate(world.asked):
            if isinstance(request, Job):
                return place
        if world.asked:
            world.answer(0, "good")
        world.seconds += 1
    raise AssertionError("no job")


@pytest.mark.parametrize("says", ["good", "changed", "vanished", "damaged", "io_error"])
def test_a_photo_done_while_the_one_before_it_goes_is_not_forgotten(says: str) -> None:
    """A scanner's next scan.jpg is done in the moment in which the last one is being archived."""
    world, key = _about_to_go()
    world.hide(0)
    world.files[key] = File(2, 2)
    world.service.mailbox.put(messages.Came(key[0], (key[1],)))
    world.tell_of(*key)
    world.turn()
    world.answer(1, "good")  # the new one's job
    world.turn()
    if says != "good":
        world.hidden.clear()
    world.answer(0, says)
    world.settle()
    world.end()


def test_a_kill_while_an_original_goes_leaves_nothing_of_it_to_the_next_photo() -> None:
    """Archived, and killed before that was booked; the next scan.jpg comes while nobody runs."""
    world, key = _about_to_go()
    world.kill()
    world.files[key] = File(2, 2)
    world.start()
    at = _next_job(world)
    assert world.asked[at][0].own is None  # else it would write over what the first left
    world.end()


@pytest.mark.parametrize("says", ["changed", "incomplete"])
def test_a_photo_that_changes_again_while_it_is_done_replaces_its_own_cut_out(says: str) -> None:
    """It was done, was changed, and changed once more, or grew, while a lane had it."""
    world = World()
    key = world.inboxes[0], "a.jpg"
    world.files[key] = first = File(1, 1)
    world.tell_of(*key)
    world.answer(_next_job(world), "good")
    for version in (2, 3):
        world.files[key] = File(version, version)
        world.tell_of(*key)
        at = _next_job(world)
        assert world.asked[at][0].own == "a_nobg.png"
        assert world.asked[at][0].replaces == first.sha256
        if version == 2:
            world.answer(at, says)
    world.answer(at, "good")
    world.settle()
    assert [each.rpartition("/")[2] for each in world.cut_outs] == ["a_nobg.png"]
    world.end()


@pytest.mark.parametrize(
    ("how", "untidy"),
    [("crashed", True), ("deadline", True), ("unbegun", True), ("changed", False)],
)
def test_where_a_lane_ended_at_work_the_next_job_sweeps(how: str, untidy: bool) -> None:
    """Its temporary file may lie there until then; once that is done nobody looks again."""
    world = World()
    key = world.inboxes[0], "a.jpg"
    world.files[key] = File(1, 1)
    world.tell_of(*key)
    said = []
    for answer in (how, "good"):
        at = _next_job(world)
        said.append(world.asked[at][0].tidy)
        if answer == "changed":
            world.files[key] = File(2, 2)
        world.answer(at, "good" if answer == "changed" else answer)
    assert said == [False, untidy]
    world.files[key[0], "b.jpg"] = File(3, 3)
    world.tell_of(key[0], "b.jpg")
    at = _next_job(world)
    assert not world.asked[at][0].tidy
    world.settle()
    world.end()


@pytest.mark.parametrize("where", ["before", "after", 0, 1, 2, 3])
@pytest.mark.parametrize("inbox", [0, 1, 2])
def test_a_kill_at_any_barrier_of_a_photos_life(where: str | int, inbox: int) -> None:
    """Every turn of a photo's life is killed once: begun anew from the ledger, it ends well."""
    for turn in itertools.count():
        world = World()
        key = world.inboxes[inbox], "a.jpg"
        world.files[key] = File(1, 1)
        world.tell_of(*key)
        killed = False
        for number in range(12):
            if number == turn:
                world.fuse.before_commit = where == "before"
                world.fuse.after_commit = where == "after"
                world.fuse.effects = where if isinstance(where, int) else None
            try:
                world.turn()
            except Kill:
                killed = True
                while world.asked:
                    world.answer(0, "good", told=False)
                world.kill()
                world.start()
            world.fuse.effects = None
            world.check()
            while world.asked:
                world.answer(0, "good")
            world.seconds += 20.0
        world.settle()
        world.end()
        if turn >= 11:
            break
    assert killed or isinstance(where, int)


@pytest.mark.parametrize("says", ["crashed", "deadline", "gone_away", "out_of_memory"])
def test_a_lane_that_ends_after_an_original_went_leaves_nothing_of_it_to_the_next_photo(
    says: str,
) -> None:
    """It was away, its lane could not say so, and the supervisor stopped before it asked again."""
    world, key = _about_to_go()
    world.hide(0)
    world.hidden.clear()
    world.deaf()
    world.answer(0, says)
    world.turn()
    world.kill()
    world.files[key] = File(2, 2)
    world.start()
    at = _next_job(world)
    assert world.asked[at][0].own is None
    world.end()
