"""RESULTS.md from the results: the machine, the verdicts, then every part."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.part import Part, Verdict


def verdicts(parts: Mapping[str, Part], results: dict[str, Any]) -> list[Verdict]:
    """Every bar that was measured."""
    return [
        verdict
        for name, part in parts.items()
        if results.get(name)
        for verdict in part.verdicts(results[name])
    ]


def table(found: list[Verdict]) -> list[str]:
    """The bars, one a line."""
    lines = ["| bar | asked | measured | |", "|---|---|---|---|"]
    for each in found:
        met = "met" if each.met else "**missed**"
        lines.append(f"| {each.what} | {each.bar} | {each.figure} | {met} |")
    return lines


def render(
    parts: Mapping[str, Part], results: dict[str, Any], plots: Mapping[str, str], reasons: str
) -> str:
    """The whole page; ``plots`` are file names by part, ``reasons`` stands below the bars."""
    lines = [
        "# Results", "",
        "Written by `make bench`. Ratios are those of medians in one run on one machine, what is"
        " compared taking turns; absolute times move with the machine.", "",
    ]  # fmt: skip
    lines += [f"- {key}: {value}" for key, value in results["machine"].items()]
    lines += _earlier(parts, results)
    lines += ["", "## Bars", "", *table(verdicts(parts, results)), ""]
    if reasons:
        lines += [reasons.strip(), ""]
    for name, part in parts.items():
        if not results.get(name):
            continue
        lines += part.section(results[name])
        if name in plots:
            lines += ["", f"![{name}]({plots[name]})"]
        lines.append("")
    return "\n".join(lines)


def _earlier(parts: Mapping[str, Part], results: dict[str, Any]) -> list[str]:
    """What was measured on another day than the rest, by the code of that day."""
    days = {name: results.get("days", {}).get(name) for name in parts if results.get(name)}
    today = results["machine"].get("date")
    said = ", ".join(f"{name} ({day})" for name, day in days.items() if day not in (today, None))
    return [f"- measured before that day: {said}"] if said else []
