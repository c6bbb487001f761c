"""What follows from an event, in words: a supervisor whose lanes only note what they are asked.

`rows` drives one photo into a state, tells one thing of it, and says what came of that; the words
are kept in ``what_follows.txt``, so that no change of the core changes them unseen.
"""

from __future__ import annotations

import io
import itertools
import json
import math
import time
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from nobgd import config
from nobgd.intake import messages
from nobgd.intake.inbox import Snapshot
from nobgd.jobs.ledger import Ledger
from nobgd.jobs.policy import ONCE, RUN
from nobgd.pool import engine
from nobgd.pool import lanes as pool
from nobgd.record.log import Log
from nobgd.supervisor.service import Service
from nobgd.values import Code, Done, Failed, Job, Photo, Recipe, Timing
from nobgd.values.errands import Prepare
from nobgd.values.mount import Mount
from nobgd.values.wire import ErrandFailed, Finished

RECIPE = Recipe("u2netp", "0" * 64, "fp32")
NAME = "a.jpg"
PHOTO = Photo("", NAME, 10, 20, 60.0, 1, 2)


class Lanes:
    """Keeps what it is asked; a folder that is probed is good at once."""

    trouble = ""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, Future[Finished]]] = []
        self.inference = SimpleNamespace(state="ready")
        self.others = None

    def submit(self, request: Any) -> Future[Finished]:
        future: Future[Finished] = Future()
        if isinstance(request, Prepare):
            future.set_result(Finished(Mount(7, -1, "", "unknown", ""), 0, 0.0))
        else:
            self.asked.append((request, future))
        return future

    def more(self) -> int:
        return 0

    def silent(self, *_: str) -> str | None:
        return None

    def busy(self) -> list[tuple[int, str, str, float]]:
        return []

    def pids(self) -> list[int]:
        return []

    def stuck(self, _: float) -> str | None:
        return None

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """There is nothing to end."""


class Scanner:
    """Keeps what it is asked to look at again."""

    alive = True

    def __init__(self) -> None:
        self.did: list[str] = []

    def again(self, relpaths: list[str]) -> None:
        self.did += [f"look again at {each}" for each in relpaths]

    def wake(self) -> None:
        self.did.append("scan now")

    def stop(self, _: float = 0.0) -> None:
        """There is no thread."""

    def snapshot(self) -> Snapshot:
        return Snapshot("", "watching", "", "poll", (), (), None, 0, 0, None, 0.0, 0.0)


class Desk:
    """A supervisor, one inbox, one photo."""

    def __init__(self, root: Path, source: str, *, once: bool) -> None:
        self.root, self.inbox = root, str(root / "in")
        extra = ", archive: arc" if source == "archive" else ""
        text = (
            "{state_dir: s, cache_dir: c, inboxes: [{path: in, outbox: out, source: "
            f"{source}{extra}}}]}}"
        )
        rules = config.parse(text, "f", root)
        self.out = io.StringIO()
        self.log = Log("debug", None, stdout=self.out)
        self.ledger, self.lanes, self.scanner = Ledger(":memory:", time.time), Lanes(), Scanner()
        self.service = open_service(self, rules, once=once)
        self.photo = replace(PHOTO, inbox=self.inbox)
        self.heard = 0
        for _ in range(2):
            self.step()
        self.said()

    def step(self) -> None:
        self.service.loop.step(0.0)

    def tell(self, message: Any) -> None:
        self.service.mailbox.put(message)
        self.step()

    def job(self, photo: Photo | None = None) -> Job:
        """Have the photo settle and its job handed out."""
        self.tell(messages.Settled(self.inbox, (photo or self.photo,)))
        return next(request for request, _ in self.lanes.asked if isinstance(request, Job))

    def answer(self, answer: Any, kind: type = Job) -> Any:
        """What the lane says of the request of this kind."""
        found = next(each for each in self.lanes.asked if isinstance(each[0], kind))
        self.lanes.asked.remove(found)
        if isinstance(answer, Exception):
            found[1].set_exception(answer)
        else:
            found[1].set_result(Finished(answer, 0, 0.5))
        self.step()
        return found[0]

    def done(self, how: str = "computed", keep: str | None = "", attempt: int = 1) -> Done:
        return Done(
            self.inbox, NAME, f"{self.root}/out/a_nobg.png", "ab" * 32, RECIPE.key, 2, 2, 10, 9,
            timing=Timing(total_ms=5.0), how=how, keep=keep, attempt=attempt,
        )  # fmt: skip

    def said(self) -> list[str]:
        lines = self.out.getvalue().splitlines()
        fresh, self.heard = lines[self.heard :], len(lines)
        events = map(json.loads, fresh)
        return [" ".join(_words(each)) for each in events if each["event"] != "lanes.fewer"]

    def follows(self) -> str:
        """The row, where it waits, what lanes and scanner are asked, what is said."""
        row = self.ledger.get(self.inbox, NAME)
        state = "no row"
        if row is not None:
            flags = [name for name in ("disposed", "gone") if getattr(row, name)]
            facts = [
                f"{name} {value}"
                for name in ("attempts", "interrupted", "code", "keep", "kept", "aside", "how")
                if (value := getattr(row, name))
            ]
            state = ", ".join([row.state, *facts, *flags])
        service, waits = self.service, ""
        found = backlog(service).find(self.inbox, NAME)
        if found is not None:
            waits = " waits" if found[1] is None else " waits for a later try"
        asked = sorted(_asked(request) for request, _ in self.lanes.asked)
        self.lanes.asked.clear()
        did, self.scanner.did = self.scanner.did, []
        flight = " in a lane" if in_flight(service) else ""
        parts = [f"[{state}]{waits}{flight}", *asked, *did, *(f"say {e}" for e in self.said())]
        return "; ".join(parts).replace(str(self.root), "")

    def end(self) -> None:
        in_flight(self.service).clear()
        self.service.end()
        self.log.close()


def open_service(desk: Desk, rules: Any, *, once: bool) -> Service:
    """A supervisor that was not started: its lanes and scanner are those of the desk."""
    service = Service(rules, desk.ledger, desk.log, policy=ONCE if once else RUN)
    lanes = cast("pool.Lanes", desk.lanes)  # those of the desk play them
    service.in_force.use(
        rules, engine.Engine(lanes, {desk.inbox: RECIPE}, 2, 1, 200.0, "onnxruntime")
    )
    service.scanners.inboxes[desk.inbox] = desk.scanner  # type: ignore[assignment]  # plays it
    return service


def backlog(service: Service) -> Any:
    return service.state.backlog


def in_flight(service: Service) -> Any:
    return service.state.in_flight


_WAITS = (0.1, 0.2, 1, 2, 5, 10, 20, 40)  # seconds, without their jitter


def _words(event: dict[str, Any]) -> Iterator[str]:
    yield str(event["level"])
    yield str(event["event"])
    for name in ("code", "how", "count"):
        if name in event:
            yield str(event[name])
    if isinstance(wait := event.get("retry_in_s"), float):
        yield f"again in about {min(_WAITS, key=lambda s: abs(math.log2(s / max(wait, 0.1))))} s"


def _asked(request: Any) -> str:
    words = {"standing": "if the original stands"}
    extra = [text for name, text in words.items() if getattr(request, name, False)]
    if isinstance(request, Job):
        extra = [f"attempt {request.attempt}"]
        extra += ["over its own"] if request.replaces else []
    return " ".join(["ask", type(request).__name__, *extra])


# --- the table ---------------------------------------------------------------------------

SOURCES = ("keep", "archive", "delete")
OUTCOMES = [code for code in Code if code not in (
    Code.DAMAGED, Code.MORE_PICTURES, Code.MORE_DATA, Code.NOTHING_FOUND, Code.OUTPUT_GONE,
    Code.OUTPUT_CHANGED, Code.IN_USE, Code.HOLES,
)]  # fmt: skip
FEW = (Code.BROKEN, Code.NO_SPACE, Code.CRASHED, Code.CHANGED, Code.INCOMPLETE, Code.VANISHED)


def _bring(desk: Desk, before: str) -> Photo:
    """The photo as it is now, after it was brought into this state."""
    again = replace(desk.photo, size=11, mtime_ns=21)
    match before:
        case "tried twice" | "interrupted":
            size, mtime_ns = desk.photo.size, desk.photo.mtime_ns
            stamp = {"inode": 1, "ctime_ns": 2}
            for attempt in (1, 2):
                desk.ledger.begin(
                    desk.inbox, NAME, size, mtime_ns, f"{desk.root}/out", "a_nobg.png", **stamp
                )
                failed = Failed(desk.inbox, NAME, Code.CRASHED, "it crashed", attempt)
                if before == "tried twice":
                    desk.ledger.retry(failed, 0.0, burn=True)
            desk.ledger.interrupt()
        case "set aside, changed since":
            desk.job()
            desk.answer(Failed(desk.inbox, NAME, Code.BROKEN, "it is broken"))
            return again
        case "done, changed since":
            desk.job()
            desk.answer(desk.done())
            return again
    return desk.photo


BEFORE = ("new", "tried twice", "interrupted", "set aside, changed since", "done, changed since")


def outcomes(root: Path) -> Iterator[tuple[str, str]]:
    """(what happened, what followed) for every outcome of a job."""
    for source, once, before in itertools.product(SOURCES, (False, True), BEFORE):
        who = f"{source}, {'once' if once else 'run'}, {before}"
        codes = OUTCOMES if before == "new" and source == "keep" else FEW
        answers: list[tuple[str, dict[str, Any]]] = [
            (f"done, {how}{', ' + keep if keep else ''}", {"how": how, "keep": keep})
            for how in ("computed", "copied", "found")
            for keep in ("", "damaged")
            if how == "computed" or not keep
        ]
        answers += [
            (f"{code}{' of the output' if side == 'output' else ''}{' for good' * final}",
             {"code": code, "side": side, "final": final})
            for code in codes for side in ("source", "output") for final in (False, True)
            if (side == "source" or code.blame == "place")
            and (not final or code.blame == "ours")
        ]  # fmt: skip
        for what, values in answers:
            desk = Desk(root, source, once=once)
            photo = _bring(desk, before)
            job = desk.job(photo)
            desk.said()
            desk.scanner.did.clear()
            desk.lanes.asked[:] = [each for each in desk.lanes.asked if each[0] is job]
            if "how" in values:
                answer: Any = desk.done(values["how"], values["keep"], job.attempt)
            else:
                code, side, final = values["code"], values["side"], values["final"]
                answer = Failed(desk.inbox, NAME, code, f"{code}", job.attempt, side, final)
            desk.answer(answer)
            yield f"{who}: {what}", desk.follows()
            desk.end()


def errands(root: Path) -> Iterator[tuple[str, str]]:
    """The same for every answer of an errand that is about a photo."""
    from nobgd.values.errands import (
        COPIED,
        LARGE,
        LIMIT,
        ROOM,
        STATES,
        UNREADABLE,
        Digest,
        Dispose,
        SetAside,
    )

    for source in ("archive", "delete"):
        found: list[Any] = [0, 500, *(ErrandFailed(code, f"{code}") for code in Code)]
        found.append(ErrandFailed(Code.NO_SPACE, "no space", f"{root}/arc"))
        for each in found:
            desk = Desk(root, source, once=False)
            desk.job()
            desk.answer(desk.done())
            desk.said()
            desk.answer(each, Dispose)
            yield f"{source}, done: its original: {_answer(each)}", desk.follows()
            desk.end()
    for state in (COPIED, LIMIT, ROOM, UNREADABLE, LARGE):
        desk = Desk(root, "keep", once=False)
        desk.job()
        desk.answer(Failed(desk.inbox, NAME, Code.BROKEN, "it is broken"))
        desk.said()
        desk.lanes.asked[:] = [e for e in desk.lanes.asked if isinstance(e[0], SetAside)]
        desk.answer(2 * STATES + state, SetAside)
        yield f"keep, set aside: its copy: state {state}", desk.follows()
        desk.end()
    for code in (Code.GONE_AWAY, Code.NO_SPACE, Code.CRASHED):
        desk = Desk(root, "keep", once=False)
        desk.job()
        desk.answer(Failed(desk.inbox, NAME, Code.BROKEN, "it is broken"))
        desk.said()
        desk.lanes.asked[:] = [e for e in desk.lanes.asked if isinstance(e[0], SetAside)]
        desk.answer(ErrandFailed(code, f"{code}"), SetAside)
        yield f"keep, set aside: its copy: {code}", desk.follows()
        desk.end()
    answers = [int("ab" * 32, 16), 5, ErrandFailed(Code.CHANGED, "c"),
               ErrandFailed(Code.IO_ERROR, "e")]  # fmt: skip
    for source, answer in itertools.product(SOURCES, answers):
        desk = Desk(root, source, once=False)
        desk.job()
        desk.answer(desk.done())
        desk.lanes.asked.clear()
        desk.said()
        desk.tell(messages.Settled(desk.inbox, (replace(desk.photo, ctime_ns=9),)))
        desk.answer(answer, Digest)
        yield f"{source}, done, touched since: its bytes: {_answer(answer)}", desk.follows()
        desk.end()


def _answer(each: Any) -> str:
    if isinstance(each, ErrandFailed):
        return str(each.code) + (" of its archive" if each.place else "")
    return {0: "0", 500: "wait", 5: "others"}.get(each, "the same")


STATES_OF = ("nothing", "in a lane", "retry", "done", "disposed", "done and gone", "quarantined",
             "skipped")  # fmt: skip


def sightings(root: Path) -> Iterator[tuple[str, str]]:
    """The same for every way in which a photo is seen, or is not there any more."""
    for source, state in itertools.product(SOURCES, STATES_OF):
        seen: dict[str, Any] = {
            "settles as it was": lambda p: messages.Settled(p.inbox, (p,)),
            "settles with other bytes": lambda p: messages.Settled(
                p.inbox, (replace(p, size=99, mtime_ns=99),)),
            "settles, touched": lambda p: messages.Settled(p.inbox, (replace(p, ctime_ns=99),)),
            "settles, written to": lambda p: messages.Settled(p.inbox, (replace(p, heard=True),)),
            "is gone": lambda p: messages.Gone(p.inbox, (NAME,)),
            "came": lambda p: messages.Came(p.inbox, (NAME,)),
            "is odd": lambda p: messages.Odd(p.inbox, NAME, "it is a socket"),
        }  # fmt: skip
        for what, message in seen.items():
            desk = Desk(root, source, once=False)
            if state not in ("nothing", "skipped"):
                desk.job()
            match state:
                case "retry":
                    desk.answer(Failed(desk.inbox, NAME, Code.CRASHED, "it crashed"))
                case "done" | "disposed" | "done and gone":
                    desk.answer(desk.done())
                    if state == "disposed":
                        row = desk.ledger.get(desk.inbox, NAME)
                        assert row is not None
                        desk.ledger.disposed(row)
                    if state == "done and gone":
                        desk.tell(messages.Gone(desk.inbox, (NAME,)))
                case "quarantined":
                    desk.answer(Failed(desk.inbox, NAME, Code.BROKEN, "it is broken"))
                case "skipped":
                    desk.tell(messages.Odd(desk.inbox, NAME, "it was a folder"))
            desk.said()
            desk.scanner.did.clear()
            desk.lanes.asked.clear()
            desk.tell(message(desk.photo))
            yield f"{source}, {state}: it {what}", desk.follows()
            desk.end()


def rows(root: Path) -> list[str]:
    """Every line of the table."""
    (root / "in").mkdir()
    found = itertools.chain(sightings(root), outcomes(root), errands(root))
    return [f"{what} -> {followed}" for what, followed in found]


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        written = "\n".join(rows(Path(folder)))
    Path(__file__).with_name("what_follows.txt").write_text(f"{written}\n")
