"""The benchmarks in their short form: they run from end to end and say their verdicts."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from benchmarks import pictures
from PIL import Image

ROOT = Path(__file__).parent.parent
EDGES = ROOT / "docs" / "edges"


def _run(tmp_path: Path, *parts: str) -> tuple[dict[str, Any], str, str]:
    """Results, page and output of the short form of ``parts``."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--short", "--into", str(tmp_path), *parts],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    results = json.loads((tmp_path / "results.json").read_text())
    return results, (tmp_path / "RESULTS.md").read_text(), done.stdout


@pytest.mark.timeout(800)
def test_the_short_form_runs_and_writes_its_page(tmp_path: Path) -> None:
    """A part of each kind leaves a section and figures; `make faults` has the others, too."""
    parts = ("table", "backlog", "encoders", "doubt", "adaptive")
    results, page, said = _run(tmp_path, *parts)
    for title in ("One photo at a time", "A backlog", "Encoders", "adaptive", "Doubt"):
        assert f"## {title}" in page
    for row in results["table"]:
        assert row["contenders"]["rembg"]["median_s"] > 0
        assert row["contenders"]["fp32"]["stages"]["infer_ms"] > 0
    flagged = {row["name"]: row["doubt"] > 0.5 for row in results["doubt"]["photos"]}
    assert flagged["skimage-gravel"]
    assert not flagged["bundled-coffee"]
    assert "growth of cost" in said


@pytest.mark.timeout(800)
def test_the_other_parts_run_as_well(tmp_path: Path) -> None:
    """Those that take longest, or measure by what another part measures by."""
    alone = ("fine", "render", "web", "memory", "share", "start", "latency", "lanes")
    parts = (*alone, "as-they-come", "slow-cores", "waiting")
    results, page, _ = _run(tmp_path, *parts)
    for title in ("Outputs", "The page", "Memory", "A slow share", "Start", "Photos as they come"):
        assert f"## {title}" in page
    fine = results["fine"]
    assert fine["pace"].keys() >= {"fp32, plain", "fp32, fine"}
    assert fine["own"]["fine"]["edges"] > fine["own"]["plain"]["edges"] == 0
    assert [row["fine"] < row["plain"] for row in fine["whole"]] == [True]
    first, *others = results["render"]["grounds"]
    assert first["inferences"] == first["photos"] == 2
    assert [each["inferences"] for each in others] == [0, 0, 0]
    assert results["web"]["first_load"]["requests"] <= 6
    rest, seen = results["web"]["rest"], results["web"]["browser"]
    assert not rest or (rest["at_rest_mb"], rest["network_sockets"] or 0) == (0, 0)
    assert not seen or seen["arrived"] == seen["dropped"] > 0


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


def test_the_pictures_of_edges_are_of_fine_as_it_is() -> None:
    """Each of docs/edges is there, and one made now is the same; another JPEG library may round."""
    assert {file.stem for file in EDGES.glob("*.jpg")} == {part.kind for part in pictures.PARTS}
    veil = next(part for part in pictures.PARTS if part.kind == "veil")  # what shows a change most
    made, kept = (
        np.asarray(Image.open(file), np.int16)
        for file in (io.BytesIO(pictures.jpeg(veil)), EDGES / "veil.jpg")
    )
    off = float(np.abs(made - kept).mean())
    assert off < 0.3, "python -m benchmarks.pictures, and look at each"
