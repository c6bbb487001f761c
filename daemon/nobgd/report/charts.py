"""Charts of a summary as SVG text: colours by CSS class, values as titles that show on hover."""

from __future__ import annotations

import math
from datetime import datetime
from html import escape

from nobgd.report.summary import STAGES, Summary

_WIDTH, _HEIGHT = 500, 230
_WHOLE = 1046  # as wide as the page
_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 10, 22, 30


class Frame:
    """A plot area with its axes; ``x`` and ``y`` place values in it."""

    def __init__(
        self, xs: tuple[float, float], ys: tuple[float, float], *, log: bool = False,
        width: int = _WIDTH,
    ) -> None:  # fmt: skip
        self._log = log
        self._width = width
        self._xs, self._ys = (tuple(map(self._scaled, pair)) for pair in (xs, ys))
        self.parts: list[str] = []

    def _scaled(self, value: float) -> float:
        return math.log10(value) if self._log else value

    def x(self, value: float) -> float:
        """Pixels from the left."""
        low, high = self._xs
        wide = self._width - _LEFT - _RIGHT
        return _LEFT + (self._scaled(value) - low) / (high - low) * wide

    def y(self, value: float) -> float:
        """Pixels from the top."""
        low, high = self._ys
        return (
            _HEIGHT
            - _BOTTOM
            - (self._scaled(value) - low) / (high - low) * (_HEIGHT - _TOP - _BOTTOM)
        )

    def rows(self, values: list[float], unit: str) -> None:
        """Grid lines with their labels on the left, the unit above them."""
        self.parts.append(f'<text x="0" y="11">{escape(unit)}</text>')
        for value in values:
            at = self.y(value)
            place = f'x="{_LEFT - 6}" y="{at + 4:.1f}" text-anchor="end"'
            self.parts.append(
                f'<line class="grid" x1="{_LEFT}" x2="{self._width - _RIGHT}"'
                f' y1="{at:.1f}" y2="{at:.1f}"/><text {place}>{_short(value)}</text>'
            )

    def columns(self, labels: list[tuple[float, str]]) -> None:
        """Labels below."""
        for value, label in labels:
            at = self.x(value)
            side = "start" if at < 90 else "end" if at > self._width - 60 else "middle"
            self.parts.append(
                f'<text x="{at:.1f}" y="{_HEIGHT - 10}" text-anchor="{side}">{escape(label)}</text>'
            )

    def svg(self, title: str) -> str:
        """The whole picture."""
        return (
            f'<svg viewBox="0 0 {self._width} {_HEIGHT}" role="img" aria-label="{escape(title)}">'
            f"{''.join(self.parts)}</svg>"
        )


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:.2g}"


def nice(most: float) -> list[float]:
    """Three to six round numbers from 0 to at least ``most``."""
    step = 10 ** math.floor(math.log10(max(most, 1e-9)))
    step = next(step * by for by in (0.2, 0.5, 1, 2, 5) if most / (step * by) <= 5)
    return [step * number for number in range(math.ceil(most / step) + 1)]


def _dates(summary: Summary) -> list[tuple[float, str]]:
    """Where stretches begin, about five of them, in local time."""
    first, length, many = summary.moments[0].start, summary.moments[0].span_s, len(summary.moments)
    form = "%d %b" if length * many > 2 * 86400 else "%H:%M:%S" if length < 60 else "%H:%M"
    points = [first + length * number for number in range(0, many + 1, max(1, round(many / 4)))]
    labels: dict[str, float] = {}
    for at in points:
        labels.setdefault(datetime.fromtimestamp(at).astimezone().strftime(form), at)
    return [(at, label) for label, at in labels.items()]


def _in_time(
    summary: Summary, values: list[float], unit: str, kind: str, title: str, *,
    width: int = _WIDTH, whole: bool = False,
) -> str:  # fmt: skip
    """Bars; ``whole``: of what is counted, so no fractions on the axis."""
    first, last = summary.moments[0].start, summary.moments[-1].start + summary.moments[-1].span_s
    ticks = nice(max([*values, 1e-9]))
    frame = Frame((first, last), (0, ticks[-1]), width=width)
    frame.rows([tick for tick in ticks if not whole or tick == int(tick)], unit)
    for moment, value in zip(summary.moments, values, strict=True):
        if not value:
            continue
        left, right = frame.x(moment.start), frame.x(moment.start + moment.span_s)
        top, bottom = frame.y(value), frame.y(0)
        said = datetime.fromtimestamp(moment.start).astimezone().strftime("%Y-%m-%d %H:%M:%S")
        frame.parts.append(
            f'<rect class="{kind}" x="{left:.1f}" width="{max(right - left - 0.6, 0.8):.1f}"'
            f' y="{top:.1f}" height="{max(bottom - top, 0.8):.1f}"><title>{said}: '
            f"{value:,.1f} {unit}, {moment.photos:,} photos</title></rect>"
        )
    frame.columns(_dates(summary))
    return frame.svg(title)


def throughput(summary: Summary) -> str:
    """Megapixels per minute of the clock, over time."""
    values = [each.megapixels * 60 / each.span_s for each in summary.moments]
    return _in_time(summary, values, "MP/min", "bar", "Throughput over time")


def waits(summary: Summary) -> str:
    """Mean wait for a lane, seconds, over time."""
    values = [each.queued_ms / 1000 for each in summary.moments]
    return _in_time(summary, values, "s", "bar2", "Wait for a lane over time")


def failures(summary: Summary, *, wide: bool = False) -> str:
    """Failed attempts and quarantined photos, over time; ``wide``: as the page."""
    values = [float(each.failures) for each in summary.moments]
    return _in_time(
        summary, values, "failures", "bad", "Failures over time",
        width=_WHOLE if wide else _WIDTH, whole=True,
    )  # fmt: skip


def cost(summary: Summary) -> str:
    """Milliseconds per megapixel against megapixels, both by logarithm, and the fitted line."""
    xs = [cell.megapixels for cell in summary.cells]
    ys = [cell.ms_per_megapixel for cell in summary.cells]
    left, right = min(xs) / 1.3, max(xs) * 1.3
    low, high = min(ys) / 1.4, max(ys) * 1.4
    frame = Frame((left, right), (low, high), log=True)
    frame.rows(_decades(low, high), "ms/MP")
    most = max(cell.photos for cell in summary.cells)
    for cell in sorted(summary.cells, key=lambda cell: -cell.photos):
        radius = 2.5 + 8 * math.sqrt(cell.photos / most)
        frame.parts.append(
            f'<circle class="dot" cx="{frame.x(cell.megapixels):.1f}"'
            f' cy="{frame.y(cell.ms_per_megapixel):.1f}" r="{radius:.1f}"><title>about'
            f" {cell.megapixels:.2g} MP, {cell.ms_per_megapixel:,.0f} ms/MP:"
            f" {cell.photos:,} photos</title></circle>"
        )
    points = []
    for step in range(61):
        x = left * (right / left) ** (step / 60)
        y = summary.fixed_ms / x + summary.ms_per_mp
        if low <= y <= high:
            points.append(f"{frame.x(x):.1f},{frame.y(y):.1f}")
    frame.parts.append(
        f'<polyline class="fit" points="{" ".join(points)}"><title>{summary.fixed_ms:,.0f} ms +'
        f" {summary.ms_per_mp:,.1f} ms per megapixel</title></polyline>"
    )
    frame.columns([(value, f"{_short(value)} MP") for value in _decades(left, right)])
    return frame.svg("Milliseconds per megapixel against megapixels")


def _decades(low: float, high: float) -> list[float]:
    """Round numbers between two limits: 1, 2, 5 of each decade, or fewer of many."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for steps in ((1, 2, 5), (1, 3), (1,)):
        found = [by * 10.0**power for power in powers for by in steps]
        found = [value for value in found if low <= value <= high]
        if len(found) <= 7:
            break
    return found or [low]


def stages(summary: Summary) -> str:
    """Mean milliseconds of each stage, stacked, by resolution."""
    rows = summary.buckets
    most = max(sum(row.stages_ms.values()) for row in rows)
    ticks = nice(most)
    height = 30 * len(rows) + 30
    left, right = 92, 20
    scale = (_WIDTH - left - right) / ticks[-1]
    parts = []
    for tick in ticks:
        at = left + tick * scale
        label = f"{_short(tick)} ms" if tick == ticks[-1] else _short(tick)
        side = "end" if tick == ticks[-1] else "middle"
        parts.append(
            f'<line class="grid" x1="{at:.1f}" x2="{at:.1f}" y1="0" y2="{height - 24}"/>'
            f'<text x="{at:.1f}" y="{height - 8}" text-anchor="{side}">{label}</text>'
        )
    for number, row in enumerate(rows):
        at = float(left)
        top = 30 * number + 4
        parts.append(
            f'<text x="{left - 8}" y="{top + 15}" text-anchor="end">{escape(row.name)}</text>'
        )
        for index, name in enumerate(STAGES):
            width = row.stages_ms[name] * scale
            parts.append(
                f'<rect class="s{index}" x="{at:.1f}" width="{width:.2f}" y="{top}" height="22">'
                f"<title>{escape(row.name)}, {name}: {row.stages_ms[name]:,.1f} ms</title></rect>"
            )
            at += width
    drawn = "".join(parts)
    return f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="Stages">{drawn}</svg>'
