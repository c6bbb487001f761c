"""A small mask and a small picture to planes from which `edges` finishes alpha at full size.

A pixel at the edge is a mix of the subject's colour and the background's.  Where the two differ
near it by more than each varies, the pixel's place on the line between them tells the share; where
they do not, the mask is kept.  What that gives is said as a linear function of the photo's own
colours (He, Sun, Tang: Guided Image Filtering, 2013), so that it can be had at any size.

The weighing is Kalman's: the mask is a guess with variance t2, the colour a measurement with the
variance that subject and background have along their line.  Veils, where the way from subject to
background is long, keep their mask: there the colours near are not those that are mixed.

A mask is coarse about where a thing ends and right about how much of it there is.  So what is
found may move its level to and fro within a few pixels, as hair and holes do, and not all one way
over a patch: there the model half believes in a thing behind the subject, and colours do not know
better.  Inside of the subject nothing is moved (`inside`).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from nobgd.picture.blur import Blur, Floats, double, halve
from nobgd.picture.inside import surely
from nobgd.picture.levels import Bytes

Flags = npt.NDArray[np.bool_]

# sigmas are shares of the photo's long side
_NEAR, _FAR = 0.017, 0.06  # whose colours count; and, by a thousandth, where none are near
_GUIDE = 0.011  # of the linear function
_GROUNDS = 0.03  # of the colours that are taken for pure
_FAR_WEIGHT = 1e-3
_SUBJECT, _BACKGROUND = 0.95, 0.05  # of the mask: surely the one or the other
_TRUST = 0.25  # variance of the mask where it is 0.5
_LEAST = 0.02  # of it that is left where the mask is sure
_NOISE = 0.04**2  # variance of colours, 0 … 1, that is always there
_RIDGE = 3e-5  # of the linear function: how little colour must differ to count for nothing
_SNAP = 0.03  # alpha nearer to 0 or 1 than this is 0 or 1: so that opaque becomes opaque
_SNAP_SHARP = 0.08  # the same where the edge is sharp: what is between is mostly the mask's blur
_SHARP, _BLURRED = 1.1, 1.6  # how wide an edge is, in pixels of the mask, see `_snap`
_WAY_SHORT, _WAY_LONG = 12, 20  # pixels of the mask from subject to background: an edge, a veil
_SETTLED, _CARRIED = 0.1, 0.2  # of the mean near, that it moves: an edge, a thing of its own
_LARGEST = 512  # side of the planes: larger masks are taken at a half, a quarter …
_SOFT = (0.02, 0.98)
PLANES = 11  # that `planes` returns: slope (3), offset, reach, subject (3), background (3)


def planes(
    small: Bytes, mask: Bytes, height: int, width: int, known: Bytes | None = None
) -> Floats:
    """What alpha and the subject's colours are made of, (11, h, w) float32.

    ``small`` is the photo brought to the mask's size, (h, w, 3) uint8, ``mask`` (h, w) uint8,
    and ``height`` and ``width`` are the photo's.  With R, G, B from 0 to 255, alpha is
    ``p[0]·R + p[1]·G + p[2]·B + p[3]``, from 0 to 1 once clipped; it counts by ``p[4]``, which
    is 0 where the mask does not change or is surely inside.  ``p[5:8]`` and ``p[8:11]`` are the
    colours of subject and background near, 0 to 255.  ``known``, (h, w) uint8, is alpha at that
    size where somebody else has found it.
    """
    stack = np.empty((4, *mask.shape), np.float32)
    stack[:3], stack[3] = small.transpose(2, 0, 1), mask
    stack *= np.float32(1 / 255)
    while max(stack.shape[1:]) > _LARGEST and _even(stack):
        stack = halve(stack)
    colours, guess = stack[:3], stack[3]
    blurs = _Blurs(guess.shape, height, width, halved=_even(stack))
    if known is None:
        line = _colour_line(colours, guess, blurs)
    else:
        line = known.astype(np.float32) * np.float32(1 / 255)
    snap = np.float32(_SNAP) if known is not None else _snap(line, blurs)
    steeper = 1 / (1 - 2 * snap)
    made = np.empty((PLANES, *guess.shape), np.float32)
    made[:4] = _linear(colours, line, blurs.guide)
    made[:4] *= steeper
    made[3] -= snap * steeper
    made[:3] *= np.float32(1 / 255)
    moved = np.abs(line - guess) > _SOFT[0] if known is not None else False
    made[4] = reach(np.where(moved, np.float32(0.5), guess))
    if known is None:
        made[4] *= 1 - surely(np.minimum(line, guess))
    snapped = ((line - snap) * steeper).clip(0, 1)
    made[5:8] = _ground(colours, snapped, blurs)
    made[8:] = _ground(colours, 1 - snapped, blurs)
    return made


def _even(stack: Floats) -> bool:
    return all(side % 2 == 0 for side in stack.shape[1:])


def reach(guess: Floats) -> Floats:
    """1 where the mask, 0 to 1, changes, 0 from two of its pixels away, and smooth between.

    Without the slope, seams show where opaque meets refined.
    """
    soft = np.pad((guess > _SOFT[0]) & (guess < _SOFT[1]), 1)
    grown = soft[:-2] | soft[1:-1] | soft[2:]
    grown = grown[:, :-2] | grown[:, 1:-1] | grown[:, 2:]
    wide = np.pad(grown.astype(np.float32), 1, mode="edge")
    down = wide[:-2] + wide[1:-1] + wide[2:]
    near: Floats = (down[:, :-2] + down[:, 1:-1] + down[:, 2:]) * np.float32(1 / 9)
    return near


class _Blurs:
    """The blurs of one size of mask and photo; ``near`` and wider work on halved planes."""

    def __init__(self, shape: tuple[int, ...], height: int, width: int, *, halved: bool) -> None:
        long = max(height, width)
        down, across = shape[0] * long / height, shape[1] * long / width
        self.factor = 2 if halved else 1
        self.shape = shape

        def blur(share: float, factor: int) -> Blur:
            return Blur(
                shape[0] // factor, shape[1] // factor,
                share * down / factor, share * across / factor,
            )  # fmt: skip

        self.guide = blur(_GUIDE, 1)
        self._near = blur(_NEAR, self.factor)
        self._far = blur(_FAR, self.factor)
        self._grounds = blur(_GROUNDS, self.factor)

    def smaller(self, stack: Floats) -> Floats:
        return halve(stack) if self.factor == 2 else stack

    def larger(self, stack: Floats) -> Floats:
        return double(stack) if self.factor == 2 else stack

    def near(self, stack: Floats) -> Floats:
        return self._near(stack) + np.float32(_FAR_WEIGHT) * self._far(stack)

    def nearest(self, stack: Floats) -> Floats:
        return self._near(stack)

    def grounds(self, stack: Floats) -> Floats:
        return self._grounds(stack) + np.float32(_FAR_WEIGHT) * self._far(stack)


def _products(stack: Floats) -> Floats:
    """RR, GG, BB, RG, RB, GB of a stack of three."""
    red, green, blue = stack
    return np.stack([red * red, green * green, blue * blue, red * green, red * blue, green * blue])


def _quadratic(form: Floats, along: Floats) -> Floats:
    """The value of a quadratic form, in the order of `_products`, for vectors (3, h, w)."""
    terms = form * _products(along)
    value: Floats = terms[:3].sum(axis=0) + 2 * terms[3:].sum(axis=0)
    return value


def _colour_line(colours: Floats, guess: Floats, blurs: _Blurs) -> Floats:
    """The mask, 0 to 1, corrected by where each colour lies between subject and background."""
    moments = np.concatenate([np.ones_like(colours[:1]), colours, _products(colours)])
    sides = []
    for sure in (guess > _SUBJECT, guess < _BACKGROUND):
        sums = blurs.near(blurs.smaller(moments * sure))
        means = sums[1:] / np.maximum(sums[0], 1e-9)
        sides.append((means[:3], means[3:] - _products(means[:3]), sums[0] > 1e-6))
    (subject, varies, known), (background, varies_too, known_too) = sides
    way = (subject - background) * (known & known_too)
    square = (way * way).sum(axis=0)
    spread = np.maximum(
        [_quadratic(varies, way), _quadratic(varies_too, way)], np.float32(0)
    ) / np.maximum(square, np.float32(1e-6))
    stack = blurs.larger(np.concatenate([way, background, square[None], spread]))
    way, background, square, (spread, spread_too) = stack[:3], stack[3:6], stack[6], stack[7:]
    other = 1 - guess
    variance = np.float32(_TRUST) * (4 * guess * other + np.float32(_LEAST))
    doubt = variance * square * _edge(guess, blurs)
    noise = guess * guess * spread + other * other * spread_too + np.float32(_NOISE)
    share = (way * (colours - background)).sum(axis=0) / np.maximum(square, np.float32(1e-4))
    moved = (guess + doubt / (doubt + noise) * (share - guess)).clip(0, 1) - guess
    line: Floats = guess + _held(moved, blurs)
    return line


def _held(moved: Floats, blurs: _Blurs) -> Floats:
    """What a mask is moved by, less where that is all one way, on the mean of what is near."""
    mean = np.abs(blurs.larger(blurs.nearest(blurs.smaller(moved[None]))))[0]
    kept: Floats = (_CARRIED - mean) * np.float32(1 / (_CARRIED - _SETTLED))
    held: Floats = moved * kept.clip(0, 1)
    return held


def _snap(line: Floats, blurs: _Blurs) -> Floats:
    """How near to 0 or 1 alpha, 0 to 1, is taken for that: more where the edge is sharp near.

    An edge is two thirds as wide as what is soft of it is long, 4a(1 - a), for its slope.
    """
    both = np.zeros((2, *line.shape), np.float32)
    both[0] = 4 * line * (1 - line)
    down, across = line[2:] - line[:-2], line[:, 2:] - line[:, :-2]
    both[1, 1:-1] = down * down
    both[1, :, 1:-1] += across * across
    both[1] = np.sqrt(both[1]) * np.float32(0.5)
    soft, slope = blurs.larger(blurs.nearest(blurs.smaller(both))) + np.float32(1e-6)
    sharp = ((_BLURRED - soft / slope) * np.float32(1 / (_BLURRED - _SHARP))).clip(0, 1)
    snap: Floats = np.float32(_SNAP) + np.float32(_SNAP_SHARP - _SNAP) * sharp
    return snap


def _linear(colours: Floats, line: Floats, blur: Blur) -> Floats:
    """Slope (3) and offset of ``line`` as a linear function of the colours near, smoothed."""
    means = blur(np.concatenate([colours, line[None], colours * line, _products(colours)]))
    centre, level = means[:3], means[3]
    covariance = means[4:7] - centre * level
    rr, gg, bb, rg, rb, gb = means[7:] - _products(centre)
    rr, gg, bb = rr + np.float32(_RIDGE), gg + np.float32(_RIDGE), bb + np.float32(_RIDGE)
    i_rr, i_rg, i_rb = gg * bb - gb * gb, gb * rb - rg * bb, rg * gb - gg * rb  # adjugate
    i_gg, i_gb, i_bb = rr * bb - rb * rb, rb * rg - rr * gb, rr * gg - rg * rg
    scale = 1 / (i_rr * rr + i_rg * rg + i_rb * rb)
    red, green, blue = covariance * scale
    found = np.empty((4, *line.shape), np.float32)
    found[0] = i_rr * red + i_rg * green + i_rb * blue
    found[1] = i_rg * red + i_gg * green + i_gb * blue
    found[2] = i_rb * red + i_gb * green + i_bb * blue
    found[3] = level - (found[:3] * centre).sum(axis=0)
    return blur(found)


def _ground(colours: Floats, share: Floats, blurs: _Blurs) -> Floats:
    """The mean colour near of what is nearly pure, (3, h, w), 0 to 255."""
    weight = share * share
    weight *= weight
    sums = blurs.grounds(blurs.smaller(np.concatenate([colours * weight, weight[None]])))
    return blurs.larger(sums[:3] * (255 / (sums[3] + np.float32(1e-9))))


def _edge(guess: Floats, blurs: _Blurs) -> Floats:
    """1 where subject and background are near each other, 0 inside a veil, smooth between."""
    rough, step = blurs.smaller(guess[None])[0], blurs.factor
    way = step * (_distance(rough > 0.9, step) + _distance(rough < 0.1, step))
    near = ((_WAY_LONG - way) * np.float32(1 / (_WAY_LONG - _WAY_SHORT))).clip(0, 1)
    edge: Floats = blurs.larger(near[None])[0]
    return edge


def _distance(inside: Flags, step: int) -> Floats:
    """To the nearest True, in pixels; from `_WAY_LONG` / ``step`` on at least that.

    Columns by a sweep each way, then rows by the lower envelope of parabolas (Felzenszwalb,
    Huttenlocher: Distance Transforms of Sampled Functions, 2012), cut off at that distance.
    """
    limit = _WAY_LONG // step
    down = np.where(inside, np.float32(0), np.float32(limit + 1))
    for row in range(1, len(down)):
        np.minimum(down[row], down[row - 1] + 1, out=down[row])
    for row in range(len(down) - 2, -1, -1):
        np.minimum(down[row], down[row + 1] + 1, out=down[row])
    square = down * down
    nearest = square.copy()
    for k in range(1, limit + 1):
        np.minimum(nearest[:, k:], square[:, :-k] + k * k, out=nearest[:, k:])
        np.minimum(nearest[:, :-k], square[:, k:] + k * k, out=nearest[:, :-k])
    distance: Floats = np.sqrt(nearest)
    return distance
