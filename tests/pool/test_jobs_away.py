"""Which jobs go to other machines, what is believed of them, and which come home."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import asdict, replace
from typing import Any, cast

import pytest

from nobgd.cluster.paths import Shares
from nobgd.pool import jobs_away, looks, proofs
from nobgd.pool.cluster import Cluster
from nobgd.pool.jobs_away import JobsAway
from nobgd.pool.link_words import Away, Ended, Returned, Seen
from nobgd.pool.neighbours import Neighbours
from nobgd.pool.requests import Item
from nobgd.pool.stages import Request
from nobgd.values import Code, Done, Failed, Job, Recipe, wire
from nobgd.values.errands import Look, Prepare, Sweep
from nobgd.values.machine import UP, Machine
from nobgd.values.mount import Mount
from nobgd.values.wire import Finished, Unbegun

RECIPE = Recipe("u2netp", "ab" * 32, "fp32")
JOB = Job(
    "/in", "a.jpg", 1, 1, "/out", ("a_nobg.png",), frozenset(), frozenset(), "k", RECIPE,
    spare=("a.jpg-", "_nobg.png"),
)  # fmt: skip
DONE = Done("/in", "a.jpg", "/out/a_nobg.png", "cd" * 32, RECIPE.key, 3, 2, 1, 1,
            engine="onnxruntime", keep="")  # fmt: skip
LEASE_S, DEADLINE_S = 10.0, 60.0


class Lanes:
    """Those of this machine: what they have been asked, and by whom it waits."""

    def __init__(self) -> None:
        self.asked: list[tuple[Request, Future[Finished]]] = []
        self.is_free = False
        self.inference: Any = None
        self.waiting: list[Item] = []
        self.came = threading.Condition()

    def submit(self, request: Request, /) -> Future[Finished]:
        future: Future[Finished] = Future()
        with self.came:
            self.asked.append((request, future))
            self.came.notify_all()
        return future

    def await_looks(self, count: int) -> None:
        with self.came:
            assert self.came.wait_for(lambda: len(self.took(Look)) == count, 60)

    def free(self) -> bool:
        return self.is_free

    def models_of(self, job: Job) -> tuple[int, ...]:
        return (0,) if job.recipe == RECIPE else ()

    def give_away(self, may: Callable[[Job], bool]) -> Item | None:
        for item in self.waiting:
            if isinstance(item.request, Job) and may(item.request):
                self.waiting.remove(item)
                return item
        return None

    def again(self, item: Item) -> None:
        self.waiting.append(item)

    def took(self, kind: type[Any]) -> list[tuple[Any, Future[Finished]]]:
        return [each for each in self.asked if isinstance(each[0], kind)]


class Line:
    """The link process."""

    def __init__(self) -> None:
        self.neighbours, self.opened = Neighbours(), 1
        self.neighbours.reached("")
        self.sent: list[int] = []
        self.recalled: list[int] = []
        self.admitted: list[tuple[str, dict[str, int]]] = []
        self.deaf = False

    def send(self, number: int, which: tuple[int, ...], photo: str, job: bytes) -> None:
        if self.deaf:
            raise BrokenPipeError
        assert (which, len(photo)) == ((0,), 20)
        assert job.startswith(b"{")
        self.sent.append(number)

    def recall(self, number: int) -> None:
        self.recalled.append(number)

    def prove(self, number: int, host: str, asked: bytes) -> None:
        raise OSError(number, host, asked)

    def admit(self, host: str, grains: dict[str, int]) -> None:
        self.admitted.append((host, grains))


class Scene:
    """One machine that has shown our folders, with room for two jobs."""

    def __init__(self, priority: int = 5) -> None:
        self.lanes, self.line, self.now = Lanes(), Line(), 1000.0
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.away = JobsAway(
            self.lanes, self.line, Shares({"in": "/in", "out": "/out"}), lease_s=LEASE_S,
            deadline_s=DEADLINE_S, told=lambda *each: self.told.append(each),
            clock=lambda: self.now,
        )  # fmt: skip
        desk = Machine("desk", UP, priority=priority, models=(0,), jobs=2, working=True)
        self.line.neighbours.seen(desk)
        one = self.away.proofs._hosts["desk"] = proofs._Host()
        one.shown = frozenset({("/in", "/out")})

    def out(self, job: Job = JOB) -> tuple[int, Future[Finished]]:
        """One that is with the machine."""
        future = self.away.send(job)
        assert future is not None
        number = self.line.sent[-1]
        self.away.hear(Away(away=number, host="desk"))
        return number, future

    def says(self, number: int, answer: Done | Failed) -> None:
        said = wire.pack(answer, "/out").decode()
        self.away.hear(Ended(ended=number, host="desk", lane=3, waited_s=0.0, said=said))

    def differs(self, answer: Done | Failed | Unbegun | None) -> None:
        """It says that a photo has changed, and a lane of ours something else; None: nothing."""
        number, _ = self.out()
        self.says(number, Failed("/in", "a.jpg", Code.CHANGED, "it has changed"))
        inner = self.lanes.took(Job)[-1][1]
        if answer is None:
            inner.cancel()
        else:
            inner.set_result(Finished(answer, 0, 0.0))

    def is_home(self, future: Future[Finished]) -> None:
        """It is a lane's here, and what that says is the answer."""
        assert not future.done()
        ((job, inner),) = self.lanes.took(Job)
        assert job is JOB
        inner.set_result(Finished(DONE, 0, 0.0))
        assert future.result(0) == Finished(DONE, 0, 0.0, was_away=True)


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Scene:
    monkeypatch.setattr(looks, "_LOOK_S", 0.0)
    return Scene()


def test_a_cut_out_is_believed_after_a_look(scene: Scene) -> None:
    number, future = scene.out()
    scene.says(number, DONE)
    assert not future.done()
    ((look, looked),) = scene.lanes.took(Look)
    assert look == Look(
        "/out", "a_nobg.png", "a.jpg", frozenset({"k"}), DONE.sha256, RECIPE.key, None
    )
    looked.set_result(Finished(1, 0, 0.0))
    assert future.result(0).host == "desk"
    assert future.result(0).lane == 3
    assert replace(future.result(0).answer, model="", precision="") == DONE
    assert not scene.away


def test_one_that_is_not_there_is_made_here(scene: Scene) -> None:
    """After some looks, as a share may show it late; the machine has to show our folders again."""
    number, future = scene.out()
    scene.says(number, DONE)
    for count in range(1, 9):
        scene.lanes.await_looks(count)  # a timer's thread asks
        assert not future.done()
        scene.lanes.took(Look)[-1][1].set_result(Finished(0, 0, 0.0))
    scene.is_home(future)
    assert scene.line.admitted == [("desk", {})]
    assert scene.away.send(JOB) is None


def test_an_outbox_of_ours_that_is_gone_is_no_lie(scene: Scene) -> None:
    number, future = scene.out()
    scene.says(number, DONE)
    for count in range(1, 9):
        scene.lanes.await_looks(count)
        failed = wire.ErrandFailed(Code.GONE_AWAY, "not mounted")
        scene.lanes.took(Look)[-1][1].set_exception(failed)
    scene.is_home(future)
    assert not scene.line.admitted


@pytest.mark.parametrize("code", [Code.CHANGED, Code.BROKEN, Code.CRASHED, Code.GONE_AWAY])
def test_what_else_it_says_is_judged_here(scene: Scene, code: Code) -> None:
    """No attempt of a photo is burnt by what another machine says."""
    number, future = scene.out()
    scene.says(number, Failed("/in", "a.jpg", code, "why"))
    assert scene.line.admitted == ([("desk", {})] if code is Code.GONE_AWAY else [])
    scene.is_home(future)


@pytest.mark.parametrize(
    ("answer", "doubted"),
    [
        (Failed("/in", "a.jpg", Code.CHANGED, "why"), False),
        (Failed("/in", "a.jpg", Code.BROKEN, "why"), True),
        (Unbegun("no lane"), False),
        (DONE, True),
        (None, False),
    ],
)
def test_who_says_that_photos_have_changed_is_doubted_if_nobody_else_sees_it(
    scene: Scene, answer: Any, *, doubted: bool
) -> None:
    """An owner may edit one meanwhile; a client that remembers an older state may not work."""
    scene.differs(answer)
    assert scene.line.admitted == []  # SMB's client remembers for a second what had the name before
    scene.differs(answer)
    assert scene.line.admitted == ([("desk", {})] if doubted else [])
    assert scene.away.proofs.whys()["desk"] == ("it has changed" if doubted else "")


def test_what_was_done_between_two_that_had_changed_speaks_for_it(scene: Scene) -> None:
    scene.differs(DONE)
    number, _ = scene.out()
    scene.says(number, DONE)
    scene.lanes.took(Look)[-1][1].set_result(Finished(1, 0, 0.0))
    scene.differs(DONE)
    assert scene.line.admitted == []


def test_who_was_doubted_begins_anew(scene: Scene) -> None:
    """Once it has shown the folders again, one such photo is no reason either."""
    scene.differs(DONE)
    scene.differs(DONE)
    scene.away.proofs._hosts["desk"].shown = frozenset({("/in", "/out")})
    scene.differs(DONE)
    assert scene.line.admitted == [("desk", {})]


@pytest.mark.parametrize("closer", [False, True])
def test_which_model_made_an_adaptive_cut_out_is_known(*, closer: bool) -> None:
    """As its supervisor says it: lanes cannot; the log, and drift, compare like with like."""
    job = replace(JOB, recipe=replace(RECIPE, precision="adaptive"))
    done = replace(DONE, recipe=job.recipe.key, threads=1)
    said = wire.pack(done, "/out").decode()
    message = Ended(ended=1, host="desk", lane=3, waited_s=0.0, said=said, closer=closer)
    answer = jobs_away._outcome(message, job)
    assert isinstance(answer, Done)
    assert answer.precision == ("fp32" if closer else "int8")


@pytest.mark.parametrize(
    "said",
    ["", "{}", '{"stage":"read"}', '{"done":{}}', '{"failed":{"code":"none"}}', "\x00",
     wire.pack(replace(DONE, output="/out/b.png"), "/out").decode(),
     wire.pack(replace(DONE, recipe="other"), "/out").decode()],
)  # fmt: skip
def test_what_no_lane_says_ends_its_work(scene: Scene, said: str) -> None:
    number, future = scene.out()
    scene.away.hear(Ended(ended=number, host="desk", lane=0, waited_s=0.0, said=said))
    assert scene.line.admitted == [("desk", {})]
    scene.is_home(future)


def test_a_lane_here_that_is_free_comes_first(scene: Scene) -> None:
    scene.lanes.is_free = True
    assert scene.away.send(JOB) is None


def test_faster_machines_come_before_it() -> None:
    scene = Scene(priority=0)
    scene.lanes.is_free = True
    assert scene.away.send(JOB) is not None


def test_no_more_are_out_than_there_is_room_for(scene: Scene) -> None:
    scene.out()
    scene.out(replace(JOB, relpath="b.jpg"))
    assert scene.away.send(replace(JOB, relpath="c.jpg")) is None


@pytest.mark.parametrize("what", ["broker", "closing", "folder", "model", "deaf", "tidy"])
def test_it_stays_here(scene: Scene, what: str) -> None:
    job = JOB
    match what:
        case "broker":
            scene.line.neighbours.reached("away")
        case "closing":
            scene.away.closing = True
        case "folder":
            job = replace(JOB, inbox="/in/below")
        case "model":
            job = replace(JOB, recipe=replace(RECIPE, model="u2net"))
        case "deaf":
            scene.line.deaf = True
        case "tidy":
            job = replace(JOB, tidy=True)
    assert scene.away.send(job) is None
    assert not scene.away


def test_what_waits_for_a_lane_goes_when_there_is_room(scene: Scene) -> None:
    """Whoever waits for its answer hears it; what cannot go waits again."""
    number, _ = scene.out()
    scene.out(replace(JOB, relpath="b.jpg"))
    other, tidy = replace(JOB, relpath="c.jpg"), replace(JOB, relpath="d.jpg", tidy=True)
    items = [Item(each, Future(), 0.0) for each in (other, tidy)]
    scene.lanes.waiting = list(items)
    scene.away.look()
    assert scene.lanes.waiting == items
    scene.says(number, DONE)
    scene.lanes.took(Look)[0][1].set_result(Finished(1, 0, 0.0))
    assert scene.lanes.waiting == items[1:]
    scene.says(scene.line.sent[-1], replace(DONE, relpath="c.jpg"))
    scene.lanes.took(Look)[1][1].set_result(Finished(1, 0, 0.0))
    assert items[0].future.result(0).host == "desk"
    assert scene.lanes.waiting == items[1:]


def test_silence_brings_it_home(scene: Scene) -> None:
    """Two leases, in which the broker may have found another machine; a late answer is nobody's."""
    number, future = scene.out()
    scene.now += 2 * LEASE_S
    scene.away.look()
    assert not scene.lanes.took(Job)
    scene.now += 0.1
    scene.away.look()
    assert scene.line.recalled == [number]
    scene.says(number, DONE)
    assert not scene.lanes.took(Look)
    scene.is_home(future)
    assert [event for event, _ in scene.told] == ["photo.moved"]


def test_what_nobody_began_comes_home_to_a_free_lane(scene: Scene) -> None:
    future = scene.away.send(JOB)
    assert future is not None
    scene.now += 3.0
    scene.away.look()
    assert not scene.lanes.took(Job)
    scene.lanes.is_free = True
    scene.away.look()
    scene.is_home(future)
    assert not scene.told


def test_what_another_link_process_had_comes_home(scene: Scene) -> None:
    _, future = scene.out()
    scene.line.opened += 1
    scene.away.look()
    scene.is_home(future)


def test_nothing_takes_for_ever(scene: Scene) -> None:
    """Somebody who always says that it is at it."""
    number, future = scene.out()
    for _ in range(200):
        scene.now += 1.0
        scene.away.hear(Away(away=number, host="desk"))
        scene.away.look()
    scene.is_home(future)


def test_what_no_machine_takes_comes_home(scene: Scene) -> None:
    number, future = scene.out()
    scene.away.hear(Returned(returned=number, host="desk", why="memory ran out"))
    scene.is_home(future)


def test_another_machine_is_told_of(scene: Scene) -> None:
    number, _ = scene.out()
    scene.away.hear(Away(away=number, host="desk-2"))
    assert scene.told[0][1]["from"] == "desk"
    assert scene.told[0][1]["to"] == "desk-2"


@pytest.mark.parametrize("lost", [False, True])
def test_what_another_machine_had_lost_is_said_to_have_been_away(
    scene: Scene, *, lost: bool
) -> None:
    """Who had it first may be at it still, though the second has done it."""
    number, future = scene.out()
    if lost:
        scene.away.hear(Away(away=number, host="desk-2"))
        scene.away.hear(Away(away=number, host="desk"))
    scene.says(number, DONE)
    scene.lanes.took(Look)[0][1].set_result(Finished(1, 0, 0.0))
    assert future.result(0).was_away is lost


def test_at_the_end_what_is_begun_waits_and_the_rest_is_put_back(scene: Scene) -> None:
    _, begun = scene.out()
    other = replace(JOB, relpath="b.jpg")
    unbegun = scene.away.send(other)
    assert unbegun is not None
    assert scene.away.unbegun() == [other]
    assert unbegun.cancelled()
    assert not begun.done()
    scene.away.end()
    assert isinstance(begun.result(0).answer, Unbegun)


def test_what_a_machine_left_is_swept_once_it_is_surely_dead(scene: Scene) -> None:
    scene.away.send(JOB)
    scene.lanes.is_free = True
    scene.now += DEADLINE_S + 2 * LEASE_S
    scene.away.look()
    assert not scene.lanes.took(Sweep)
    scene.now += 0.1
    scene.away.look()
    scene.away.look()
    assert [each for each, _ in scene.lanes.took(Sweep)] == [Sweep("/out", 80.0, None)]


def test_an_outbox_that_was_swept_is_swept_again_though_no_photo_comes(scene: Scene) -> None:
    """What another machine, or home before a restart, had just begun there was too young to go."""
    mount, done = Mount(7, -1, "/", "nfs4", "nas:/"), Future[Finished]()
    done.set_result(Finished(mount, 0, 0.0))
    scene.away.tidying.prepared(Prepare("/out", young_s=80.0), done)
    gone, failed = Future[Finished](), Future[Finished]()
    gone.cancel()
    failed.set_exception(wire.ErrandFailed(Code.GONE_AWAY, "away"))
    for each in (gone, failed):
        scene.away.tidying.prepared(Prepare("/other"), each)
    scene.now += 2 * (DEADLINE_S + 2 * LEASE_S)
    scene.away.look()
    assert not scene.lanes.took(Sweep)  # the lanes have photos to do
    scene.now += 0.1
    scene.away.look()
    assert [each for each, _ in scene.lanes.took(Sweep)] == [Sweep("/out", 80.0, mount)]


def test_what_is_young_then_is_swept_later_and_more_and_more_seldom(scene: Scene) -> None:
    """Who was cut off writes when it is back; it may be somebody who is at work, too.

    What is young at the first sweep is old after as long again.
    """
    scene.lanes.is_free, dead_s = True, DEADLINE_S + 2 * LEASE_S
    scene.away.tidying.later("/out", None)
    answers = [2, wire.ErrandFailed(Code.GONE_AWAY, "away"), 1, 0]
    for number, (times, answer) in enumerate(zip((1, 1, 2, 4), answers, strict=True)):
        scene.now += dead_s * times
        scene.away.look()
        assert len(scene.lanes.took(Sweep)) == number
        scene.now += 0.1
        scene.away.look()
        _, swept = scene.lanes.took(Sweep)[number]
        if isinstance(answer, Exception):
            swept.set_exception(answer)
        else:
            swept.set_result(Finished(answer, 0, 0.0))
    scene.now += 100_000
    scene.away.look()
    assert len(scene.lanes.took(Sweep)) == len(answers)


def test_whatever_outbox_is_swept_is_swept_again(scene: Scene) -> None:
    """Also one of which no photo comes by; one that is only probed is not."""
    hands = Cluster(
        cast(Any, scene.lanes), scene.line, Shares({"in": "/in", "out": "/out"}),
        lease_s=LEASE_S, deadline_s=0.0,
    )  # fmt: skip
    hands._away.tidying._clock = lambda: scene.now
    for errand in (Prepare("/out"), Prepare("/probed", sweep=False)):
        hands.submit(errand)
        scene.lanes.asked[-1][1].set_result(Finished(Mount(7, -1, "/", "nfs4", ""), 0, 0.0))
    scene.now += 4 * LEASE_S + 0.1
    hands.look()
    assert [each.outbox for each, _ in scene.lanes.took(Sweep)] == ["/out"]


def test_a_machine_that_started_anew_has_to_show_them_again(scene: Scene) -> None:
    scene.out()
    fields = asdict(Machine("desk", UP, jobs=2))
    seen = Seen(
        seen="desk", state="up", seats=0, priority=5, busy=0, answered=0, models=[], jobs=2,
        working=fields["working"],
    )  # fmt: skip
    scene.away.hear(seen)
    assert scene.away.send(replace(JOB, relpath="b.jpg")) is None
