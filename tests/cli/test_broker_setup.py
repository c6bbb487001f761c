"""What `nobgd cluster init` says is next."""

from __future__ import annotations

import argparse
from pathlib import Path

from nobgd import config
from nobgd.broker import acts
from nobgd.broker.folder import Folder
from nobgd.cli import broker_setup

PLAIN = "state_dir: state\ninboxes:\n  - {path: in, outbox: out}\n"


def test_the_readme_shows_what_init_says_next(tmp_path: Path) -> None:
    """For the service: the same commands in the same order."""
    done = acts.SetUp(Folder(tmp_path, gid=7), ("10.0.0.7",), True, True, True, False)
    file = tmp_path / "nobgd.yaml"
    file.write_text(PLAIN + "cluster: {listen: 'tls://0.0.0.0:4222'}\n")
    lines = broker_setup._next(
        done, argparse.Namespace(config=None), config.load(tmp_path / "nobgd.yaml")
    )
    readme = Path(__file__).parents[2].joinpath("README.md").read_text()
    block = readme.split("\n## Several machines\n")[1].split("```sh\n")[1].split("```")[0]
    shown = [line.partition("  #")[0].strip() for line in block.splitlines()]
    assert shown[0] == "sudo nobgd cluster init"
    said = [line.partition("  #")[0].strip().replace("NAME", "desk-3") for line in lines]
    assert shown[1:] == said
