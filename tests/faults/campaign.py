"""The whole campaign: ``make faults``, or ``python -m faults.campaign [ROW…]``.

Every row goes on where its result says that it stopped; interrupting it loses one portion.
FAULTS.md is written anew after each row, and with ``--page`` alone.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

from faults import solo

ROWS = (
    "kill_supervisor", "kill_every_syscall", "power_cut", "kill_lane", "kill_model",
    "fuzz_decode", "damage", "fuzz_daemon", "hostile_names", "race_flips", "overflow", "shares",
    "outbox_faults", "errno_matrix", "originals", "hang", "containers", "decoders_agree", "liar",
    "zombie", "storm", "storm_work", "zombie_work", "shares_far", "shares_real", "cut",
    "machine_liar", "thousand", "every_step", "every_message", "soak", "uploads", "fuzz_page",
)  # fmt: skip
_PAGE = Path(__file__).with_name("FAULTS.md")
_HEAD = """\
# What was done to nobgd, and what came of it

Written by `make faults` from `tests/faults/results/`. Each iteration follows from the seed and
its number; `python -m faults.solo ROW 1 NUMBER` repeats one. After each, the invariants are
checked: every photo ends in exactly one of done, quarantined or waiting; every cut-out is whole
and the picture that these bytes always give; no photo is changed; no temporary file is left after
the next start; every log line parses; nothing is written elsewhere.

| row | wanted | done | violations | minutes | kernel, date |
|---|---|---|---|---|---|
"""
_TAIL = """
## What these figures do not prove

- That nothing is ever lost: they are samples of moments and files, by programs that share their
  authors' blind spots.
- Anything about disks, controllers and network file systems that lie about what they have
  written, or about kernels other than the one named.
- A row whose "done" is below its "wanted" has not been finished; `make faults` goes on with it.
- In `errno_matrix` the errors come from a FUSE file system that answers the first operation of
  that kind and all that follow with it, until the daemon has met it; a fault that comes and goes
  is what the other rows make.  `close` is FUSE's flush and `stat` its getattr: the kernel
  decides when it asks for them.
- `power_cut` is the kernel's own way to throw away what is not on disk (FS_IOC_SHUTDOWN), on ext4
  alone; a disk that loses its cache, or another file system, may do otherwise.
- In `race_flips` half of the flips were made against a bare reader, and flips cannot be repeated
  singly: their timing is the machine's.
- In `kill_every_syscall` a point is the so many-th call of its kind, and a photo's way is not
  always the same: an original that is asked for twice doubles the calls.  What did not come up
  again was not killed, and is counted.
- In `originals` writers follow from the seed, the machine decides what they meet: a schedule that
  is repeated meets other milliseconds.  A hundred of them share one place, its fault and its kills.
  Inference is the one part that is left out: the pictures are a few dozen, made unlike by a comment
  in each file, and lanes get the masks that u2netp made of them before.  A writer that stalls for
  longer than the quiet time, with a file that looks whole, is not among them; nor is one that saves
  in place on another machine in the very milliseconds of the disposal, as no file system tells.
  A photo that its owner moves within the inbox after it was copied to an archive on another disk,
  and before it could be taken away, is archived under both names.
  `originals` looks at what its writers finished, at archive and quarantine, not at speed.
- A thread that waits for a FUSE file system which has read the request cannot be ended by anybody
  (Linux, fs/fuse/dev.c: "wait it out"): in `hang` such a daemon has stopped when all of it but that
  thread has ended; another is started beside it at once, and it is gone when its share is back.
- `decoders_agree` compares small pictures that programs for testing wrote: up to one level of 255
  where values are rounded, three (one on average) where JPEG or WebP is decoded, more against what
  was written before a lossy coder had it.  What another decoder is known to do wrong is listed in
  the row and counted.  Where libvips or ImageMagick is missing, it says so in its counts.
- What `damage` does not see changes pixels in a way that the format allows: a bit of a colour
  in a JPEG, a byte of a file without compression or checksum. It is a share of files that were
  made for it, of small pictures; a large one has more that can go wrong with each stroke.
- In `liar` no photo is worked on: two processes that lie stand for lanes.  What lies within its
  bounds is believed: a captured lane can say a wrong size, or a hash, of the photo that it has.
- In `uploads` the browser is Debian's Chromium, headless, on the same machine, at 600 kB a second;
  what a killed browser had not sent yet is dropped again, as its owner would do it.
- In `thousand` and `every_step` network, broker, models and lanes are inventions: they try what
  nobgd decides, not what NATS or a kernel does (`storm` and `cut` do).  A photo counts as done
  when its lane has the mask; what a kill between that and the ledger means is `kill_supervisor`'s.
  A machine that answers with a wrong mask of the right size is believed, there as everywhere.
- In `storm_work` models sleep, and the machines have one disk, under other paths: no network file
  system is between them.  A photo that changes after its cut-out got its name and before that was
  booked has two, as docs/photos.md says of names; they are counted.
- In `shares_far` a FUSE file system plays a client of NFS or SMB: coarse times, and names that come
  late.  What such a client keeps of a file's size and times, or of its bytes, is not among it.
- `shares_real` has one kernel (Debian's user-mode Linux 6.1, one processor; the table names the
  host's) for server and clients, which have a network namespace and a superblock each.  Servers by
  others, other kernels, Kerberos and real wires are not among it.  Who mounts nothing there writes
  to the server's disk beside nfsd or smbd.  Where the cable is out, a lane that waits for longer
  than its deadline is ended: `gone_away`, which costs no attempt.
- In `every_message` models sleep and lanes are threads that ask; a point is where nobgd's own code
  says or hears something, not each system call below it.  What did not come up again was not
  killed, and is counted; a question that is withdrawn is `every_step`'s.
- `soak` has not run for a day in one piece: its portions go on with a new broker and new processes
  where they were interrupted.  What is listed of it is its first half hour, in which fills what the
  supervisor remembers of the last photos of each kind; since then that half hour is not judged.
- `overflow` forces the kernel's queue to 16 events; how many were lost is not known, only that
  the daemon was told of it (`inbox.overflow`).
"""


def results() -> dict[str, dict[str, Any]]:
    """What every row has come to, also those that were never begun."""
    return {name: solo.load(name) for name in ROWS}


def page(found: dict[str, dict[str, Any]]) -> str:
    """FAULTS.md."""
    lines = []
    for name, result in found.items():
        row = importlib.import_module(f"faults.rows.{name}")
        skipped = result.get("skipped")
        done = f"skipped: {skipped}" if skipped else f"{result['done']:,}"
        where = f"{result['kernel']}, {result['date']}" if "kernel" in result else ""
        wanted = result["counts"].get("points", row.FULL)  # as many as there were, once known
        lines.append(
            f"| {row.TITLE} (`{name}`) | {wanted:,} | {done} | {result['violated']} |"
            f" {result['seconds'] / 60:.0f} | {where} |"
        )
    counts = ["", "## What happened", ""]
    for name, result in found.items():
        row = importlib.import_module(f"faults.rows.{name}")
        if result["counts"] and hasattr(row, "told"):
            counts += row.told(result["counts"])
        elif result["counts"]:
            told = ", ".join(f"{what}: {count:,}" for what, count in result["counts"].items())
            counts.append(f"- `{name}`: {told}")
    wrong = [f"- `{name}`: {text}" for name, r in found.items() for text in r["violations"]]
    listed = ["", "## Violations", "", *(wrong or ["None."])]
    return _HEAD + "\n".join([*lines, *counts, *listed]) + "\n" + _TAIL


def main(names: list[str]) -> int:
    """Run rows (all, if none is named) to their full numbers; 1 when anything was violated."""
    unknown = set(names) - {*ROWS, "--page"}
    if unknown:
        print(f"no such row: {', '.join(sorted(unknown))}; there are {', '.join(ROWS)}")
        return 2
    for name in [] if names == ["--page"] else names or ROWS:
        solo.run(name)
        _PAGE.write_text(page(results()))
    _PAGE.write_text(page(results()))
    print(f"{_PAGE} is written")
    return int(any(result["violated"] for result in results().values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
