"""A job that travels is the same job there, and nothing else is one."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nobgd.cluster.paths import Shares
from nobgd.cluster.words import MOST_JOB
from nobgd.pool import sent
from nobgd.values import Job, Recipe, Rendering, Twin
from nobgd.values.mount import Mount

HOME = Shares({"in": "/srv/in", "out": "/srv/out"})
THERE = Shares({"in": "/mnt/in", "out": "/mnt/out"})
SHA = "ab" * 32
JOB = Job(
    "/srv/in", "a/b.jpg", 10, 1_700_000_000_123_456_789, "/srv/out", ("a/b_nobg.png",),
    frozenset(), frozenset({"k2"}), "k", Recipe("u2net", SHA, "fp32"),
    spare=("a/b.jpg-", "_nobg.png"), counts=frozenset({"older"}),
    twins=(Twin(SHA, "/srv/out/c_nobg.png", ""), Twin(SHA, "/elsewhere/c.png")),
)  # fmt: skip
NAMES = (
    st.binary(min_size=1, max_size=20)
    .filter(lambda raw: not set(raw) & {0, 0x2F} and raw not in (b".", b".."))
    .map(os.fsdecode)
)


def over(job: Job) -> Job:
    data = sent.pack(job, HOME)
    assert data is not None
    return sent.read(data, THERE)


@given(NAMES, NAMES, st.integers(0, 1 << 62), st.floats(0, 1e9), st.booleans())
def test_it_is_the_same_there(name: str, output: str, size: int, quiet_s: float, yes: bool) -> None:
    """But for its folders, and for what only holds here; whatever bytes names have."""
    rendering = Rendering("jpeg", 80, "#ffffff", crop=yes, canvas=(10, 20) if yes else None)
    job = replace(
        JOB, relpath=name, outputs=(output,), reserved=frozenset({output}), size=size,
        quiet_s=quiet_s, own=output if yes else None, accepted=yes, rendering=rendering,
        replaces=SHA if yes else None, partners=(name,), cut_outs=(output,),
    )  # fmt: skip
    twin = Twin(SHA, "/mnt/out/c_nobg.png", "")
    assert over(job) == replace(job, inbox="/mnt/in", outbox="/mnt/out", twins=(twin,))


def test_what_only_holds_here_stays_here() -> None:
    mount = Mount(1, 2, "/", "ext4", "/dev/sda")
    there = over(replace(JOB, inode=5, ctime_ns=6, inbox_mount=mount, outbox_mount=mount))
    assert (there.inode, there.ctime_ns, there.inbox_mount, there.outbox_mount) == (None,) * 4


@pytest.mark.parametrize(
    "other",
    [
        replace(JOB, inbox="/other"),
        replace(JOB, outbox="/other"),
        replace(JOB, touch="x", touches="/x"),
        replace(JOB, tidy=True),
        replace(JOB, recipe=replace(JOB.recipe, edges="matting")),
        replace(JOB, counts=frozenset(f"{n:064}" for n in range(MOST_JOB // 64))),
    ],
)
def test_what_nobody_else_can_do_does_not_go(other: Job) -> None:
    assert sent.pack(other, HOME) is None


def test_an_adaptive_job_arrives_as_one() -> None:
    """Who has both of its models asks for a closer mask there as here."""
    adaptive = replace(JOB, recipe=replace(JOB.recipe, precision="adaptive"))
    assert over(adaptive).recipe == adaptive.recipe


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("relpath", "../x"), ("relpath", "/etc/passwd"), ("relpath", ""), ("relpath", 3),
        ("outputs", ["../../x"]), ("outputs", []), ("own", "a//b"), ("spare", ["a", "../b"]),
        ("cut_outs", ["./a"]), ("inbox", ["in", ".."]), ("inbox", ["other", ""]),
        ("outbox", ["out", "../in"]), ("outbox", "out"), ("size", -1), ("size", True),
        ("mtime_ns", 1.5), ("max_megapixels", 1e9), ("quiet_s", "1"), ("replaces", "x"),
        ("recipe", {}), ("rendering", None), ("twins", [{}]), ("further", 1), ("attempt", 0),
    ],
)  # fmt: skip
def test_nothing_else_is_a_job(field: str, value: Any) -> None:
    """No name leads out of a folder; every field is of its type and range."""
    data = sent.pack(JOB, HOME)
    assert data is not None
    fields = json.loads(data)
    assert sent.read(json.dumps(fields).encode(), THERE)
    fields[field] = value
    with pytest.raises(sent.Broken):
        sent.read(json.dumps(fields).encode(), THERE)


@given(st.binary(max_size=200))
def test_garbage_is_none(data: bytes) -> None:
    with pytest.raises(sent.Broken):
        sent.read(data, THERE)
