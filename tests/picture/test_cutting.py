"""What is transparent already is decided by what one sees."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from nobgd import models
from nobgd.inference import local
from nobgd.picture import cutting, ground
from nobgd.picture.decode import decode, look
from nobgd.picture.encode import encode
from nobgd.picture.provenance import Note, chunk
from nobgd.picture.segment import Segmenter

HIGH, WIDE = 360, 480
y, x = np.mgrid[0:HIGH, 0:WIDE]
BALL = np.hypot(x - 240, y - 180) < 120


@pytest.fixture(scope="module")
def segmenter(tmp_path_factory: pytest.TempPathFactory) -> Segmenter:
    found = models.find("u2netp")
    cache = str(tmp_path_factory.mktemp("cache"))
    return local.segmenter(str(found.path), found.spec, threads=1, cache_dir=cache)


def layers(colour: tuple[int, int, int], alpha: np.ndarray) -> np.ndarray:
    """A picture of one colour, hidden and visible."""
    rgb = np.broadcast_to(np.array(colour, np.uint8), (HIGH, WIDE, 3))
    return np.dstack([rgb, alpha.astype(np.uint8)])


def frame() -> np.ndarray:
    alpha = np.zeros((HIGH, WIDE), np.uint8)
    alpha[100:260, 80:400] = 255
    alpha[130:230, 110:370] = 0
    return alpha


def drawn(paint: Callable[[ImageDraw.ImageDraw], None]) -> np.ndarray:
    image = Image.new("L", (WIDE, HIGH))
    paint(ImageDraw.Draw(image))
    return np.asarray(image)


def letters(draw: ImageDraw.ImageDraw) -> None:
    draw.text((30, 120), "nobgd", fill=255, font_size=150)


def strokes(draw: ImageDraw.ImageDraw) -> None:
    for left in range(40, 440, 40):
        draw.line((left, 60, left + 30, 300), fill=255, width=2)


def star(draw: ImageDraw.ImageDraw) -> None:
    turns = np.deg2rad(np.arange(-90, 270, 36))
    reach = np.where(np.arange(10) % 2, 60, 150)
    points = zip(240 + reach * np.cos(turns), 180 + reach * np.sin(turns), strict=True)
    draw.polygon(list(points), fill=255)


def shadowed() -> np.ndarray:
    """A ball with a soft shadow."""
    shadow = Image.fromarray((np.hypot((x - 270) / 2, y - 290) < 60).astype(np.uint8) * 120)
    soft = np.asarray(shadow.filter(ImageFilter.GaussianBlur(12)))
    alpha = np.where(BALL, 255, soft)
    return np.dstack([np.where(BALL[..., None], (230, 40, 30), 0), alpha]).astype(np.uint8)


def glass() -> np.ndarray:
    """A thing that is half transparent throughout."""
    return layers((120, 200, 220), np.where(BALL, 110, 0))


CUT_OUTS = {
    "a frame over hidden colours that are the same": layers((0, 0, 0), frame()),
    "a white frame": layers((255, 255, 255), frame()),
    "white letters": layers((255, 255, 255), drawn(letters)),
    "black letters": layers((0, 0, 0), drawn(letters)),
    "grey letters": layers((128, 128, 128), drawn(letters)),
    "thin strokes": layers((200, 30, 30), drawn(strokes)),
    "a white star": layers((255, 255, 255), drawn(star)),
    "a ball": layers((230, 40, 30), np.where(BALL, 255, 0)),
    "a white ball": layers((255, 255, 255), np.where(BALL, 255, 0)),
    "a ball with a soft shadow": shadowed(),
    "glass": glass(),
    "a white sheet": layers((255, 255, 255), (abs(x - 240) < 150) * 255),
    "a soft edge": layers((40, 90, 200), np.clip(300 - 2 * np.hypot(x - 240, y - 180), 0, 255)),
    "nothing visible": layers((10, 200, 90), np.zeros((HIGH, WIDE))),
    "two things apart": layers((90, 60, 20), np.where((abs(x - 240) > 120) & (abs(y - 180) < 90),
                                                      255, 0)),
}  # fmt: skip


def png(rgba: np.ndarray, **options: object) -> bytes:
    out = io.BytesIO()
    Image.fromarray(rgba).save(out, "PNG", **options)
    return out.getvalue()


def cut(data: bytes, segmenter: Segmenter) -> tuple[np.ndarray, tuple[str, ...]]:
    picture = decode(data, look(data))
    found = cutting.find(picture, segmenter, 1)
    return cutting.finish(picture, found), found.notes


@pytest.mark.parametrize("name", CUT_OUTS)
def test_a_cut_out_stays_what_it_is(name: str, segmenter: Segmenter) -> None:
    """Its alpha, bit for bit, and its colours where they are seen."""
    rgba = CUT_OUTS[name]
    out, notes = cut(png(rgba), segmenter)
    np.testing.assert_array_equal(out[..., 3], rgba[..., 3])
    np.testing.assert_array_equal(out[..., :3], rgba[..., :3] * (rgba[..., 3:] > 0))
    assert notes == (cutting.KEPT,)


def test_a_palette_with_a_transparent_index(segmenter: Segmenter) -> None:
    """A logo as a GIF's successor: colour 0 is clear, over which nothing was ever drawn."""
    index = (drawn(letters) > 127).astype(np.uint8)
    image = Image.fromarray(index, "P")
    image.putpalette([255, 255, 255] * 2)
    out = io.BytesIO()
    image.save(out, "PNG", transparency=0)
    result, _ = cut(out.getvalue(), segmenter)
    np.testing.assert_array_equal(result[..., 3], index * 255)


def photo(name: str = "chelsea.png") -> Image.Image:
    skimage = pytest.importorskip("skimage")
    return Image.open(Path(skimage.__file__).parent / "data" / name).convert("RGB")


def opaque(image: Image.Image, segmenter: Segmenter) -> np.ndarray:
    return cut(png(np.asarray(image)), segmenter)[0]


def test_an_output_given_again_is_what_it_was(segmenter: Segmenter) -> None:
    """Nobgd's own note says so, whatever its alpha looks like."""
    note = chunk(Note("a.jpg", "key", "0" * 64, "recipe", "1"))
    first = opaque(photo(), segmenter)
    again = b"".join(encode(first.copy(), extra=(note,)))
    out, notes = cut(again, segmenter)
    np.testing.assert_array_equal(out, first)
    assert notes == (cutting.KEPT,)


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    """Soft intersection over union."""
    a, b = a.astype(float), b.astype(float)
    return float(np.minimum(a, b).sum() / np.maximum(a, b).sum())


@pytest.mark.parametrize("turn", [0, 10])
def test_a_photo_on_a_canvas_is_cut_out_as_without(turn: int, segmenter: Segmenter) -> None:
    """A clear margin, or one left by straightening: the subject is what it is without."""
    plain = photo()
    alone = Image.fromarray(opaque(plain, segmenter)[..., 3])
    canvas = Image.new("RGBA", (900, 800))
    canvas.paste(plain.convert("RGBA"), (200, 250))
    wanted = Image.new("L", canvas.size)
    wanted.paste(alone, (200, 250))
    turned = canvas.rotate(turn, Image.Resampling.BICUBIC)
    out, notes = cut(png(np.asarray(turned)), segmenter)
    expected = np.asarray(wanted.rotate(turn, Image.Resampling.BICUBIC))
    assert notes == ()
    assert (out[..., 3] <= np.asarray(turned)[..., 3]).all()
    assert overlap(out[..., 3], expected) > (0.97 if turn == 0 else 0.6)


def test_round_corners_make_no_cut_out(segmenter: Segmenter) -> None:
    """A photo with round corners is cut out as with square ones."""
    plain = photo()
    corners = Image.new("L", plain.size)
    ImageDraw.Draw(corners).rounded_rectangle((0, 0, *plain.size), 40, fill=255)
    rounded = plain.copy()
    rounded.putalpha(corners)
    out, notes = cut(png(np.asarray(rounded)), segmenter)
    expected = opaque(plain, segmenter)[..., 3] * (np.asarray(corners) / 255)
    assert notes == ()
    assert overlap(out[..., 3], expected) > 0.9


@pytest.mark.parametrize("colour", [0, 128, 255])
def test_the_ground_differs_from_what_is_seen(colour: int) -> None:
    """White is shown on black, black on white, and neither on itself."""
    alpha = np.zeros((90, 90), np.uint8)
    alpha[2:88, 2:88] = 255
    shown = np.full((90, 90, 4), colour, np.uint8)
    shown[40:50, 40:50] = 90  # not all of one colour
    assert ground.view(shown, alpha) is not None
    corner = ground._over(shown, alpha, ground._ground(shown, alpha))[0, 0, :3].astype(int)
    assert (np.abs(corner - colour) >= 127).all()


def test_a_mask_that_is_sure_of_nothing_cuts_nothing() -> None:
    """Where the model finds no subject on a clear canvas, the own alpha stays."""
    alpha = np.full((90, 90), 255, np.uint8)
    mask = np.zeros((320, 320), np.uint8)
    assert not ground.nothing_to_cut(mask, 0.1, alpha)  # nothing of it is clear
    alpha[:4] = 0
    assert ground.nothing_to_cut(mask, 0.1, alpha)
    assert not ground.nothing_to_cut(mask, 0.9, alpha)


def test_hidden_colours_are_never_shown() -> None:
    """What lies under an alpha of 0 reaches neither the model nor the output."""
    alpha = np.full((90, 90), 255, np.uint8)
    alpha[:4] = 0
    shown = np.random.default_rng(1).integers(0, 256, (90, 90, 4)).astype(np.uint8)
    other = shown.copy()
    other[:4] = 7
    one, two = ground.view(shown, alpha), ground.view(other, alpha)
    assert one is not None
    assert two is not None
    np.testing.assert_array_equal(one.pixels, two.pixels)
