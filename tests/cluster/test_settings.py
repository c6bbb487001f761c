"""A worker's file, and the folders that it names."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nobgd import cli
from nobgd.cluster.join import JoinError
from nobgd.machines import settings


@pytest.fixture
def file(tmp_path: Path, ca: str) -> Path:
    values = {
        "name": "desk-3", "url": "tls://127.0.0.1:4222", "user": "desk-3", "secret": "s",
        "ca": ca, "protocol": 1,
    }  # fmt: skip
    (tmp_path / "x.join").write_text(json.dumps(values))
    return tmp_path / "worker.yaml"


@pytest.fixture(scope="session")
def ca(tmp_path_factory: pytest.TempPathFactory) -> str:
    from cluster.broker import Broker
    from nobgd.cluster import join

    return join.read(Broker(tmp_path_factory.mktemp("broker")).home).ca


def test_shares_are_folders_by_name(file: Path) -> None:
    """Relative ones from the file's folder."""
    file.write_text(json.dumps({"join": "x.join", "shares": {"in": "/mnt/in", "out": "o"}}))
    found, _ = settings.read(file)
    assert found.shares == {"in": Path("/mnt/in"), "out": file.parent / "o"}


def test_a_name_that_is_none_is_said(file: Path) -> None:
    file.write_text(json.dumps({"join": "x.join", "shares": {"In put": "/mnt/in"}}))
    with pytest.raises(JoinError, match="shares: 'In put': a share's name has a-z"):
        settings.read(file)


@pytest.mark.parametrize("word", ["in", "in=", "=/mnt", "In=/mnt"])
def test_a_share_that_is_none_is_one_line(
    file: Path, word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["worker", "--join", str(file), "--share", word])
    assert ended.value.code == 2
    assert "is not like in=/mnt/in" in capsys.readouterr().err


def test_the_unit_is_let_into_the_folders(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(json.dumps({"join": "x.join", "shares": {"in": "/mnt/in", "out": "/mnt/o"}}))
    assert cli.main(["unit", "--worker", str(file)]) == 0
    said = capsys.readouterr().out
    for folder in ("/mnt/in", "/mnt/o"):
        assert f"BindPaths={folder}\n" in said
        assert f"RequiresMountsFor={folder}\n" in said
