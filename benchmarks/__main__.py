"""`make bench`: measure the parts, write results.json, RESULTS.md and its plots."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import (
    adaptive,
    as_they_come,
    backlog,
    broker,
    doubt,
    edges,
    encoders,
    fine,
    folder,
    formats,
    lanes,
    latency,
    machine,
    machines,
    memory,
    million,
    page,
    plots,
    render,
    rows,
    seats,
    share,
    slow_cores,
    start,
    subject,
    table,
    waiting,
    web,
)
from benchmarks.part import Bench

if TYPE_CHECKING:
    from benchmarks.part import Part

HERE = Path(__file__).parent
PARTS: dict[str, Part] = {
    "table": table, "subject": subject, "folder": folder, "lanes": lanes, "backlog": backlog,
    "rows": rows, "latency": latency, "start": start, "encoders": encoders, "report": million,
    "edges": edges, "fine": fine, "doubt": doubt, "formats": formats, "render": render,
    "machines": machines, "waiting": waiting, "broker": broker, "seats": seats,
    "web": web, "adaptive": adaptive, "memory": memory, "share": share,
    "as-they-come": as_they_come, "slow-cores": slow_cores,
}  # fmt: skip


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)} (default: all)"
    )
    parser.add_argument("--photos", type=Path, metavar="FOLDER", help="photos of your own")
    parser.add_argument("--runs", type=int, default=10, help="per resolution (default: 10)")
    parser.add_argument("--rounds", type=int, default=3, help="of a folder (default: 3)")
    parser.add_argument(
        "--short", action="store_true", help="only whether it works: a few small photos"
    )
    parser.add_argument(
        "--into", type=Path, default=HERE, metavar="FOLDER",
        help="where results.json and RESULTS.md go (default: benchmarks/)",
    )  # fmt: skip
    args = parser.parse_args()
    if unknown := set(args.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    if args.photos is not None and not args.photos.is_dir():
        parser.error(f"{args.photos} is not a folder; --photos wants a folder of photos")
    return args


def weights(*, short: bool) -> tuple[Path, tuple[str, ...]]:
    """The folder of u2net, and what of ours can be measured; int8 is built if it can be."""
    from nobgd import models

    directory = Path(models.find("u2net", "fp32", None).path).parent
    if short:
        return directory, ("fp32",)
    there = {
        name: (name,) if importlib.util.find_spec(name) else () for name in ("ncnn", "openvino")
    }
    try:
        models.find("u2net", "int8", None)
    except models.ModelError:
        if importlib.util.find_spec("nobgd.quantize") is None:
            return directory, ("fp32", *there["ncnn"])
        quantize = importlib.import_module("nobgd.quantize")
        if quantize.quantize("u2net", None, directory, print):
            print("int8 is left out: its model could not be built", file=sys.stderr)
            return directory, ("fp32", *there["ncnn"])
    return directory, ("fp32", *there["ncnn"], "int8", *there["openvino"], "adaptive")


def main() -> int:
    """Measure, write, say the verdicts.  A bar that is missed is said, it is no failure."""
    args = arguments()
    args.into.mkdir(parents=True, exist_ok=True)
    file = args.into / "results.json"
    results: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    results["machine"] = machine.describe()
    directory, ours = weights(short=args.short)
    with tempfile.TemporaryDirectory(prefix="nobgd-bench-") as name:
        bench = Bench(
            Path(name), directory, ours, args.photos,
            runs=1 if args.short else args.runs, rounds=1 if args.short else args.rounds,
            short=args.short,
        )  # fmt: skip
        for part in args.parts or PARTS:
            bench.say(f"--- {part}")
            results[part] = PARTS[part].measure(bench)
            results.setdefault("days", {})[part] = results["machine"]["date"]
            file.write_text(json.dumps(results, indent=1) + "\n")
    reasons = HERE / "reasons.md"
    text = page.render(
        PARTS, results, plots.draw(results, args.into / "plots"),
        reasons.read_text() if reasons.exists() else "",
    )  # fmt: skip
    (args.into / "RESULTS.md").write_text(text)
    found = page.verdicts(PARTS, results)
    print("\n".join(["", *page.table(found), "", f"{args.into / 'RESULTS.md'} is written."]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
