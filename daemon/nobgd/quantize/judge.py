"""Whether an int8 model is near enough to its fp32 original, and how much faster it is."""

from __future__ import annotations

import time
from dataclasses import dataclass
from statistics import fmean, median
from typing import Protocol

import numpy as np
import numpy.typing as npt

from nobgd.picture.pixels import Bytes
from nobgd.picture.segment import stretch

Floats = npt.NDArray[np.float32]

IOU_MEDIAN, IOU_WORST, DIFFERENCE = 0.98, 0.90, 0.01  # the bar
FEWEST = 4  # photos with a subject, below which nothing can be said
_SUBJECT = 0.9  # largest raw value from which a photo has a subject: without one, 0.00 to 0.15
_INSIDE = 127  # of 255: what is more belongs to the subject


class Net(Protocol):
    """A loaded model."""

    def __call__(self, each: Floats) -> Floats:
        """The raw mask, (S, S) float32, of an input, (1, 3, S, S) float32."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """How far int8 is from fp32 on photos with a subject that it was not calibrated on."""

    photos: int
    iou_median: float  # of the masks cut at one half
    iou_worst: float
    difference_mean: float  # of the masks, 0 to 1, mean over a photo's pixels
    difference_worst: float
    speed: float  # fp32 CPU time / int8 CPU time, medians, one thread, in turns

    @property
    def good(self) -> bool:
        """At or above the bar."""
        return not self.short

    @property
    def short(self) -> list[str]:
        """What is below the bar, each as words."""
        if self.photos < FEWEST:
            return [f"only {self.photos} photos held out have a subject, {FEWEST} are needed"]
        said = []
        if not self.iou_median >= IOU_MEDIAN:
            said.append(f"the median IoU is {self.iou_median:.3f}, below {IOU_MEDIAN}")
        if not self.iou_worst >= IOU_WORST:
            said.append(f"the worst IoU is {self.iou_worst:.3f}, below {IOU_WORST}")
        if not self.difference_mean <= DIFFERENCE:
            said.append(f"the mean difference is {self.difference_mean:.4f}, above {DIFFERENCE}")
        return said


def compare(fp32: Net, int8: Net, held_out: list[Floats]) -> Verdict:
    """Compare two models of one thread in turns, photo by photo, by CPU time."""
    overlaps, differences, slow, fast = [], [], [], []
    for each in held_out:
        began = time.thread_time()
        wanted, confidence = stretch(fp32(each))
        between = time.thread_time()
        got, _ = stretch(int8(each))
        slow.append(between - began)
        fast.append(time.thread_time() - between)
        if confidence >= _SUBJECT:
            overlaps.append(iou(wanted, got))
            differences.append(float(np.abs(wanted.astype(np.int16) - got).mean()) / 255)
    return Verdict(
        photos=len(overlaps),
        iou_median=median(overlaps or [0.0]),
        iou_worst=min(overlaps, default=0.0),
        difference_mean=fmean(differences or [1.0]),
        difference_worst=max(differences, default=1.0),
        speed=median(slow) / median(fast) if slow else 0.0,
    )


def iou(one: Bytes, other: Bytes) -> float:
    """Intersection over union of two (S, S) uint8 masks cut at one half; 1 when both are empty."""
    first, second = one > _INSIDE, other > _INSIDE
    union = int((first | second).sum())
    return int((first & second).sum()) / union if union else 1.0
