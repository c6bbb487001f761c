"""Started, reloaded, hurt and stopped: nothing is lost, and it comes back."""

from __future__ import annotations

import pytest

from systemd.installed import CONFIG, IN, OUT, Nobgd
from systemd.machine import UNIT, await_true

pytestmark = pytest.mark.timeout(300)


def _attempts(nobgd: Nobgd, name: str) -> list[int]:
    """Of the photos whose sources have *name* in them, as the journal tells."""
    return [done["attempt"] for done in nobgd.events("photo.done") if name in done["source"]]


def test_reload_applies_a_new_configuration(nobgd: Nobgd) -> None:
    """Without a restart: the main process stays, the change is named in the log."""
    pid = nobgd.machine.main_pid()
    nobgd.configure(nobgd.usual + "output: {compression: small}\n")
    nobgd.machine.run("systemctl", "reload", UNIT)
    await_true(lambda: nobgd.events("service.reloaded"))
    assert "output" in nobgd.events("service.reloaded")[-1]["changed"]
    nobgd.await_there(nobgd.drop("reloaded.jpg"))
    assert nobgd.machine.main_pid() == pid


def test_a_wrong_configuration_is_refused_at_reload(nobgd: Nobgd) -> None:
    """The old one goes on; STATUS and the log say what is wrong, until it is mended."""
    nobgd.configure("inboxes: 5\nwrokers: {}\n", apply=False)
    nobgd.machine.run("systemctl", "reload", UNIT)
    await_true(lambda: "reload refused" in nobgd.machine.show("StatusText"))
    assert f"{CONFIG}:1:" in nobgd.events("service.reload_refused")[-1]["reason"]
    nobgd.await_there(nobgd.drop("refused.jpg"))
    nobgd.configure(nobgd.usual)
    nobgd.machine.run("systemctl", "reload", UNIT)
    await_true(lambda: "refused" not in nobgd.machine.show("StatusText"))
    assert nobgd.machine.show("ActiveState") == "active"


def test_a_second_daemon_is_refused(nobgd: Nobgd) -> None:
    """One sentence, exit 3."""
    second = nobgd.machine.run("runuser", "-u", "nobgd", "--", "nobgd", "run", check=False)
    assert second.returncode == 3
    assert second.stderr.startswith("another nobgd")
    assert len(second.stderr.strip().splitlines()) == 1


def test_a_killed_supervisor_comes_back(nobgd: Nobgd) -> None:
    """With its lanes gone, and the photo that was being worked on done."""
    pid, output = nobgd.machine.main_pid(), nobgd.drop("orphan.jpg", scale=8)
    orphans = set(nobgd.machine.lanes())
    nobgd.machine.run("kill", "-9", pid)
    await_true(lambda: nobgd.machine.main_pid() not in (pid, "0"))
    nobgd.await_there(output)
    assert int(nobgd.machine.show("NRestarts")) >= 1
    lanes = set(nobgd.machine.lanes())  # as many as there was work for
    assert lanes
    assert not lanes & orphans


def test_a_killed_lane_costs_one_attempt(nobgd: Nobgd) -> None:
    """The service stays, the photo is done by another lane."""
    pid = nobgd.machine.main_pid()
    # as the first of many is done: the other lanes are in the middle of theirs then
    names, hold = [f"lane{number}" for number in range(8)], f"{IN}/.hold"
    nobgd.machine.sh(f"mkdir -p {hold} && chown nobgd: {hold}")
    for name in names:
        nobgd.drop(f"{name}.jpg", folder=hold, scale=12)
    first = f"until ls {OUT}/lane*_nobg.png >/dev/null 2>&1; do sleep 0.02; done"
    kill = f"{first}; pkill -9 -f '[n]obgd.lane.process'"
    nobgd.machine.sh(f"({kill}) </dev/null >/dev/null 2>&1 & mv {hold}/*.jpg {IN} && rmdir {hold}")
    outputs = [f"{OUT}/{name}_nobg.png" for name in names]
    for output in outputs:
        nobgd.await_there(output)

    def told(event: str) -> list[int]:
        """Attempts of these photos."""
        those = [each for each in nobgd.events(event) if f"{IN}/lane" in each["source"]]
        return sorted(each["attempt"] for each in those)

    await_true(lambda: len(told("photo.done")) == 8)
    assert nobgd.machine.main_pid() == pid
    tried_again = len(told("photo.failed"))
    assert 1 <= tried_again <= 4  # as many as were at work
    attempts = told("photo.done")
    assert attempts == [1] * (8 - tried_again) + [2] * tried_again


def test_a_loop_that_hangs_is_ended_by_the_watchdog(nobgd: Nobgd) -> None:
    """And started again."""
    nobgd.dropin("WatchdogSec=3\nTimeoutAbortSec=1")
    nobgd.restart()
    pid = nobgd.machine.main_pid()
    nobgd.machine.run("kill", "-STOP", pid)
    await_true(lambda: nobgd.machine.main_pid() not in (pid, "0"))
    assert "Watchdog timeout" in nobgd.machine.journal()
    nobgd.await_there(nobgd.drop("after.jpg"))
    nobgd.no_dropin()
    nobgd.restart()


def test_stopping_loses_nothing(nobgd: Nobgd) -> None:
    """Photos in lanes are finished, the others wait for the next start; the exit is clean."""
    outputs = [nobgd.drop(f"many{n}.jpg", scale=3) for n in range(6)]
    await_true(lambda: nobgd.there(outputs[0]))
    nobgd.machine.run("systemctl", "stop", UNIT)
    assert nobgd.machine.show("Result") == "success"
    assert nobgd.machine.show("ExecMainStatus") == "0"
    assert not nobgd.machine.lanes()
    nobgd.machine.run("systemctl", "start", UNIT)
    for output in outputs:
        nobgd.await_there(output)
    # an output is there before the journal tells of it
    await_true(lambda: len(_attempts(nobgd, "many")) == 6)
    assert _attempts(nobgd, "many") == [1] * 6


def test_a_wrong_configuration_at_start_is_no_restart_loop(nobgd: Nobgd) -> None:
    """Exit 2, every error in the journal, one try."""
    nobgd.configure("inboxes: []\nwrokers: {}\n", apply=False)
    nobgd.machine.run("systemctl", "restart", UNIT, check=False)
    assert nobgd.machine.show("ActiveState") == "failed"
    assert nobgd.machine.show("ExecMainStatus") == "2"
    assert nobgd.machine.show("NRestarts") == "0"
    journal = nobgd.machine.journal()
    assert f"{CONFIG}:1:10: inboxes: must not be empty" in journal
    assert f"{CONFIG}:2:1: unknown key wrokers; did you mean workers?" in journal
    nobgd.back_to_usual()


def test_a_missing_model_is_one_sentence(nobgd: Nobgd) -> None:
    """Not ready, exit 3, how to get it in the journal."""
    nobgd.machine.run("mv", "/opt/nobgd/models/u2net.onnx", "/opt/nobgd/away")
    nobgd.configure(nobgd.usual.replace("u2netp", "u2net"), apply=False)
    started = nobgd.machine.run("systemctl", "restart", UNIT, check=False)
    assert started.returncode != 0
    assert nobgd.machine.show("ExecMainStatus") == "3"
    assert "nobgd models fetch u2net" in nobgd.machine.journal()
    nobgd.machine.run("systemctl", "stop", UNIT)
    nobgd.machine.run("mv", "/opt/nobgd/away", "/opt/nobgd/models/u2net.onnx")
    nobgd.back_to_usual()
