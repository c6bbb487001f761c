"""What the service may not do, and what happens when it reaches for more than it may have."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from systemd.installed import IN, OUT, Nobgd
from systemd.machine import await_true

pytestmark = pytest.mark.timeout(300)


def test_a_lane_killed_for_memory_does_not_end_the_service(nobgd: Nobgd) -> None:
    """A photo that needs more than the unit may have is quarantined; the next one is done."""
    nobgd.configure(nobgd.usual + "workers: {count: 1, attempts: 1}\n", apply=False)
    nobgd.dropin("MemoryHigh=infinity\nMemoryMax=600M\nMemorySwapMax=0")
    nobgd.restart()
    pid = nobgd.machine.main_pid()
    output = nobgd.drop("huge.jpg", scale=18)
    await_true(lambda: nobgd.events("photo.quarantined"))
    nobgd.await_there(nobgd.drop("small.jpg"))
    assert not nobgd.there(output)
    assert nobgd.machine.main_pid() == pid
    told = nobgd.events("photo.quarantined")[-1]
    assert told["code"] == "out_of_memory"
    assert "it needs more memory than the 629 MB that it is allowed" in told["reason"]
    nobgd.no_dropin()
    nobgd.back_to_usual()
    nobgd.machine.run("nobgd", "retry", "--all")
    await_true(lambda: nobgd.there(output))


def test_the_unit_allows_no_more_than_it_must(nobgd: Nobgd) -> None:
    """Seen from inside: no network, nothing written elsewhere, no writable code, no power."""
    probe = (Path(__file__).parent / "probe.py").read_text()
    nobgd.machine.run("sh", "-c", "cat > /opt/nobgd/probe.py", stdin=probe)
    no, yes = f"/,/usr,/etc,/opt/nobgd,/srv,/boot,/var/lib,/dev,{IN}", f"{OUT},/var/lib/nobgd,/tmp"
    run = f"/opt/nobgd/venv/bin/python /opt/nobgd/probe.py {no} {yes}"
    nobgd.dropin(f"Type=oneshot\nWatchdogSec=0\nRestart=no\nExecStart=\nExecStart={run}")
    nobgd.restart()
    lines = [line for line in nobgd.machine.journal().splitlines() if '"socket inet"' in line]
    tried = json.loads(lines[-1])
    interfaces = [line.split(":")[0].strip() for line in tried.pop("network").splitlines()[2:]]
    assert interfaces == ["lo"]
    assert tried.pop("homes") == "[False, False]"
    assert tried.pop("core") == "(0, 0)"
    allowed = {name for name, how in tried.items() if how.startswith("allowed")}
    assert allowed == {f"own {folder}" for folder in yes.split(",")}, tried
    nobgd.machine.run("rm", "/opt/nobgd/probe.py")
    nobgd.no_dropin()
    nobgd.restart()


def test_the_drop_in_for_idle_time_works(nobgd: Nobgd) -> None:
    """Photos are done with what is left over, by processes of the lowest priority."""
    text = (Path(__file__).parents[2] / "systemd/drop-ins/idle.conf").read_text()
    nobgd.dropin(text.split("[Service]")[1])
    nobgd.restart()
    nice = nobgd.machine.sh("ps -o nice= -p " + " -p ".join(nobgd.machine.lanes())).split()
    assert set(nice) == {"19"}
    assert nobgd.machine.show("IOSchedulingClass") == "3"
    nobgd.await_there(nobgd.drop("idle.jpg"))
    nobgd.no_dropin()
    nobgd.restart()
