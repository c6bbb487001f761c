"""The ledger: what it keeps over attempts, restarts and crashes."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from nobgd.jobs import migrations
from nobgd.jobs.ledger import Ledger
from nobgd.jobs.row import Row
from nobgd.values import Code, Done, Failed, Photo, Timing

PHOTO = ("/in", "sub/a.jpg", 100, 5)


_opened: list[Ledger] = []


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    while _opened:
        _opened.pop().close()


def opened(tmp_path: Path) -> Ledger:
    ledger = Ledger(str(tmp_path / "ledger.sqlite3"), time.time)
    _opened.append(ledger)
    return ledger


def done(output: str = "/out/sub/a_nobg.png", relpath: str = "sub/a.jpg") -> Done:
    return Done("/in", relpath, output, "abc", "recipe", 4, 3, 100, 50)


def of_old(tmp_path: Path, version: int) -> None:
    """A ledger as an older nobgd left it: a.jpg done, b.jpg in quarantine."""
    with contextlib.closing(sqlite3.connect(tmp_path / "ledger.sqlite3")) as db:
        for script in migrations._SCRIPTS[:version]:
            db.executescript(script)
        db.execute(
            "INSERT INTO photo (inbox, relpath, size, mtime_ns, state, sha256, recipe, outbox,"
            " output, how, changed_at) VALUES ('/in', CAST('sub/a.jpg' AS BLOB), 100, 5, 'done',"
            " 'abc', 'recipe', '/out', CAST('sub/a_nobg.png' AS BLOB), 'computed', 1.0)"
        )
        db.execute(
            "INSERT INTO photo (inbox, relpath, size, mtime_ns, state, changed_at)"
            " VALUES ('/in', CAST('b.jpg' AS BLOB), 1, 1, 'quarantined', 2.0)"
        )
        db.execute(f"PRAGMA user_version={version}")
        db.commit()


def test_a_finished_photo_is_remembered_over_a_restart(tmp_path: Path) -> None:
    """State, checksum and output are there again."""
    ledger = opened(tmp_path)
    ledger.begin(*PHOTO, "/out", "sub/a_nobg.png")
    ledger.done(done(), "/out", '{"event":"photo.done"}')
    ledger.close()
    again = opened(tmp_path)
    row = again.get("/in", "sub/a.jpg")
    assert row is not None
    assert (row.state, row.sha256, row.output) == ("done", "abc", "sub/a_nobg.png")
    assert row.same_file(100, 5)
    assert again.owners("/out", ["sub/a_nobg.png"]) == {"sub/a_nobg.png": ("/in", "sub/a.jpg")}
    assert [twin.output for twin in again.twins(100, "recipe")] == ["/out/sub/a_nobg.png"]
    assert again.twins(101, "recipe") == ()


def test_what_is_not_committed_never_happened(tmp_path: Path) -> None:
    """A crash before the commit leaves the state of the commit before."""
    ledger = opened(tmp_path)
    ledger.begin(*PHOTO, "/out", "sub/a_nobg.png")
    ledger.commit()
    ledger.done(done(), "/out", None)
    other = opened(tmp_path)
    row = other.get("/in", "sub/a.jpg")
    assert row is not None
    assert row.state == "trying"


def test_a_line_is_kept_until_it_was_said(tmp_path: Path) -> None:
    """The record of a finished photo waits for the log."""
    ledger = opened(tmp_path)
    ledger.begin(*PHOTO, "/out", "sub/a_nobg.png")
    ledger.done(done(), "/out", "LINE")
    ledger.close()
    again = opened(tmp_path)
    assert again.unsaid() == [("/in", "sub/a.jpg", "LINE")]
    again.said("/in", "sub/a.jpg")
    assert again.unsaid() == []


def test_an_interrupted_attempt_is_counted_apart(tmp_path: Path) -> None:
    """A stop of the service is not the photo's failure, but it is remembered."""
    ledger = opened(tmp_path)
    ledger.begin(*PHOTO, "/out", "sub/a_nobg.png")
    assert ledger.interrupt() == 1
    row = ledger.get("/in", "sub/a.jpg")
    assert row is not None
    assert (row.state, row.attempts, row.interrupted) == ("retry", 0, 1)


def test_attempts_are_burnt_only_when_they_are_ours(tmp_path: Path) -> None:
    """A full disk costs no attempt, a crash does; a changed file starts anew."""
    ledger = opened(tmp_path)
    ledger.begin(*PHOTO, "/out", "sub/a_nobg.png")
    ledger.retry(Failed("/in", "sub/a.jpg", Code.NO_SPACE, "full"), 0.0, burn=False)
    row = ledger.get("/in", "sub/a.jpg")
    assert row is not None
    assert row.attempts == 0
    ledger.retry(Failed("/in", "sub/a.jpg", Code.CRASHED, "crash"), 0.0, burn=True)
    row = ledger.get("/in", "sub/a.jpg")
    assert row is not None
    assert row.attempts == 1
    ledger.begin("/in", "sub/a.jpg", 100, 6, "/out", "sub/a_nobg.png")
    row = ledger.get("/in", "sub/a.jpg")
    assert row is not None
    assert row.attempts == 0


def test_quarantine_frees_the_name(tmp_path: Path) -> None:
    """Another source may have the output name of a photo that will not be done."""
    ledger = opened(tmp_path)
    ledger.begin(*PHOTO, "/out", "sub/a_nobg.png")
    ledger.quarantined(Failed("/in", "sub/a.jpg", Code.BROKEN, "broken"))
    assert not ledger.owners("/out", ["sub/a_nobg.png"])


def test_names_that_are_no_utf8_come_back(tmp_path: Path) -> None:
    """Any byte sequence is a key."""
    ledger = opened(tmp_path)
    name = b"\xff\xfe\n.jpg".decode("utf-8", "surrogateescape")
    ledger.begin("/in", name, 1, 1, "/out", name)
    ledger.retry(Failed("/in", name, Code.CRASHED, f"{name}: crashed"), 0.0, burn=True)
    row = ledger.get("/in", name)
    assert row is not None
    assert row.relpath == name


def test_what_left_unfinished_is_dropped(tmp_path: Path) -> None:
    """Finished photos and copies in quarantine stay known when their source leaves."""
    ledger = opened(tmp_path)
    ledger.begin(*PHOTO, "/out", "sub/a_nobg.png")
    ledger.done(done(), "/out", None)
    ledger.begin("/in", "b.jpg", 1, 1, "/out", "b_nobg.png")
    ledger.quarantined(Failed("/in", "b.jpg", Code.BROKEN, "broken"))
    ledger.begin("/in", "c.jpg", 1, 1, "/out", "c_nobg.png")
    ledger.retry(Failed("/in", "c.jpg", Code.CRASHED, "crashed"), 0.0, burn=True)
    ledger.gone("/in", ["sub/a.jpg", "b.jpg", "c.jpg", "unknown"])
    rows = [ledger.get("/in", name) for name in ("sub/a.jpg", "b.jpg", "c.jpg")]
    assert [row and row.gone for row in rows] == [True, True, None]


def known(ledger: Ledger) -> Row:
    row = ledger.get("/in", "sub/a.jpg")
    assert row is not None
    return row


def test_what_comes_after_one_that_left_is_another_photo(tmp_path: Path) -> None:
    """It does not inherit whose bytes the cut-out was made from, and so may not replace it."""
    ledger = opened(tmp_path)
    for leave in (ledger.gone, lambda *_: ledger.disposed(known(ledger))):
        ledger.begin(*PHOTO, "/out", "sub/a_nobg.png")
        ledger.done(done(), "/out", None)
        leave("/in", ["sub/a.jpg"])
        ledger.begin(*PHOTO, "/out", "sub/a_nobg.png")
        row = ledger.get("/in", "sub/a.jpg")
        assert row is not None
        assert (row.sha256, row.left) == (None, False)


def test_an_original_that_went_ends_only_the_row_it_was_done_as(tmp_path: Path) -> None:
    """While a lane removes it, its name may get other bytes, be done anew or be set aside."""
    ledger = opened(tmp_path)
    ledger.begin(*PHOTO, "/out", "sub/a_nobg.png")
    ledger.done(done(), "/out", None)
    was = known(ledger)
    for changed in (replace(was, size=9), replace(was, mtime_ns=9), replace(was, sha256="other")):
        assert not ledger.disposed(changed)
    failed = Failed("/in", "sub/a.jpg", Code.BROKEN, "broken")
    ways: tuple[Callable[[], object], ...] = (
        lambda: None,
        lambda: ledger.retry(failed, 0.0, burn=True),
        lambda: ledger.quarantined(failed),
    )
    for anew in ways:
        ledger.begin(*PHOTO, "/out", "sub/a_nobg.png")
        anew()
        assert not ledger.disposed(was)
        assert not known(ledger).disposed
    ledger.done(done(), "/out", None)
    assert ledger.disposed(was)
    assert known(ledger).disposed


def test_a_newer_ledger_is_refused(tmp_path: Path) -> None:
    """A downgrade does not write into a schema it does not know."""
    ledger = opened(tmp_path)
    ledger.close()
    database = sqlite3.connect(tmp_path / "ledger.sqlite3")
    database.execute("PRAGMA user_version=99")
    database.close()
    with pytest.raises(sqlite3.DatabaseError, match="newer nobgd"):
        opened(tmp_path)


def test_facts_last(tmp_path: Path) -> None:
    """A pause survives a restart."""
    ledger = opened(tmp_path)
    ledger.remember("paused /in", "since noon")
    ledger.close()
    again = opened(tmp_path)
    assert again.fact("paused /in") == "since noon"
    again.remember("paused /in", None)
    assert again.fact("paused /in") is None


def test_twins_are_found_without_sorting_all_of_their_size(tmp_path: Path) -> None:
    """Cameras write uncompressed pictures of one size by the thousand: the index has the order."""
    ledger = Ledger(str(tmp_path / "ledger.sqlite3"), time.time)
    for number in range(200):
        source = f"{number}.tif"
        ledger.begin("/in", source, 100, number, "/out", f"{number}_nobg.png")
        ledger.done(
            Done("/in", source, f"/out/{number}_nobg.png", f"{number % 150}", "r", 1, 1, 100, 1),
            "/out", None,
        )  # fmt: skip
    ledger.commit()
    twins = ledger.twins(100, "r")
    assert ledger.twins(100, "another") == ()
    ledger.close()
    assert len(twins) == 8
    assert len({twin.sha256 for twin in twins}) == 8
    with contextlib.closing(sqlite3.connect(tmp_path / "ledger.sqlite3")) as db:
        plan = db.execute(
            "EXPLAIN QUERY PLAN SELECT sha256 FROM photo WHERE state='done' AND size=?"
            " ORDER BY changed_at DESC LIMIT 64", (100,),
        ).fetchall()  # fmt: skip
    assert "photo_twin" in str(plan)
    assert "TEMP B-TREE" not in str(plan)


def test_how_long_a_photo_took_is_remembered(tmp_path: Path) -> None:
    """For `nobgd why`; a ledger of before gets the column and has no figure for old photos."""
    of_old(tmp_path, 2)
    again = opened(tmp_path)
    row = again.get("/in", "sub/a.jpg")
    assert row is not None
    assert row.took_ms is None
    again.done(replace(done(), timing=Timing(total_ms=1234.5)), "/out", None)
    row = again.get("/in", "sub/a.jpg")
    again.close()
    assert row is not None
    assert row.took_ms == 1234.5


@pytest.mark.parametrize("version", [1, 2, 3, 4])
def test_an_old_ledger_is_counted_once_and_knows_no_inodes(tmp_path: Path, version: int) -> None:
    """What it holds is there; what it never noted is not known, and taken for unchanged."""
    of_old(tmp_path, version)
    ledger = opened(tmp_path)
    assert ledger.counts() == {("/in", "done"): 1, ("/in", "quarantined"): 1}
    row = ledger.get("/in", "sub/a.jpg")
    assert row is not None
    assert (row.inode, row.ctime_ns) == (None, None)
    touched = Photo("/in", "sub/a.jpg", 100, 5, 2.0, inode=7, ctime_ns=8)
    assert row.same_stamp(touched)
    ledger.seen(touched, row.sha256)
    row = ledger.get("/in", "sub/a.jpg")
    assert row is not None
    assert (row.inode, row.ctime_ns) == (7, 8)
    assert row.same_stamp(touched)
    assert not row.same_stamp(replace(touched, ctime_ns=9))
    assert not row.same_stamp(replace(touched, inode=9))
    ledger.close()


def test_the_counts_are_those_of_the_rows(tmp_path: Path) -> None:
    """Whatever happens to photos, in memory, after a restart, and after a kill."""
    ledger = opened(tmp_path)
    failed = Failed("/in", "sub/a.jpg", Code.BROKEN, "broken")
    for act in (
        lambda: ledger.begin(*PHOTO, "/out", "sub/a_nobg.png"),
        lambda: ledger.begin(*PHOTO, "/out", "sub/a_nobg.png"),
        lambda: ledger.retry(failed, 0.0, burn=True),
        lambda: ledger.quarantined(failed),
        lambda: ledger.quarantined(replace(failed, relpath="unknown")),
        lambda: ledger.begin(*PHOTO, "/out", "sub/a_nobg.png"),
        lambda: ledger.put_back("/in", "sub/a.jpg"),
        lambda: ledger.begin("/other", "b.jpg", 1, 1, "/out", "b_nobg.png"),
        lambda: ledger.begin("/other", "c.jpg", 1, 1, "/out", "c_nobg.png"),
        lambda: ledger.interrupt(),
        lambda: ledger.gone("/other", ["b.jpg"]),
        lambda: ledger.skipped(Photo("/in", "x.txt", 1, 1, 1.0), "no photo"),
        lambda: ledger.skipped(Photo("/in", "x.txt", 1, 1, 1.0), "no photo"),
        lambda: ledger.begin(*PHOTO, "/out", "sub/a_nobg.png"),
        lambda: ledger.done(done(), "/out", None),
        lambda: ledger.forget("/other", "c.jpg"),
    ):
        act()
        found = ledger._db.execute("SELECT inbox, state, count(*) FROM photo GROUP BY 1, 2")
        assert ledger.counts() == {(inbox, state): number for inbox, state, number in found}
        ledger.commit()
        other = opened(tmp_path)
        assert other.counts() == ledger.counts()
        other.close()
    assert ledger.count("/in", "done") == 1
    before = ledger.counts()
    ledger.forget("/in", "sub/a.jpg")  # not committed: never happened
    other = opened(tmp_path)
    assert other.counts() == before
    other.close()
    ledger.close()


def test_no_statement_walks_over_all_photos(tmp_path: Path) -> None:
    """Every statement of every method goes by an index, and none sorts what it has found."""
    ledger = opened(tmp_path)
    heard: list[str] = []
    ledger._db.set_trace_callback(heard.append)
    photo = Photo("/in", "sub/a.jpg", 100, 5, 1.0, 1, 2)
    ledger.begin(*PHOTO, "/out", "a")
    was = known(ledger)
    heard.clear()
    failed = Failed("/in", "sub/a.jpg", Code.BROKEN, "broken")

    def put_back() -> None:
        ledger.begin(*PHOTO, "/out", "a")
        ledger.put_back(*PHOTO[:2])

    def spoilt() -> None:
        ledger.begin(*PHOTO, "/out", "a")
        ledger.done(done(), "/out", None)
        row = ledger.get(*PHOTO[:2])
        assert row is not None
        assert ledger.spoilt(row, "cd" * 32)

    def remember() -> None:
        ledger.remember("a", "b")
        ledger.remember("a", None)

    calls: dict[str, Callable[[], object]] = {
        "get": lambda: ledger.get("/in", "a"),
        "in_state": lambda: [
            ledger.in_state(state, 10, inbox=inbox)
            for state in ("quarantined", "retry") for inbox in (None, "/in")
        ],
        "latest": lambda: [
            ledger.latest(state, after, 10, inbox)
            for state in (None, "done", "retry", "quarantined")
            for after in (None, (1.0, "/in", "a"))
            for inbox in (None, "/in")
        ],
        "owners": lambda: ledger.owners("/out", ["a", "b", "c"]),
        "twins": lambda: ledger.twins(100, "recipe"),
        "counts": ledger.counts,
        "inboxes": ledger.inboxes,
        "count": lambda: ledger.count("/in", "done"),
        "moves": lambda: ledger.moves("/in"),
        "unsaid": ledger.unsaid,
        "begin": lambda: ledger.begin(*PHOTO, "/out", "a", inode=1, ctime_ns=2),
        "retry": lambda: ledger.retry(failed, 0.0, burn=True),
        "quarantined": lambda: ledger.quarantined(failed),
        "done": lambda: ledger.done(done(), "/out", "LINE"),
        "owed": lambda: ledger.owed("/in", "sub/a.jpg", "LINE"),
        "said": lambda: ledger.said("/in", "sub/a.jpg"),
        "seen": lambda: ledger.seen(photo, "abc"),
        "skipped": lambda: ledger.skipped(photo, "no"),
        "aside": lambda: ledger.aside("/in", "sub/a.jpg", "0"),
        "kept": lambda: ledger.kept("/in", "sub/a.jpg", "damaged", "it is damaged", "damaged"),
        "kept_count": lambda: ledger.kept_count("/in"),
        "judged": lambda: ledger.judged("/in", "sub/a.jpg", "accepted", ""),
        "redo": lambda: ledger.redo("/in", "sub/a.jpg", "{}"),
        "placed": lambda: ledger.placed("/in", "sub/a.jpg", "a"),
        "accepted": lambda: list(ledger.accepted()),
        "doubtful": lambda: ledger.doubtful("/in", "a"),
        "doubtful_count": lambda: ledger.doubtful_count("/in"),
        "page": lambda: ledger.page("/in", "a"),
        "disposed": lambda: ledger.disposed(was),
        "going": lambda: ledger.going(was),
        "stayed": lambda: ledger.stayed(was),
        "spoilt": spoilt,
        "put_back": put_back,
        "interrupt": ledger.interrupt,
        "gone": lambda: ledger.gone("/in", ["sub/a.jpg"]),
        "back": lambda: ledger.back("/in", "sub/a.jpg"),
        "forget": lambda: ledger.forget("/in", "sub/a.jpg"),
        "fact": lambda: ledger.fact("a"),
        "remember": remember,
        "commit": ledger.commit,
    }  # fmt: skip
    public = {name for name in dir(Ledger) if not name.startswith("_")}
    assert public - {"close"} == set(calls)
    for call in calls.values():
        call()
    ledger._db.set_trace_callback(None)
    verbs = ("SELECT", "INSERT", "UPDATE", "DELETE")
    statements = {statement for statement in heard if statement.split()[0] in verbs}
    assert len(statements) > 20
    few = ("photo_trying", "photo_retry", "photo_set_aside", "photo_unsaid", "photo_accepted")
    for statement in statements:
        steps = [step[3] for step in ledger._db.execute(f"EXPLAIN QUERY PLAN {statement}")]
        for step in steps:
            scans = step.startswith("SCAN photo") and not any(index in step for index in few)
            assert not scans, (statement, steps)
            assert not step.endswith("PRIMARY KEY (inbox=?)"), (statement, steps)
            sorts = "TEMP B-TREE" in step and "GROUP BY inbox" not in statement
            assert not sorts, (statement, steps)
    ledger.close()


def test_a_list_of_one_inbox_reads_no_row_of_another(tmp_path: Path) -> None:
    """The index alone says which are its own."""
    ledger = opened(tmp_path)
    heard: list[str] = []
    ledger._db.set_trace_callback(heard.append)
    for state in (None, "done"):
        ledger.latest(state, None, 10, "/in")
    ledger._db.set_trace_callback(None)
    for statement in heard:
        steps = [step[3] for step in ledger._db.execute(f"EXPLAIN QUERY PLAN {statement}")]
        assert "COVERING INDEX photo_latest" in steps[0], steps
    assert len(heard) == 2
    ledger.close()


def test_states_that_may_hold_a_million_photos_are_not_listed(tmp_path: Path) -> None:
    """There is no index for that, so it is refused rather than slow."""
    ledger = opened(tmp_path)
    with pytest.raises(ValueError, match="no index"):
        ledger.in_state("done")
    ledger.close()
