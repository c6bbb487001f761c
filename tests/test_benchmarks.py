"""The benchmarks in their short form: they run from end to end and say their verdicts."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.timeout(800)
def test_the_short_form_runs_and_writes_its_page(tmp_path: Path) -> None:
    """A part of each kind leaves a section and figures; `make bench` has them all.

    Those that measure by what another part measures by are left out, for the sake of time.
    """
    parts = (
        "table",
        "backlog",
        "start",
        "encoders",
        "fine",
        "doubt",
        "render",
        "web",
        "adaptive",
        "memory",
    )
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--short", "--into", str(tmp_path), *parts],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    results = json.loads((tmp_path / "results.json").read_text())
    page = (tmp_path / "RESULTS.md").read_text()
    titles = "One photo at a time, A backlog, Start, Encoders, The page"
    for title in (*titles.split(", "), "adaptive", "Memory", "Doubt", "Outputs", "Fine edges"):
        assert f"## {title}" in page
    for row in results["table"]:
        assert row["contenders"]["rembg"]["median_s"] > 0
        assert row["contenders"]["fp32"]["stages"]["infer_ms"] > 0
    fine = results["fine"]
    assert fine["pace"].keys() >= {"fp32, plain", "fp32, fine"}
    assert fine["own"]["fine"]["edges"] > fine["own"]["plain"]["edges"] == 0
    assert [row["fine"] < row["plain"] for row in fine["whole"]] == [True]
    flagged = {row["name"]: row["doubt"] > 0.5 for row in results["doubt"]["photos"]}
    assert flagged["skimage-gravel"]
    assert not flagged["bundled-coffee"]
    first, *others = results["render"]["grounds"]
    assert first["inferences"] == first["photos"] == 2
    assert [each["inferences"] for each in others] == [0, 0, 0]
    assert results["web"]["first_load"]["requests"] <= 6
    rest, seen = results["web"]["rest"], results["web"]["browser"]
    assert not rest or (rest["at_rest_mb"], rest["network_sockets"] or 0) == (0, 0)
    assert not seen or seen["arrived"] == seen["dropped"] > 0
    assert "READY after start" in done.stdout


def test_the_page_in_the_repository_is_the_output_of_its_results() -> None:
    """RESULTS.md is what results.json says, and nothing was written in by hand."""
    here = ROOT / "benchmarks"
    code = (
        "import json; from pathlib import Path; from benchmarks import __main__ as m, page;"
        "here = Path('benchmarks'); results = json.loads((here / 'results.json').read_text());"
        "plots = {p.stem: f'plots/{p.name}' for p in (here / 'plots').glob('*.svg')};"
        "reasons = (here / 'reasons.md').read_text() if (here / 'reasons.md').exists() else '';"
        "print(page.render(m.PARTS, results, plots, reasons), end='')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == (here / "RESULTS.md").read_text()
