"""Limits of control groups, from the kernel's texts and from folders that stand for groups."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nobgd.pool import cgroup
from nobgd.pool.cgroup import Group

HYBRID = "4:memory:/a/b\n2:cpu,cpuacct:/a\n0::/a/b/c\n"


def mounts(*lines: tuple[str, Path, str, str]) -> str:
    """Mountinfo of (root, mount point, type, options)."""
    return "".join(
        f"{n} 1 0:{n} {root} {point} rw,relatime - {kind} {kind} rw,{options}\n"
        for n, (root, point, kind, options) in enumerate(lines, 30)
    )


def test_both_versions_and_every_depth_are_found(tmp_path: Path) -> None:
    """Its own group first, then those above it, as far as they are mounted."""
    for folder in ("memory/a/b", "cpu/a", "unified/a/b/c"):
        (tmp_path / folder).mkdir(parents=True)
    info = mounts(
        ("/", tmp_path / "cpu", "cgroup", "cpu,cpuacct"),
        ("/", tmp_path / "memory", "cgroup", "memory"),
        ("/", tmp_path / "unified", "cgroup2", "nsdelegate"),
    )
    found = [(os.path.relpath(g.folder, tmp_path), g.unified) for g in
             cgroup.above("memory", HYBRID, info)]  # fmt: skip
    assert found == [
        ("memory/a/b", False), ("memory/a", False), ("memory", False),
        ("unified/a/b/c", True), ("unified/a/b", True), ("unified/a", True), ("unified", True),
    ]  # fmt: skip
    assert next(g.folder for g in cgroup.above("cpu", HYBRID, info)) == str(tmp_path / "cpu/a")


@pytest.mark.parametrize(("root", "path"), [("/docker/x", "/docker/x/y"), ("/docker/x", "/")])
def test_a_container_sees_its_own_part_of_the_tree(tmp_path: Path, root: str, path: str) -> None:
    """What it sees as the top is its own group, whether its path is told from there or not."""
    (tmp_path / "y").mkdir()
    info = mounts((root, tmp_path, "cgroup", "memory"))
    found = cgroup.above("memory", f"4:memory:{path}\n", info)
    assert found[-1] == Group(str(tmp_path), False)
    assert len(found) == (2 if path.endswith("y") else 1)


def test_what_is_not_there_limits_nothing(tmp_path: Path) -> None:
    """A group whose folder is not to be seen counts by those that are."""
    info = mounts(("/", tmp_path, "cgroup2", "rw"))
    assert cgroup.above("memory", "0::/gone/away\n", info) == [Group(str(tmp_path), True)]
    assert cgroup.above("memory", "0::/../x\n", info) == [Group(str(tmp_path), True)]
    assert cgroup.above("memory", "", "") == []


def in_groups(monkeypatch: pytest.MonkeyPatch, *groups: tuple[Path, bool, dict[str, str]]) -> None:
    """These are the groups above."""
    found = []
    for folder, unified, files in groups:
        folder.mkdir()
        for name, text in files.items():
            (folder / name).write_text(text)
        found.append(Group(str(folder), unified))
    monkeypatch.setattr(cgroup, "above", lambda _: found)


def test_the_least_limit_holds_and_others_use_a_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """memory.high counts as a limit; what the kernel only keeps of files is free."""
    stat = "anon 1\ninactive_file 100000000\nactive_file 50000000\n"
    in_groups(
        monkeypatch,
        (tmp_path / "own", True, {"memory.max": "max\n", "memory.high": "900000000\n",
                                  "memory.current": "400000000\n", "memory.stat": stat}),
        (tmp_path / "above", True, {"memory.max": "2000000000\n",
                                    "memory.current": "1900000000\n", "memory.stat": stat}),
    )  # fmt: skip
    assert cgroup.memory_mb() == (900.0, 250.0)


def test_version_1_says_no_limit_as_a_huge_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And its figures for the whole tree are named otherwise."""
    in_groups(
        monkeypatch,
        (tmp_path / "own", False, {"memory.limit_in_bytes": "9223372036854771712\n"}),
        (tmp_path / "above", False, {
            "memory.limit_in_bytes": "700000000\n", "memory.usage_in_bytes": "300000000\n",
            "memory.stat": "total_inactive_file 100000000\ntotal_active_file 0\n"}),
    )  # fmt: skip
    assert cgroup.memory_mb() == (700.0, 500.0)


@pytest.mark.parametrize(
    ("unified", "files", "cpus"),
    [
        (True, {"cpu.max": "150000 100000\n"}, 1.5),
        (True, {"cpu.max": "max 100000\n"}, None),
        (False, {"cpu.cfs_quota_us": "50000\n", "cpu.cfs_period_us": "100000\n"}, 0.5),
        (False, {"cpu.cfs_quota_us": "-1\n", "cpu.cfs_period_us": "100000\n"}, None),
        (False, {}, None),
    ],
)
def test_quotas(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unified: bool, files: dict[str, str],
    cpus: float | None,
) -> None:  # fmt: skip
    """Of processor time, in processors."""
    in_groups(monkeypatch, (tmp_path / "own", unified, files))
    assert cgroup.cpus() == cpus


def test_kills_are_counted_in_the_own_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And on the machine, where the group has no count."""
    before = cgroup.oom_kills()
    in_groups(monkeypatch, (tmp_path / "own", True, {"memory.events": "oom 3\noom_kill 2\n"}))
    assert cgroup.oom_kills() >= 2
    assert before >= 0
