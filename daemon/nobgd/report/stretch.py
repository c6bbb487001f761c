"""Into how long stretches a time is divided: round lengths, by what is in them.  Pure."""

from __future__ import annotations

from collections.abc import Mapping

# seconds; each a multiple of the one before, so that stretches can be put together
_ROUND = (
    1, 5, 10, 30, 60, 300, 600, 1800, 3600, 10_800, 21_600, 43_200, 86_400, 604_800,
)  # fmt: skip
_MOST, _FEWEST = 60, 3  # bars that can be told apart, and that still show how it went
_LEAST = 5  # photos in the mean of those that have any; fewer are noise


def longer(length_s: int) -> int:
    """The next round length; beyond a week it doubles."""
    return next((each for each in _ROUND if each > length_s), 2 * length_s)


def shown(photos: Mapping[int, int], length_s: int) -> int:
    """The shortest length that makes at most 60 stretches, and puts some photos into each.

    ``photos`` are those of each stretch of ``length_s``, by its number.  Where they are so few
    that less than 3 stretches would be left, fewer are put up with.
    """
    while _many(photos) > _MOST or _sparse(photos):
        further = longer(length_s)
        fewer = _together(photos, further // length_s)
        if _many(photos) <= _MOST and _many(fewer) < _FEWEST:
            break
        photos, length_s = fewer, further
    return length_s


def _many(photos: Mapping[int, int]) -> int:
    return max(photos) - min(photos) + 1 if photos else 0


def _sparse(photos: Mapping[int, int]) -> bool:
    held = [count for count in photos.values() if count]
    return sum(held) < _LEAST * len(held)


def _together(photos: Mapping[int, int], times: int) -> dict[int, int]:
    found: dict[int, int] = {}
    for number, count in photos.items():
        found[number // times] = found.get(number // times, 0) + count
    return found
