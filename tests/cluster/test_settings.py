"""A worker's file, and the folders that it names."""

from __future__ import annotations

import json
import re
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


def test_every_path_is_one_from_the_files_folder(file: Path) -> None:
    """Wherever the worker is started."""
    file.write_text("join: x.join\ncache_dir: cache\nmodels: weights\n")
    found, _ = settings.read(file)
    assert found.join == file.parent / "x.join"
    assert (found.cache_dir, found.models) == (file.parent / "cache", file.parent / "weights")
    file.write_text("join: x.join\n")
    assert settings.read(file)[0].cache_dir.is_absolute()


@pytest.mark.parametrize(("text", "said"), [
    ("join: x.join\n lanes: 2\n", "worker.yaml:2:7: is no YAML: mapping values are not allowed"),
    ("priority: 1\n", "worker.yaml: names no join file; add `join: FILE`"),
    ("join: x.join\npriorty: 1\n", "unknown key priorty; did you mean priority?"),
    ("join: x.join\nphotos: 1\n", "worker.yaml: unknown key photos; see"),
    ("join: x.join\npriority: 12\n", "priority: must be less than or equal to 9; see"),
    ('{"name": "desk-3", "secr', "is no join file; copy it once more"),
    ('{"name": "desk-3", "protocol": 7}', "it is for protocol 7"),
    ("a word\n", "is no join file; copy it once more"),
    ("\x07", "is no YAML"),
])  # fmt: skip
def test_what_is_wrong_with_the_file_is_said(file: Path, text: str, said: str) -> None:
    """Of a file that somebody wrote by hand, and of a join file, each in its words."""
    file.write_text(text)
    with pytest.raises(JoinError, match=re.escape(said)):
        settings.read(file)


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
