"""Whatever the kernel says of a file goes through ledger, log, metrics, status and the report."""

from __future__ import annotations

import io
import json
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from nobgd import config
from nobgd.intake import messages
from nobgd.intake.ignore import Ignore
from nobgd.intake.inbox import Inbox
from nobgd.intake.settle import Settler
from nobgd.jobs import stored
from nobgd.jobs.effects import Record
from nobgd.jobs.ledger import Ledger
from nobgd.jobs.places import Place
from nobgd.metrics.collectors import Meter
from nobgd.record import events
from nobgd.record.log import Log
from nobgd.report import build, formats, page
from nobgd.report.parsing import Wanted
from nobgd.report.tables import every
from nobgd.status import answers, share_file, why
from nobgd.status.glance import Glance
from nobgd.supervisor import clocks
from nobgd.supervisor.service import Service
from nobgd.values import Code, Done, Failed, Photo, Sighting
from nobgd.values.errands import SetAside

SIZES = st.integers(-(2**63), 2**63 - 1) | st.integers(0, 2**63 - 1)
SECONDS = st.integers(-(2**63), 2**63 - 1) | st.integers(-11_644_473_600, 13_569_465_600)
TIMES = st.builds(lambda s, ns: s * 10**9 + ns, SECONDS, st.integers(0, 10**9 - 1))
INODES = st.integers(0, 2**64 - 1)
BYTES = st.binary(min_size=1, max_size=250).filter(lambda raw: not set(raw) & {0, ord("/")})
NAMES = (BYTES | st.text(min_size=1, max_size=60).map(lambda text: text.encode("utf-8", "replace")
         .replace(b"/", b"_").replace(b"\0", b"_"))).map(os.fsdecode)  # fmt: skip


@given(st.integers() | INODES | TIMES, st.integers() | INODES | TIMES)
@example(2**63, -(2**63))
@example(2**64, 0)
def test_stored_numbers_are_equal_as_the_numbers_are(one: int, other: int) -> None:
    """And come back; no two are folded into one."""
    assert stored.whole(stored.number(one)) == one
    assert (stored.number(one) == stored.number(other)) is (one == other)


@contextmanager
def service() -> Iterator[tuple[Service, Path]]:
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root)
        (folder / "in").mkdir()
        text = "{state_dir: state, cache_dir: c, inboxes: [{path: in, outbox: out}]}"
        rules = config.parse(text, "f.yaml", folder)
        log = Log("debug", str(folder / "log"), stdout=io.StringIO(), within_s=60.0)
        with closing(Ledger(str(folder / "ledger"), time.time)) as ledger:
            made = Service(rules, ledger, log)
            yield made, folder
        log.close()


@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
@given(name=NAMES, size=SIZES, mtime=TIMES, ctime=TIMES, inode=INODES)
@example(name="a.jpg", size=0, mtime=-11_644_473_600 * 10**9, ctime=0, inode=2**64 - 1)
@example(name="\udcff\n\x1b[31m.jpg", size=2**63 - 1, mtime=2**63 * 10**9, ctime=-1, inode=0)
@example(name="x" * 250, size=1, mtime=2**63, ctime=2**63 - 1, inode=2**63)
def test_every_look_at_a_file_goes_all_the_way(
    name: str, size: int, mtime: int, ctime: int, inode: int
) -> None:
    """From the scanner to the ledger and back, to the log, its report, metrics and status."""
    with service() as (made, folder):
        inbox, out = str(folder / "in"), str(folder / "out")
        made.scanners.inboxes[inbox] = Inbox(
            inbox, ignore=Ignore(), mode="poll", post=lambda _: None
        )
        made.state.outboxes[out] = Place(out)
        settler = Settler(0.0)
        seen = Sighting(inbox, name, size, mtime, inode, ctime)
        settler.look([seen], 0.0)
        (photo,) = settler.look([seen], 1.0)
        assert (photo.size, photo.mtime_ns, photo.inode, photo.ctime_ns) == (
            size, mtime, inode, ctime,
        )  # fmt: skip
        made.loop.take(messages.Odd(inbox, name, f"{name} is a socket, not a file"), clocks.read())
        made.ledger.begin(
            inbox, name, size, mtime, out, name, inode=photo.inode, ctime_ns=photo.ctime_ns
        )
        row = made.ledger.get(inbox, name)
        assert row is not None
        assert row.same_file(size, mtime)
        assert row.same_stamp(photo)
        assert not row.same_file(size, mtime + 1)
        assert not row.same_file(size, mtime - 2**64)
        assert not row.same_stamp(Photo(inbox, name, size, mtime, 0.0, inode ^ 1, ctime))
        failed = Failed(inbox, name, Code.BROKEN, f"{name} is broken")
        made.machine.rooms.outcomes.set_aside(made.config.inboxes[0], failed)
        made.ledger.seen(photo, "0" * 64)
        assert made.ledger.twins(size, "r") == ()
        status = answers.handle(made.config, made.ledger, made.running, {"do": "status"}, Glance())
        json.dumps(status).encode("ascii")
        why.why(made.config, made.ledger, made.running, os.path.join(inbox, name), Glance())
        failures = {inbox: share_file.failed(made.ledger.in_state("quarantined"), inbox)}
        told = share_file.text(made.snapshot(), [inbox], failures)
        told.encode(errors="backslashreplace")
        assert SetAside(inbox, name, "/q", failed.reason).relpath == name
        done = Done(inbox, name, os.path.join(out, name), "0" * 64, "r", 1, 1, size, size)
        event = events.photo_done(done, lane=0, queued_ms=0.0)
        event = {"timestamp": "2026-01-01T00:00:00.000000Z", "level": "info", **event}
        made.ledger.done(done, out, events.line(event))
        made.decisions.pending += made.state.asked()
        made.decisions.pending.append(Record(inbox, name, events.line(event), event))
        made.loop.act()
        assert made.ledger.unsaid() == []
        again = Ledger(str(folder / "ledger"), time.time)
        found = again.get(inbox, name)
        again.close()
        assert found is not None
        assert (found.size, found.mtime_ns, found.inode, found.ctime_ns) == (
            size, mtime, inode, ctime,
        )  # fmt: skip
        meter = Meter()
        lines = [json.loads(line) for line in (folder / "log").read_bytes().splitlines()]
        for line in lines:
            meter.take(line)
        meter.look(made.snapshot())
        meter.text().decode()
        assert lines[-1]["source"] == os.path.join(inbox, name)
        summary = build.from_files([folder / "log"], Wanted())
        found_tables = every(summary)
        for form in (formats.as_csv, formats.as_json, formats.as_markdown):
            form(found_tables).encode()
        page.render(summary).encode()
        assert not [line for line in lines if line["event"] == "service.stumbled"]
