"""The filter, run by an interpreter of its own: every call of both machines, and arguments."""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import platform
import re
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from nobgd.lane import calls, nvidia_calls, seccomp

PID = 4711
ALLOW, EPERM, ENOSYS, KILL = 0x7FFF0000, 0x00050001, 0x00050026, 0x80000000
AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
HEADERS = {
    "x86_64": Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    "aarch64": Path("/usr/include/asm-generic/unistd.h"),
}
MACHINES = pytest.mark.parametrize("machine", calls.MACHINES)


def decide(
    machine: str, number: int, *arguments: int, arch: int | None = None, **more: bool
) -> int:
    """What the kernel would do: linux/filter.h, as far as the program uses it."""
    data = struct.pack("=IIQ", number, AUDIT[machine] if arch is None else arch, 0)
    data += struct.pack("=6Q", *(one & (1 << 64) - 1 for one in (*arguments, *[0] * 6)[:6]))
    code = seccomp.program(machine, PID, **more)
    steps: list[tuple[int, int, int, int]] = [
        struct.unpack_from("=HBBI", code, at) for at in range(0, len(code), 8)
    ]
    at = accumulator = 0
    while True:
        kind, if_true, if_false, value = steps[at]
        at += 1
        if kind == 0x20:
            (accumulator,) = struct.unpack_from("=I", data, value)
        elif kind == 0x54:
            accumulator &= value
        elif kind == 0x06:
            return value
        else:
            test = {
                0x15: accumulator == value, 0x35: accumulator >= value,
                0x45: bool(accumulator & value),
            }[kind]  # fmt: skip
            at += if_true if test else if_false


def number(machine: str, name: str) -> int:
    tables = calls.allowed(machine) | calls.checked(machine) | calls.fatal(machine)
    return tables[name]


@MACHINES
def test_what_is_not_named_is_refused(machine: str) -> None:
    """Every number: allowed, looked at, fatal or refused; later ones do not exist."""
    allowed = set(calls.allowed(machine).values())
    checked = set(calls.checked(machine).values())
    fatal = set(calls.fatal(machine).values())
    assert len(allowed | checked | fatal) == len(allowed) + len(checked) + len(fatal)
    for one in set(range(1024)) - checked:
        later = ENOSYS if one > calls.NEWEST else EPERM
        expected = ALLOW if one in allowed else KILL if one in fatal else later
        assert decide(machine, one) == expected, one


@MACHINES
def test_the_numbers_are_those_of_the_kernel(machine: str) -> None:
    """As its header has them."""
    if not HEADERS[machine].is_file():
        pytest.skip(f"no {HEADERS[machine]} here")
    text = HEADERS[machine].read_text("ascii")
    known = {
        name: int(value)
        for name, value in re.findall(r"^#define __NR(?:3264)?_(\w+)\s+(\d+)", text, re.MULTILINE)
    }
    known.setdefault("newfstatat", known.get("fstatat", 0))
    tables = calls.allowed(machine) | calls.checked(machine) | calls.fatal(machine)
    assert {name: known.get(name) for name in tables} == tables


@MACHINES
def test_the_numbers_are_those_of_libseccomp(machine: str) -> None:
    """Another table, kept by others."""
    found = ctypes.util.find_library("seccomp")
    if found is None:
        pytest.skip("no libseccomp here")
    resolve = ctypes.CDLL(found).seccomp_syscall_resolve_name_arch
    tables = calls.allowed(machine) | calls.checked(machine) | calls.fatal(machine)
    theirs = {name: resolve(ctypes.c_uint32(AUDIT[machine]), name.encode()) for name in tables}
    missing = {name for name, value in theirs.items() if value == -1}  # newer than it is
    assert missing <= {"futex_waitv"}
    assert {name: theirs[name] for name in tables.keys() - missing} == {
        name: tables[name] for name in tables.keys() - missing
    }


@MACHINES
def test_another_machine_ends_it(machine: str) -> None:
    """32-bit calls have other numbers; so has x32."""
    assert decide(machine, 1, arch=0x40000003) == KILL
    if machine == "x86_64":
        assert decide(machine, 1 | 0x40000000) == KILL


@MACHINES
@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("clone", (0x3D0F00,), ALLOW),  # as pthread_create does
        ("clone", (0x11,), EPERM),  # fork
        ("clone", (0x4111,), EPERM),  # vfork
        ("clone", (0x3D0F00 | 0x20000,), EPERM),
        ("clone", (0x3D0F00 | 0x10000000,), EPERM),
        ("clone", (0x3D0F00 | 0x40000000,), EPERM),
        ("clone", (0x3D0F00 | 0x2000,), EPERM),
        ("clone3", (0, 88), ENOSYS),
        ("openat2", (-100, 0, 0, 24), ENOSYS),  # as under systemd's RestrictSUIDSGID=
        ("kill", (PID, 9), ALLOW),
        ("kill", (0, 9), EPERM),
        ("kill", (-1, 9), EPERM),
        ("kill", (1, 9), EPERM),
        ("kill", (-PID, 9), EPERM),
        ("tgkill", (PID, 5, 6), ALLOW),
        ("tgkill", (1, 1, 6), EPERM),
        ("fcntl", (3, 1030, 0), ALLOW),
        ("fcntl", (3, 2, 1), ALLOW),
        ("fcntl", (3, 6, 1 << 40), ALLOW),
        ("fcntl", (3, 4, 0o4000), ALLOW),
        ("fcntl", (3, 4, 0o24000), EPERM),  # O_ASYNC
        ("fcntl", (3, 8, 1), EPERM),
        ("fcntl", (3, 10, 9), EPERM),
        ("fcntl", (3, 15, 1), EPERM),
        ("fcntl", (3, 1024, 0), EPERM),
        ("fcntl", (3, 1026, 0), EPERM),
        ("ioctl", (3, 0x5401), ALLOW),
        ("ioctl", (3, 0x541B), ALLOW),
        ("ioctl", (3, 0x5451), ALLOW),
        ("ioctl", (3, 0x5412), EPERM),
        ("ioctl", (3, 0x8901), EPERM),
        ("ioctl", (3, 0x8902), EPERM),
        ("ioctl", (3, 0x5452), EPERM),  # FIOASYNC
        ("ioctl", (3, 0x40049409), EPERM),  # FICLONE
        ("prctl", (15, 1), ALLOW),
        ("prctl", (1, 0), EPERM),
        ("prctl", (22, 2), EPERM),
        ("prlimit64", (0, 3, 0, 1), ALLOW),
        ("prlimit64", (PID, 3, 0, 1), ALLOW),
        ("prlimit64", (0, 3, 1, 0), EPERM),
        ("prlimit64", (0, 3, 1 << 32, 0), EPERM),
        ("prlimit64", (1, 3, 0, 1), EPERM),
        ("utimensat", (5, 0, 1, 0), ALLOW),
        ("utimensat", (5, 1 << 33, 1, 0), EPERM),
        ("utimensat", (-100, 7, 1, 0), EPERM),
        ("openat", (-100, 7, 0, 0), ALLOW),
        ("openat", (-100, 7, 0o101, 0o666), ALLOW),
        ("openat", (-100, 7, 0o1101, 0o666), ALLOW),
        ("openat", (-100, 7, 0o1002, 0), ALLOW),
        ("openat", (-100, 7, 0o1000, 0), EPERM),
        ("openat", (-100, 7, 0o101, 0o4755), EPERM),
        ("openat", (-100, 7, 0o101, 0o2755), EPERM),
        ("openat", (-100, 7, 0o20200001, 0o4755), EPERM),  # O_TMPFILE
        ("openat", (-100, 7, 0, 0o7777), ALLOW),  # not looked at: nothing is made
    ],
)
def test_arguments(machine: str, name: str, arguments: tuple[int, ...], expected: int) -> None:
    """Threads, signals to itself, locks and flags, its own limits, files that are open."""
    assert decide(machine, number(machine, name), *arguments) == expected
    if name == "openat" and machine == "x86_64":
        assert decide(machine, number(machine, "open"), *arguments[1:]) == expected


def test_every_checked_call_has_a_check() -> None:
    """With all arguments bad."""
    for machine in calls.MACHINES:
        for name, one in calls.checked(machine).items():
            bad = (1, 0x0101, 0o1000, 0o6000) if name != "open" else (0, 0o1000, 0o6000)
            assert decide(machine, one, *bad) in (EPERM, ENOSYS), name


@pytest.mark.skipif(platform.machine() not in calls.MACHINES, reason="another machine")
def test_refusals_can_be_logged() -> None:
    """The kernel takes the filter with its flag for logging, too."""
    code = "from nobgd.lane import seccomp, privileges\nprivileges.drop()\nprint(seccomp.apply())"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "NOBGD_SECCOMP": "log"}
    nnp = "import ctypes; ctypes.CDLL(None).prctl(38, 1, 0, 0, 0)\n"
    run = subprocess.run(
        [sys.executable, "-c", nnp + code], env=environment, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert run.stdout == "True\n"


@MACHINES
def test_a_lane_that_removes_originals_may_ask_who_writes(machine: str) -> None:
    """By a read lease, which is given back; one that would keep readers out it may not take."""
    call = number(machine, "fcntl")
    for kind, expected in ((0, ALLOW), (2, ALLOW), (1, EPERM)):
        assert decide(machine, call, 3, 1024, kind, leases=True) == expected
    assert decide(machine, call, 3, 4, 0o24000, leases=True) == EPERM
    assert decide(machine, call, 3, 1026, 0, leases=True) == EPERM


@MACHINES
@pytest.mark.parametrize("model", [False, True])
def test_a_devices_driver_is_asked_what_is_named(machine: str, model: bool) -> None:
    """A card's questions in any size and direction, unified memory's bare; no tools, no others."""
    call = number(machine, "ioctl")
    for asked in nvidia_calls.CARD:
        for above in (0, 0xC0200000, 0xC0040000, 0x80000000):
            assert decide(machine, call, 3, asked | above, model=model, device=True) == ALLOW
            assert decide(machine, call, 3, asked | above, model=model) == EPERM
    for asked in (*nvidia_calls.UNIFIED_MEMORY, 0x5401, 0x541B):
        assert decide(machine, call, 3, asked, model=model, device=True) == ALLOW
    named = {*nvidia_calls.CARD, *nvidia_calls.UNIFIED_MEMORY, *seccomp._IOCTL}
    beside = {each + by for each in named for by in (-1, 1, 0x100, -0x100)}
    others = {*range(0x200), *range(0x4500, 0x4800), *range(0, 0x10000, 61), *beside}
    for asked in {*others, 0x40049409, 0xC0104600 | (200 + 17)} - named:
        assert decide(machine, call, 3, asked, model=model, device=True) == EPERM
    assert decide(machine, call, 3, 62, model=model, device=True) == EPERM  # UVM_TOOLS_READ_…


@MACHINES
def test_a_device_is_opened_to_write_and_no_file_is_made_or_emptied(machine: str) -> None:
    """By the model process, which opens nothing to write otherwise; Landlock says which."""
    call = number(machine, "openat")
    for flags, usual, device in (
        (0, ALLOW, ALLOW), (0o2, EPERM, ALLOW), (0o2000002, EPERM, ALLOW), (0o102, EPERM, EPERM),
        (0o1002, EPERM, EPERM), (0o20000002, EPERM, EPERM),
    ):  # fmt: skip
        assert decide(machine, call, -100, 7, flags, 0, model=True) == usual
        assert decide(machine, call, -100, 7, flags, 0, model=True, device=True) == device
