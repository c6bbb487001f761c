"""The charts of a summary as pictures of their own, with their style."""

from __future__ import annotations

from importlib.resources import files

from nobgd.report import charts
from nobgd.report.summary import Summary

_SVG = "http://www.w3.org/2000/svg"


def pictures(summary: Summary) -> dict[str, str]:
    """SVG files as text, by what they show; none without photos."""
    if not summary.photos:
        return {}
    found = {
        "throughput": charts.throughput(summary),
        "cost": charts.cost(summary),
        "waits": charts.waits(summary),
    }
    if summary.failures:
        found["failures"] = charts.failures(summary)
    style = files("nobgd.report").joinpath("page.css").read_text("utf-8")
    return {name: _alone(drawn, style) for name, drawn in found.items()}


def _alone(drawn: str, style: str) -> str:
    head, rest = drawn.split(">", 1)
    return f'{head} xmlns="{_SVG}"><style><![CDATA[{style}]]></style>{rest}'
