"""The examples for Kubernetes and Slurm: their commands are nobgd's, their parts fit together."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from nobgd import cli
from nobgd.cluster import join, subjects

ROOT = Path(__file__).parents[2]
KUBERNETES = ROOT / "packaging/kubernetes.yaml"
SLURM = ROOT / "packaging/slurm.sh"


def _understood(words: list[str]) -> Any:
    """As the command line understands them; it ends the test otherwise."""
    return cli.parser().parse_args(words)


def test_the_pods_have_a_join_file_each() -> None:
    """Of the secret that is made of the files that were invited; with no rights beyond that."""
    stateful, scaled = yaml.safe_load_all(KUBERNETES.read_text())
    name = stateful["metadata"]["name"]
    pod = stateful["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    words = [word.replace("$(POD_NAME)", f"{name}-0") for word in container["args"]]
    asked = _understood(words)
    assert asked.join == Path(f"/join/{name}-0.join")
    assert join.is_name(f"{name}-0")
    volumes = {each["name"]: each for each in pod["volumes"]}
    mounts = {each["mountPath"]: each["name"] for each in container["volumeMounts"]}
    secret = volumes[mounts["/join"]]["secret"]["secretName"]
    said = KUBERNETES.read_text()
    assert f"cluster invite {name}-$n" in said
    assert f"secret generic {secret} " in said
    assert f"{name}-*.join" in said
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }  # fmt: skip
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert (
        stateful["spec"]["selector"]["matchLabels"]
        == (stateful["spec"]["template"]["metadata"]["labels"])
    )
    target = scaled["spec"]["scaleTargetRef"]
    assert (target["kind"], target["name"]) == (stateful["kind"], name)
    invited = re.search(r"for n in ([\d ]+);", said)
    assert invited is not None
    assert scaled["spec"]["maxReplicaCount"] == len(invited[1].split())


def test_keda_looks_at_the_stream_that_there_is() -> None:
    """And at a consumer of its kind."""
    _, scaled = yaml.safe_load_all(KUBERNETES.read_text())
    (trigger,) = scaled["spec"]["triggers"]
    assert trigger["type"] == "nats-jetstream"
    assert trigger["metadata"]["stream"] == subjects.THINK
    assert trigger["metadata"]["account"] == "$G"
    assert trigger["metadata"]["consumer"] == subjects.consumer("01234567")


def test_the_job_array_runs_workers_that_end_by_themselves(tmp_path: Path) -> None:
    """Before Slurm ends them; each with its own join file and cache."""
    program = tmp_path / "nobgd"
    program.write_text(f'#!{sys.executable}\nimport sys, os\nprint("\\n".join(sys.argv[1:]))\n')
    program.chmod(0o755)
    done = subprocess.run(
        [str(SLURM)], capture_output=True, text=True, check=False,
        env={"PATH": os.environ["PATH"], "HOME": "/home/anna", "SLURM_ARRAY_TASK_ID": "3",
             "NOBGD": str(program), "TMPDIR": str(tmp_path)},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    asked = _understood(done.stdout.splitlines())
    assert asked.join == Path("/home/anna/nobgd-join/slurm-3.join")
    assert join.is_name("slurm-3")
    assert asked.drain_at_end
    limit = re.search(r"--time=(\d+):(\d+):(\d+)", SLURM.read_text())
    assert limit is not None
    hours, minutes, seconds = map(int, limit.groups())
    assert asked.span < 3600 * hours + 60 * minutes + seconds
    assert (tmp_path / "nobgd-3").is_dir()
    tool = shutil.which("shellcheck") or str(Path(sys.executable).parent / "shellcheck")
    found = subprocess.run([tool, str(SLURM)], capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout) == (0, "")
