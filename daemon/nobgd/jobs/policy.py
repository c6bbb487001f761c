"""How long the work goes on: as a daemon, or for one pass over what is there."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Policy:
    """What `nobgd run` and `nobgd once` do not have in common."""

    ends: bool  # when nothing is left that waiting may still get done
    serves: bool  # answers questions, shows metrics, writes `_nobgd.txt`
    rescans: bool  # looks at a whole inbox again where a photo has changed under our hands
    retry_s: float | None  # until a photo is tried again; None: it backs off


RUN = Policy(ends=False, serves=True, rescans=False, retry_s=None)
# it sits out no back-off, and ends only when a scan since has found nothing to settle
ONCE = Policy(ends=True, serves=False, rescans=True, retry_s=0.2)
