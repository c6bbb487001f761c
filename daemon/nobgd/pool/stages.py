"""What a lane's stages mean to who waits for it: which may follow, what may be asked in one.

Pure: a request, and the stage that its lane has said last.
"""

from __future__ import annotations

from typing import TypeGuard

from nobgd.lane.touched import touched
from nobgd.values import Job
from nobgd.values.errands import Check, Errand
from nobgd.values.photos import ADAPTIVE

Request = Job | Errand | Check
BEFORE = ("start", "open", "load")  # nothing of the request has been done
_ORDER = (*BEFORE, "read")  # these come once and before all others
_WAITING = (*BEFORE, "memory", "infer")  # for its process, for room, for a mask


def computes(request: Request | None, stage: str) -> bool:
    """Whether the lane takes a core itself: it waits for no folder, mask or memory."""
    return request is not None and stage not in _WAITING and not touched(request, stage)


def may_ask(request: Request, stage: str, which: str) -> TypeGuard[Job]:
    """Whether a mask can be asked for now: the first, or a closer one where there is one."""
    if not isinstance(request, Job) or stage != "infer":
        return False
    return which == "first" or request.recipe.precision == ADAPTIVE


def follows(stage: str, before: str) -> bool:
    """Whether a stage may follow this one: what has been begun is not begun again."""
    if stage not in _ORDER:
        return True
    return before in _ORDER and _ORDER.index(before) < _ORDER.index(stage)
