"""Edges made fine, on composites drawn here, of which alpha and colours are known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from nobgd.picture import colour_line, inside
from nobgd.picture.compose import compose
from nobgd.picture.edges import Edge
from nobgd.picture.lanczos import shrink

HIGH, WIDE, SIDE = 810, 1080, 192
Colour = tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class Composite:
    """A photo, its alpha and its subject's colours, 0 to 1, and a mask as a model gives it."""

    kind: str
    photo: np.ndarray
    alpha: np.ndarray
    subject: np.ndarray
    mask: np.ndarray
    plain: np.ndarray  # the cut-outs, (H, W, 4) uint8
    fine: np.ndarray


def cloud(random: np.random.Generator, knots: int, low: Colour, high: Colour) -> np.ndarray:
    """Soft patches of colours between ``low`` and ``high``, (HIGH, WIDE, 3), 0 to 1."""
    coarse = random.integers(0, 256, (knots * 3 // 4, knots), np.uint8)
    soft = Image.fromarray(coarse).resize((WIDE, HIGH), Image.Resampling.BICUBIC)
    share = np.asarray(soft, np.float32)[..., None] / 255
    least, most = np.array((low, high), np.float32)
    patches: np.ndarray = share * most + (1 - share) * least
    return patches


def drawn(kind: str, random: np.random.Generator) -> np.ndarray:
    """The subject's alpha, drawn at twice the size."""
    image = Image.new("L", (2 * WIDE, 2 * HIGH))
    pen = ImageDraw.Draw(image)
    x, y = WIDE, HIGH
    match kind:
        case "box":
            pen.rectangle((x - 480, y - 360, x + 480, y + 540), fill=255)
        case "ring":
            pen.ellipse((x - 600, y - 600, x + 600, y + 600), fill=255)
            pen.ellipse((x - 270, y - 270, x + 270, y + 270), fill=0)
        case "hair" | "fur":
            pen.ellipse((x - 420, y - 420, x + 420, y + 420), fill=255)
            count, length = (900, 300) if kind == "hair" else (3600, 100)
            for angle in random.uniform(0, 2 * np.pi, count):
                turn = angle + random.normal(0, 0.25)
                far = 410 + length * random.uniform(0.3, 1)
                pen.line(
                    (x + 410 * np.cos(angle), y + 410 * np.sin(angle),
                     x + far * np.cos(turn), y + far * np.sin(turn)), fill=255, width=3,
                )  # fmt: skip
        case "moved" | "defocused":
            pen.ellipse((x - 540, y - 420, x + 540, y + 420), fill=255)
    small = image.resize((WIDE, HIGH), Image.Resampling.BOX)
    if kind == "defocused":
        small = small.filter(ImageFilter.GaussianBlur(2))
    alpha = np.asarray(small, np.float32) / 255
    if kind == "moved":  # along the rows
        sums = np.cumsum(np.pad(alpha, ((0, 0), (12, 12))), axis=1)
        alpha = ((sums[:, 24:] - sums[:, :-24]) / 24).clip(0, 1)
    return alpha


@pytest.fixture(scope="module", params=["box", "ring", "hair", "fur", "moved", "defocused"])
def composite(request: pytest.FixtureRequest) -> Composite:
    """Six kinds of edges."""
    random = np.random.default_rng(5)
    alpha = drawn(request.param, random)
    subject = cloud(random, 12, (0.45, 0.2, 0.1), (0.8, 0.5, 0.3))
    background = cloud(random, 16, (0.2, 0.45, 0.3), (0.6, 0.9, 0.95))
    mixed = alpha[..., None] * subject + (1 - alpha[..., None]) * background
    mixed += random.normal(0, 0.006, mixed.shape).astype(np.float32)
    photo = np.full((HIGH, WIDE, 4), 255, np.uint8)
    photo[..., :3] = np.rint(mixed.clip(0, 1) * 255)
    small = Image.fromarray(np.rint(alpha * 255).astype(np.uint8)).resize((SIDE, SIDE), 4)
    soft = np.asarray(small.filter(ImageFilter.GaussianBlur(1)), np.float32)
    mask = ((soft - 127.5) * 1.4 + 127.5).clip(0, 255).astype(np.uint8)
    return Composite(
        request.param, photo, alpha, subject, mask, compose(photo.copy(), mask),
        cut_out(photo, mask),
    )  # fmt: skip


def cut_out(photo: np.ndarray, mask: np.ndarray, threads: int = 1) -> np.ndarray:
    """The cut-out of a copy of (H, W, 4), with fine edges."""
    height, width = photo.shape[:2]
    mask = inside.decided(mask)
    small = shrink(photo, max(mask.shape)) if mask.shape[0] == mask.shape[1] else None
    if small is None:
        small = np.asarray(Image.fromarray(photo[..., :3]).resize(mask.shape[::-1], 3))
    edge = Edge(colour_line.planes(small, mask, height, width), height, width)
    out = compose(photo.copy(), mask, None, threads, edge)
    edge.finish(out, threads)
    return out


def slopes(alpha: np.ndarray) -> np.ndarray:
    """The length of the gradient of a slightly smoothed alpha."""
    padded = np.pad(alpha, 2, mode="edge")
    smooth = sum(padded[a : a + HIGH, b : b + WIDE] for a in range(5) for b in range(5)) / 25
    steep: np.ndarray = np.hypot(*np.gradient(smooth))
    return steep


def unknown(truth: np.ndarray, plain: np.ndarray) -> np.ndarray:
    """Where there is something to find out: the truth or the mask is neither 0 nor 1, or near."""
    soft = ((truth > 0) & (truth < 1)) | ((plain > 0.01) & (plain < 0.99))
    grown = Image.fromarray(soft).convert("L").filter(ImageFilter.MaxFilter(9))
    return np.asarray(grown) > 0


def test_what_looks_like_the_background_inside_of_a_subject_stays() -> None:
    """Pale patches of a dark thing before a pale sky, of which the model is not quite sure."""
    random = np.random.default_rng(3)
    y, x = np.mgrid[0:HIGH, 0:WIDE]
    subject = np.hypot(x - WIDE / 2, y - HIGH / 2) < HIGH * 0.4
    pale = ((x // 24 + y // 24) % 3 == 0) & (np.hypot(x - WIDE / 2, y - HIGH / 2) < HIGH * 0.36)
    tone = np.where(subject & ~pale, 0.25, 0.93)[..., None] + random.normal(
        0, 0.01, (HIGH, WIDE, 3)
    )
    photo = np.full((HIGH, WIDE, 4), 255, np.uint8)
    photo[..., :3] = np.rint(tone.clip(0, 1) * 255)
    seen = Image.fromarray(subject * np.uint8(236)).resize((SIDE, SIDE), Image.Resampling.BOX)
    alpha = cut_out(photo, np.asarray(seen))[..., 3]
    within = np.hypot(x - WIDE / 2, y - HIGH / 2) < HIGH * 0.36
    assert (alpha[within] == 255).mean() > 0.99
    assert (alpha[~subject] < 30).mean() > 0.99


def test_fine_alpha_is_nearer_to_the_truth(composite: Composite) -> None:
    """Summed error ≤ 0.75 and gradient's error ≤ 0.6 of plain's, for each kind of edge."""
    truth = composite.alpha
    plain = composite.plain[..., 3] / np.float32(255)
    ours = composite.fine[..., 3] / np.float32(255)
    where = unknown(truth, plain)
    assert np.abs(ours - truth)[where].sum() <= 0.75 * np.abs(plain - truth)[where].sum()
    true_slopes = slopes(truth)
    ours_off = np.abs(slopes(ours) - true_slopes)[where].sum()
    assert ours_off <= 0.6 * np.abs(slopes(plain) - true_slopes)[where].sum()


def test_a_sharp_edge_comes_out_sharp_and_a_blurred_one_blurred(composite: Composite) -> None:
    """What is left of a sharp edge's error is next to nothing; a lens's blur is no mask's."""
    most = {"box": 0.02, "ring": 0.016, "defocused": 0.5}.get(composite.kind, 1.0)
    plain, ours = (cut[..., 3] / np.float32(255) for cut in (composite.plain, composite.fine))
    off = [np.abs(alpha - composite.alpha).sum() for alpha in (plain, ours)]
    assert off[1] <= most * off[0]


def test_what_the_model_half_believes_in_is_left_to_it() -> None:
    """A thing behind the subject, of its colours, by half in the mask: it is no more after.

    Its own edge may be found; the inside of it keeps the mask's level.
    """
    photo = np.full((HIGH, WIDE, 4), 255, np.uint8)
    photo[..., :3] = np.clip(np.random.default_rng(5).normal(0, 2, (HIGH, WIDE, 3)) + 190, 0, 255)
    photo[200:600, 300:700, :3] -= 120
    photo[300:420, 220:300, :3] -= 115  # an ear behind it
    mask = np.zeros((SIDE, SIDE), np.uint8)
    rows, columns = HIGH / SIDE, WIDE / SIDE
    mask[round(200 / rows) : round(600 / rows), round(300 / columns) : round(700 / columns)] = 255
    mask[round(300 / rows) : round(420 / rows), round(220 / columns) : round(300 / columns)] = 110
    alpha = cut_out(photo, mask)[..., 3]
    assert 80 < alpha[330:390, 240:280].mean() < 140
    assert alpha[220:580, 320:680].min() == 255


def test_the_backgrounds_colour_is_taken_out(composite: Composite) -> None:
    """Over another ground the error is at most 0.6 of plain's, summed over the edge."""
    truth = composite.alpha[..., None]
    where = unknown(composite.alpha, composite.alpha)
    errors = []
    for out in (composite.fine, composite.plain):
        share, colours = out[..., 3:] / np.float32(255), out[..., :3] / np.float32(255)
        for ground in (0.0, 1.0):
            want = truth * composite.subject + (1 - truth) * ground
            errors.append(np.abs(share * colours + (1 - share) * ground - want)[where].sum())
    assert errors[0] <= 0.6 * errors[2]
    assert errors[1] <= 0.6 * errors[3]


def test_opaque_pixels_are_the_photos_and_clear_ones_are_zero(composite: Composite) -> None:
    """Bit for bit; and the inside of the subject is opaque."""
    out = composite.fine
    opaque, clear = out[..., 3] == 255, out[..., 3] == 0
    np.testing.assert_array_equal(out[opaque], composite.photo[opaque])
    assert not out[clear].any()
    inside = Image.fromarray(composite.alpha == 1).convert("L").filter(ImageFilter.MinFilter(9))
    assert opaque[np.asarray(inside) > 0].mean() >= 0.99


def test_threads_change_nothing(composite: Composite) -> None:
    """The same bytes by one and by three."""
    three = cut_out(composite.photo, composite.mask, threads=3)
    np.testing.assert_array_equal(three, composite.fine)


def test_away_from_the_edge_nothing_is_touched(composite: Composite) -> None:
    """Where no tile is within reach the result is that of the plain mask."""
    mask = inside.decided(composite.mask)
    near = Image.fromarray(
        colour_line.reach((mask / np.float32(255)).astype(np.float32)) > 0
    ).convert("L")
    far = np.asarray(near.filter(ImageFilter.MaxFilter(5)).resize((WIDE, HIGH), 0)) == 0
    plain = compose(composite.photo.copy(), mask)
    np.testing.assert_array_equal(composite.fine[far], plain[far])


@pytest.mark.parametrize(
    ("height", "width"), [(1, 1), (1, 3000), (3000, 1), (63, 65), (777, 1001), (49, 5000)]
)
@pytest.mark.parametrize("mask", ["clear", "solid", "noise", "blob"])
@pytest.mark.parametrize("shape", [(320, 320), (33, 77), (1, 1)])
def test_any_size_and_any_mask(height: int, width: int, mask: str, shape: tuple[int, int]) -> None:
    """Straight alpha comes out; a mask of one value stays what it is."""
    random = np.random.default_rng(1)
    photo = random.integers(0, 256, (height, width, 4), np.uint8)
    photo[..., 3] = 255
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]]
    values = {
        "clear": np.zeros(shape), "solid": np.full(shape, 255),
        "noise": random.integers(0, 256, shape),
        "blob": (2 * shape[0] - 9 * np.hypot(y - shape[0] / 2, x - shape[1] / 2)).clip(0, 255),
    }  # fmt: skip
    out = cut_out(photo, values[mask].astype(np.uint8))
    opaque, clear = out[..., 3] == 255, out[..., 3] == 0
    np.testing.assert_array_equal(out[opaque], photo[opaque])
    assert not out[clear].any()
    if mask in ("clear", "solid"):
        assert (clear if mask == "clear" else opaque).all()


def test_planes_of_a_large_mask_are_of_a_half() -> None:
    """A mask of 1024 pixels would cost ten times as much as one of 320."""
    mask = np.zeros((1024, 1024), np.uint8)
    small = np.zeros((1024, 1024, 3), np.uint8)
    assert colour_line.planes(small, mask, 4000, 4000).shape == (colour_line.PLANES, 512, 512)


def test_where_subject_and_background_look_alike_the_mask_stays() -> None:
    """Nothing is known there: alpha differs from the mask's by little."""
    photo = np.full((HIGH, WIDE, 4), 255, np.uint8)
    photo[..., :3] = np.random.default_rng(2).normal(128, 3, (HIGH, WIDE, 3)).clip(0, 255)
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    mask = (2000 - 20 * np.hypot(y - 160, x - 160)).clip(0, 255).astype(np.uint8)
    plain = compose(photo.copy(), mask)[..., 3].astype(int)
    difference = np.abs(cut_out(photo, mask)[..., 3] - plain)
    assert difference.max() <= 40
    assert difference.mean() <= 1
