"""Several machines, installed: the broker's unit, and a worker's that install.sh makes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from systemd.installed import IN, Nobgd
from systemd.machine import await_true

pytestmark = pytest.mark.timeout(300)

BROKER, WORKER = "nobgd-broker.service", "nobgd-worker.service"


def _show(nobgd: Nobgd, unit: str, name: str) -> str:
    return nobgd.machine.run("systemctl", "show", unit, "-p", name, "--value").stdout.strip()


@pytest.fixture(scope="module")
def several(nobgd: Nobgd) -> Iterator[Nobgd]:
    """With a broker, set up by what `nobgd cluster init` says; afterwards as it was."""
    if shutil.which("nats-server") is None:
        pytest.skip("there is no nats-server; .ci/run takes it out of Debian 14's package")
    said = nobgd.machine.run("nobgd", "cluster", "init", "--address", "127.0.0.1").stdout
    for line in said.partition("next:\n")[2].splitlines()[:2]:
        nobgd.machine.sh(line.replace("sudo ", ""))
    yield nobgd
    nobgd.machine.sh(f"systemctl disable --now {BROKER} {WORKER} ; rm -r /etc/nobgd/broker")
    nobgd.machine.sh("rm -rf /etc/nobgd/worker.* /var/tmp/desk-1.join /var/lib/nobgd/cluster")
    nobgd.back_to_usual()


def test_the_broker_runs_as_a_user_of_its_own(several: Nobgd) -> None:
    """Which may read what it needs; the authority's key and the hashes are root's."""
    assert _show(several, BROKER, "ActiveState") == "active"
    those = ". ca.key broker.key nats.conf machines.json /var/lib/nobgd/cluster/home.join"
    owners = several.machine.sh(f"cd /etc/nobgd/broker && stat -c '%n %U:%G %a' {those}")
    assert owners.splitlines() == [
        ". root:nobgd-broker 750", "ca.key root:root 600", "broker.key root:nobgd-broker 640",
        "nats.conf root:nobgd-broker 640", "machines.json root:root 600",
        "/var/lib/nobgd/cluster/home.join nobgd:nobgd 600",
    ]  # fmt: skip
    pid = _show(several, BROKER, "MainPID")
    assert several.machine.sh(f"ps -o user:32= -p {pid}").strip() == "nobgd-broker"
    doctor = several.machine.run("nobgd", "doctor", check=False)
    assert "FIX" not in doctor.stdout, doctor.stdout
    assert "ok   nobgd-broker.service: runs" in doctor.stdout
    assert "ok   broker 127.0.0.1:4222: NATS 2." in doctor.stdout


def _installed(nobgd: Nobgd, how: str) -> None:
    """By the script, or what is left of it where the program is there already."""
    script = "cd /var/tmp && /mnt/bundle/install.sh --worker desk-1.join --model u2netp"
    if how == "script":
        nobgd.machine.sh(script)
        return
    would = nobgd.machine.sh(f"{script} --dry-run")
    assert f"write /etc/systemd/system/{WORKER}" in would
    assert "would run: /usr/local/bin/nobgd unit --worker /etc/nobgd/worker.yaml --apply" in would
    nobgd.machine.sh(
        "cd /var/tmp && install -m 640 -g nobgd-worker desk-1.join /etc/nobgd/worker.join &&"
        " echo 'join: worker.join' > /etc/nobgd/worker.yaml &&"
        f" cp /mnt/bundle/{WORKER} /etc/systemd/system/ &&"
        " nobgd unit --worker /etc/nobgd/worker.yaml --apply"
    )


@pytest.mark.parametrize("how", ["unit", "script"])
def test_a_worker_is_installed_by_its_join_file(several: Nobgd, how: str) -> None:
    """It makes the mask of a photo; drained and shut out, it ends and stays ended."""
    machine = several.machine
    machine.sh("cd /var/tmp && nobgd cluster invite desk-1")
    _installed(several, how)
    assert machine.sh("stat -c '%U:%G %a' /etc/nobgd/worker.join") == "root:nobgd-worker 640\n"
    machine.sh(f"echo 'priority: 0' >> /etc/nobgd/worker.yaml; systemctl restart {WORKER}")
    await_true(lambda: "desk-1       up" in machine.run("nobgd", "status").stdout, 120)
    pid = _show(several, WORKER, "MainPID")
    assert machine.sh(f"ps -o user:32= -p {pid}").strip() == "nobgd-worker"
    several.await_there(several.drop("elsewhere.jpg"), 120)
    events = several.events("photo.done")
    done = [each for each in events if each["source"].endswith("elsewhere.jpg")]
    assert [each["host"] for each in done] == ["desk-1"]
    doctor = machine.run("nobgd", "doctor", "--worker", "/etc/nobgd/worker.yaml", check=False)
    assert "FIX" not in doctor.stdout, doctor.stdout
    drained = machine.run("nobgd", "cluster", "drain", "desk-1").stdout
    assert "desk-1 is draining, 0 to finish" in drained
    revoked = machine.run("nobgd", "cluster", "revoke", "desk-1").stdout
    assert "the broker ends its connection" in revoked
    await_true(lambda: _show(several, WORKER, "ActiveState") == "failed", 120)
    assert _show(several, WORKER, "ExecMainStatus") == "2"
    machine.sh(f"rm {IN}/elsewhere.jpg /etc/nobgd/worker.*; systemctl reset-failed {WORKER}")
