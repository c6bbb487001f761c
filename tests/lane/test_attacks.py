"""A captured lane attacks: what it can do is the table in docs/security.md, and no more.

``python tests/lane/test_attacks.py`` (as root, on a kernel with all of Landlock) writes the
table anew.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from nobgd.lane import landlock

PAGE = Path(__file__).parents[2] / "docs/security.md"
ATTACKER = Path(__file__).with_name("attacker.py")
BEGIN, END = "<!-- the table of attacks -->\n", "<!-- the end of the table -->\n"
ABIS = {"Landlock 6": 6, "5": 5, "1": 1, "none": 0}
USERS = ("root", "nobody")
ALONE = (
    "run a program (execve)", "run a program (execveat)", "trace the supervisor", "be traced",
    "write the supervisor's memory", "compare processes", "mount", "unmount", "chroot",
    "namespaces (unshare)", "namespaces (setns)", "open by handle", "io_uring", "bpf",
    "perf_event_open", "userfaultfd", "keys",
)  # fmt: skip
# What works without any Landlock, for then only the user's own rights stand before files.
NEEDS_LANDLOCK = pytest.mark.skipif(landlock.abi() < 6, reason="this kernel lacks newer Landlock")


def world(folder: Path, user: str) -> dict[str, str]:
    """An installation's folders, which belong to ``user``."""
    names = ("inbox", "outbox", "cache", "cache/folder", "state", "other", "readable")
    for name in names:
        (folder / name).mkdir()
    files = (
        "inbox/photo", "inbox/removable", "inbox/movable", "outbox/result.png", "cache/model",
        "state/ledger", "state/removable", "other/secret", "other/program", "readable/library",
    )  # fmt: skip
    for name in files:
        (folder / name).write_text("as it was")
    os.setxattr(folder / "other/secret", "user.there", b"1")
    (folder / "other/secret").chmod(0o600)
    if user == "nobody" and os.geteuid() == 0:
        for path in (folder, *folder.rglob("*")):
            shutil.chown(path, 65534, 65534)
        for above in folder.parents[:-2]:
            above.chmod(above.stat().st_mode | 0o711)
    return {name: str(folder / name) for name in names}


def captured(user: str, abi: int, only: str | None = None) -> Any:
    """What the attacks of a lane achieve; ``only`` one of those that end it."""
    folder = Path(tempfile.mkdtemp(prefix="captured-"))
    try:
        places = world(folder, user)
        identity: dict[str, Any] = {}
        if user == "nobody" and os.geteuid() == 0:
            identity = {"user": 65534, "group": 65534, "extra_groups": []}
        with subprocess.Popen(["sleep", "1000"], start_new_session=True, **identity) as victim:
            try:
                order = {"places": places, "victim": victim.pid, "abi": abi, "only": only}
                run = subprocess.run(
                    [sys.executable, str(ATTACKER), json.dumps({**order, "user": user})],
                    capture_output=True, text=True, timeout=100, check=False,
                    start_new_session=True,
                    env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
                )  # fmt: skip
                assert abi < 0 or victim.poll() is None, "the supervisor was ended"
            finally:
                victim.kill()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if only:
        return "killed" if run.returncode == -signal.SIGSYS else run.stdout or run.stderr
    assert run.returncode == 0, (run.returncode, run.stderr)
    return json.loads(run.stdout)


def columns() -> list[tuple[str, str]]:
    return [(user, abi) for user in USERS for abi in ABIS]


def all_of_them() -> dict[tuple[str, str], dict[str, Any]]:
    with ThreadPoolExecutor(2) as pool:
        found = pool.map(lambda one: captured(one[0], ABIS[one[1]]), columns())
        return dict(zip(columns(), found, strict=True))


@pytest.fixture(scope="module")
def found() -> dict[tuple[str, str], dict[str, Any]]:
    if os.geteuid() != 0:
        pytest.skip("only root can be both kinds of user")
    if landlock.abi() < 6:
        pytest.skip("this kernel lacks newer Landlock, the table is made with it")
    return all_of_them()


def table(found: dict[tuple[str, str], dict[str, Any]]) -> str:
    """The results as Markdown, one row for each attack."""
    rows = [name for name in next(iter(found.values())) if "/" in name]
    lines = []
    group = ""
    for row in rows:
        kind, name = row.split("/", 1)
        if kind != group:
            group = kind
            heads = [f"{'root' if user == 'root' else 'user'}, {abi}" for user, abi in columns()]
            lines += ["", f"| {kind} | {' | '.join(heads)} |", "|---|" + "---|" * len(heads)]
        cells = [found[column][row] for column in columns()]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    lines += ["", "| Ends the lane at once | root | user |", "|---|---|---|"]
    lines += [f"| {name} | killed | killed |" for name in ALONE]
    return "\n".join(lines[1:]) + "\n"


def test_the_table_in_the_documentation_is_what_is_found(
    found: dict[tuple[str, str], dict[str, Any]],
) -> None:
    """docs/security.md says of every attack what becomes of it, for both kinds of user."""
    page = PAGE.read_text("utf-8")
    assert page.split(BEGIN)[1].split(END)[0] == table(found)


def test_with_landlock_nothing_works_but_what_is_left(
    found: dict[tuple[str, str], dict[str, Any]],
) -> None:
    """As root or not, with the newest Landlock or the first one."""
    works = {
        (column, name)
        for column, said in found.items()
        if column[1] != "none"
        for name, how in said.items()
        if how == "works" and not name.startswith("Left to it/")
    }
    assert works == set()


def test_without_landlock_only_the_rights_of_files_are_left(
    found: dict[tuple[str, str], dict[str, Any]],
) -> None:
    """No mode, owner, time or attribute by name, no other process, nothing of the machine."""
    works = {
        name.split("/")[0]
        for column, said in found.items()
        if column[1] == "none"
        for name, how in said.items()
        if how == "works"
    }
    assert works <= {"Files", "Other processes", "Left to it"}
    for column, said in found.items():
        if column[1] == "none":
            others = [n for n, how in said.items() if how == "works" and n.startswith("Other")]
            assert set(others) <= {
                "Other processes/read the supervisor's environment",
                "Other processes/write the supervisor's oom_score_adj",
            }, column


def test_no_capability_is_left(found: dict[tuple[str, str], dict[str, Any]]) -> None:
    """Not to root either; and nothing could give one back."""
    for (user, _), said in found.items():
        status = said["status"]
        sets = ("CapEff", "CapPrm", "CapInh", "CapAmb", *(["CapBnd"] if user == "root" else []))
        assert {name: int(status[name], 16) for name in sets} == dict.fromkeys(sets, 0)
        assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")


def test_the_attacks_are_real() -> None:
    """Unconfined, root gets nearly all of them done."""
    if os.geteuid() != 0:
        pytest.skip("this test does not run as root")
    said = captured("root", -1)
    subprocess.run(["ipcrm", "-M", "0x4242", "-S", "0x4242", "-Q", "0x4242"], check=False)
    refused = {name.split("/", 1)[1] for name, how in said.items() if how == "refused"}
    assert refused <= {
        "move a kept photo out",  # renamed by the attack before
        "rt_sigqueueinfo",  # with what bytes it takes
        "join another group of processes", "a session of its own",  # it has one
        "read the supervisor's memory", "the control socket", "listen on its line",
        "another filter",  # nothing there, or nothing to read
        # what a container, this kernel or a file system may refuse by itself
        "type into a terminal (TIOCSTI)", "type into a terminal (TIOCLINUX)", "set the clock",
        "read the kernel's log", "sethostname", "setxattrat", "memory that nobody else can read",
        "fchmodat2", "fanotify", "device in the outbox", "write below /proc/sys",
        "regain capabilities",
    }  # fmt: skip


@NEEDS_LANDLOCK
@pytest.mark.parametrize("user", USERS)
def test_what_only_an_attacker_tries_ends_the_lane(user: str) -> None:
    """Programs, tracing, mounts, namespaces, io_uring …: SIGSYS, at the first try."""
    if os.geteuid() != 0 and user == "root":
        pytest.skip("this test does not run as root")
    tried = ALONE if user == "root" else ALONE[::4]  # the filter is the same
    with ThreadPoolExecutor(2) as pool:
        said = dict(zip(tried, pool.map(lambda one: captured(user, 6, one), tried), strict=True))
    assert {name: how for name, how in said.items() if how != "killed"} == {}


@pytest.fixture
def of_another_user(tmp_path: Path) -> Path:
    if os.geteuid() != 0:
        pytest.skip("only root meets files of others with privileges")
    for name in ("inbox", "outbox"):
        (tmp_path / name).mkdir(mode=0o755)
    (tmp_path / "inbox/photo").write_text("hers")
    (tmp_path / "inbox/photo").chmod(0o600)
    for path in tmp_path.rglob("*"):
        shutil.chown(path, 65534, 65534)
    return tmp_path


@NEEDS_LANDLOCK
def test_root_still_works_in_folders_of_others(of_another_user: Path) -> None:
    """One capability is kept for that, below these folders alone."""
    code = """
import os, sys
from nobgd.lane.confine import confine
inbox, outbox = sys.argv[1:]
print(*confine([inbox], [outbox], None), sep=", ")
print(open(inbox + "/photo").read())
open(outbox + "/new", "w").close()
for name in (inbox + "/photo", outbox + "/new"):
    try:
        os.chmod(name, 0o666)
    except PermissionError:
        print("refused")
print(open("/proc/self/status").read())
"""
    folders = [str(of_another_user / name) for name in ("inbox", "outbox")]
    run = subprocess.run(
        [sys.executable, "-c", code, *folders], capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    holds, read, *refused, status = run.stdout.split("\n", 4)
    assert "capabilities but for dac_override" in holds
    assert (read, refused) == ("hers", ["refused", "refused"])
    assert "CapEff:\t0000000000000002" in status
    assert "CapBnd:\t0000000000000000" in status


if __name__ == "__main__":
    text = PAGE.read_text("utf-8")
    before, rest = text.split(BEGIN)
    made = table(all_of_them())
    PAGE.write_text(before + BEGIN + made + END + rest.split(END)[1], "utf-8")
