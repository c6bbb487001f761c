"""What a cut-out becomes: frames, grounds, formats and what is said beside the pixels."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, JpegImagePlugin

from nobgd.config import parse
from nobgd.config.output import Output
from nobgd.config.presets import PRESETS
from nobgd.picture import colour, decode, exif, jpeg_note, lanczos, provenance, webp_note
from nobgd.picture.rendering import files, frame, render, subject
from nobgd.picture.rendering.shrink import shrunk
from nobgd.values import NobgdError, Rendering

NOTE = provenance.Note("a&<b>.jpg", "k", "0" * 64, "r", "1", 0.99, "", "300x200")
WHITE = "#ffffff"


def cut_out(
    width: int = 300, height: int = 200, box: tuple[int, int, int, int] = (60, 50, 180, 130)
) -> np.ndarray:
    """A photo's noise with a soft edge of alpha around a box, as `deep` leaves it: clear is 0."""
    rng = np.random.default_rng(1)
    rgba = rng.integers(0, 256, (height, width, 4), np.uint8)
    left, top, right, bottom = box
    alpha = np.zeros((height, width), np.uint8)
    alpha[top:bottom, left:right] = 128
    alpha[top + 1 : bottom - 1, left + 1 : right - 1] = 255
    rgba[..., 3] = alpha
    rgba[alpha == 0] = 0
    return rgba


def deep(rgba: np.ndarray) -> np.ndarray:
    return (rgba.astype(np.uint16) * 257).astype(">u2")


def written(rgba: np.ndarray, rendering: Rendering, beside: files.Beside | None = None) -> bytes:
    page = render(rgba.copy(), rendering, beside.icc if beside else None)
    parts = files.write(page, rendering, NOTE, beside or files.Beside(), files.How())
    return b"".join(parts)


def opened(data: bytes) -> Image.Image:
    with Image.open(io.BytesIO(data)) as picture:
        picture.load()
        return picture


def test_plain_is_the_cut_out_itself() -> None:
    """Nothing is copied or touched, and the recipe's key says nothing."""
    rgba = cut_out()
    page = render(rgba, Rendering())
    assert page.pixels is rgba
    assert not page.opaque
    assert Rendering().key == ""


def test_the_box_is_what_can_be_seen() -> None:
    """A stray pixel of 4 % does not widen it; of nothing there is none."""
    alpha = cut_out()[..., 3]
    alpha[0, 0] = 10
    assert subject(alpha) == (60, 50, 180, 130)
    assert subject(np.zeros((5, 5), np.uint8)) is None


@pytest.mark.parametrize("depth", [8, 16])
def test_a_crop_copies(depth: int) -> None:
    """Cropped pixels are the cut-out's, and beyond the photo there is nothing."""
    rgba = cut_out() if depth == 8 else deep(cut_out())
    page = render(rgba.copy(), Rendering(crop=True, margin=70)).pixels
    assert page.shape == (80 + 140, 120 + 140, 4)
    assert (page[70:150, 70:190] == rgba[50:130, 60:180]).all()
    page[70:150, 70:190] = 0
    assert not page.any()


SIDES = st.integers(1, 400)


@settings(max_examples=300, deadline=None)
@given(
    SIDES, SIDES, st.data(), st.booleans(), st.sampled_from([0.0, 7.0, 0.07, 0.5]),
    st.sampled_from([None, (200, 100), (1, 1), (3, 4)]), st.sampled_from([None, 50, 333]),
)  # fmt: skip
def test_no_frame_enlarges_or_leaves_the_page(
    width: int,
    height: int,
    data: st.DataObject,
    crop: bool,
    margin: float,
    canvas: tuple[int, int] | None,
    longest: int | None,
) -> None:
    """Whatever is asked for: inside the page, in its middle, in its shape, as large as it fits."""
    left, top = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    box = (left, top, data.draw(st.integers(left + 1, width)),
           data.draw(st.integers(top + 1, height)))  # fmt: skip
    shape = canvas is not None and max(canvas) < 10
    rendering = Rendering(
        crop=crop, margin=margin, relative=margin < 1, canvas=canvas, shape=shape,
        longest_side=longest,
    )  # fmt: skip
    found = frame((width, height), box, rendering)
    (wide, high), (x, y), page = found.size, found.at, found.page
    drawn = (found.box[2] - found.box[0], found.box[3] - found.box[1])
    assert drawn == ((box[2] - left, box[3] - top) if crop or canvas else (width, height))
    assert wide <= drawn[0]
    assert high <= drawn[1]
    assert 0 <= x <= page[0] - wide
    assert 0 <= y <= page[1] - high
    assert abs(page[0] - wide - 2 * x) <= 1
    assert longest is None or max(page) <= longest
    if canvas and not shape and longest is None:
        assert page == canvas
    if shape and min(page) > 30:
        assert canvas
        assert page[0] / page[1] == pytest.approx(canvas[0] / canvas[1], rel=0.04)
    if min(drawn) > 20 and min(wide, high) > 20:
        assert wide / high == pytest.approx(drawn[0] / drawn[1], rel=0.06)


@pytest.mark.parametrize("depth", [8, 16])
def test_what_is_opaque_stays_and_what_is_clear_is_the_ground(depth: int) -> None:
    """Between them the ground shows through by the alpha."""
    rgba = cut_out()
    given_ = rgba.copy() if depth == 8 else deep(rgba)
    full = 255 if depth == 8 else 65535
    page = render(given_, Rendering(background="#102030"))
    out, alpha = page.pixels, rgba[..., 3]
    assert page.opaque
    assert (out[..., 3] == full).all()
    right = rgba if depth == 8 else deep(rgba)
    assert (out[alpha == 255] == right[alpha == 255]).all()
    ground = np.array([16, 32, 48]) * (full // 255)
    assert (out[alpha == 0][:, :3] == ground).all()
    soft = alpha == 128
    mixed = right[soft][:, :3] * (128 / 255) + ground * (127 / 255)
    assert np.abs(out[soft][:, :3] - mixed).max() <= 0.51


def test_a_ground_is_the_colour_in_the_photos_profile() -> None:
    """Red of sRGB is less red in Adobe RGB; white is white."""
    adobe = colour.adobe_rgb()
    page = render(cut_out(), Rendering(background="#ff0000"), adobe)
    assert tuple(page.pixels[0, 0, :3]) == pytest.approx((219, 0, 0), abs=2)
    assert tuple(render(cut_out(), Rendering(background=WHITE), adobe).pixels[0, 0]) == (255,) * 4


@pytest.mark.parametrize("depth", [8, 16])
def test_shrinking_draws_no_dark_rim(depth: int) -> None:
    """Colours are weighed by their alpha: a flat subject stays flat up to its last soft pixel."""
    rgba = cut_out()
    rgba[rgba[..., 3] > 0, :3] = (200, 100, 50)
    page = render(rgba if depth == 8 else deep(rgba), Rendering(longest_side=77)).pixels
    assert page.shape == (51, 77, 4)
    step = 1 if depth == 8 else 257
    seen = page[page[..., 3] > 30 * step][:, :3].astype(int) / step
    assert np.abs(seen - (200, 100, 50)).max() <= (0 if depth == 8 else 0.01)
    assert not page[page[..., 3] == 0].any()


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("size", [(211, 97), (40, 30), (7, 300), (411, 301), (1, 1)])
def test_shrinking_is_lanczos_over_weighed_colours(depth: int, size: tuple[int, int]) -> None:
    """As one product of whole matrices has it, whatever is clear beside the subject."""
    rgba = cut_out(411, 301, (150, 60, 190, 200))
    rgba[20:40, 330:] = 255  # a part of its own, at the border
    rgba[290:, :5] = (9, 99, 200, 77)
    given_ = rgba if depth == 8 else deep(rgba)
    full = 255 if depth == 8 else 65535
    _, across = lanczos.matrix(0, size[0], size[0], 411)
    _, down = lanczos.matrix(0, size[1], size[1], 301)
    weighed = given_.astype(np.float64)
    weighed[..., :3] *= weighed[..., 3:] / full
    made = np.einsum("yh,hwc,xw->yxc", down, weighed, across, optimize=True)
    alpha = made[..., 3].clip(0, full)
    out = shrunk(given_, size).astype(int)
    assert out.shape == (size[1], size[0], 4)
    assert np.abs(out[..., 3] - alpha).max() <= 0.51
    seen = alpha > full / 100
    colours = (made[seen][:, :3] * full / made[seen][:, 3:]).clip(0, full)
    assert np.abs(out[seen][:, :3] - colours).max() <= 0.52
    assert not out[out[..., 3] == 0].any()


FORMATS = [
    Rendering("png"), Rendering("png", background=WHITE), Rendering("webp"),
    Rendering("webp", quality=100), Rendering("webp", background=WHITE),
    Rendering("jpeg", background=WHITE),
]  # fmt: skip


@pytest.mark.parametrize("rendering", FORMATS, ids=lambda each: each.key or "plain")
def test_each_format_says_what_it_is(rendering: Rendering) -> None:
    """Note, size, profile, resolution and EXIF are in the file, for us and for other programs."""
    block = Image.Exif()
    block[0x0110] = "Camera"
    beside = files.Beside(colour.adobe_rgb(), (300.0, 150.0), block.tobytes()[6:])
    data = written(cut_out(), rendering, beside)
    assert provenance.find(data[: provenance.HEAD_BYTES]) == NOTE
    assert provenance.whole(io.BytesIO(data))
    assert provenance.size(io.BytesIO(data)) == (300, 200)
    picture = opened(data)
    assert picture.size == (300, 200)
    assert picture.info["icc_profile"] == beside.icc
    assert picture.getexif()[0x0110] == "Camera"
    if rendering.format != "webp":
        assert [round(each) for each in picture.info["dpi"]] == [300, 150]
    assert picture.mode == ("RGB" if rendering.background == WHITE else "RGBA")
    again = decode.decode(data, decode.look(data))  # our own strict reader takes it, too
    assert again.rgbx.shape == (200, 300, 4)
    assert again.complaints == ()


@pytest.mark.parametrize("rendering", FORMATS, ids=lambda each: each.key or "plain")
def test_another_note_is_all_that_an_exchange_changes(rendering: Rendering) -> None:
    """For twins: the same pixels with the note of another photo, whole again."""
    data = written(cut_out(), rendering)
    other = provenance.Note("ein anderes\udcff.jpg", "l", "1" * 64, "s", "2", 0.5)
    parts = provenance.exchanged(data, other)
    assert parts is not None
    made = b"".join(parts)
    assert provenance.find(made[: provenance.HEAD_BYTES]) == other
    assert provenance.whole(io.BytesIO(made))
    assert opened(made).tobytes() == opened(data).tobytes()


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(FORMATS[2:]), st.data())
def test_a_cut_or_changed_file_is_not_whole(rendering: Rendering, data: st.DataObject) -> None:
    """JPEG and WebP have no sums of their own; the note has."""
    whole = FILES.setdefault(rendering.key, written(cut_out(40, 30, (5, 5, 30, 20)), rendering))
    at = data.draw(st.integers(0, len(whole) - 1))
    changed = bytearray(whole)
    changed[at] ^= data.draw(st.integers(1, 255))
    same = provenance.find(bytes(changed)) != provenance.find(whole)  # the note itself is another's
    assert same or not provenance.whole(io.BytesIO(bytes(changed)))
    assert not provenance.whole(io.BytesIO(whole[:at]))
    assert not provenance.whole(io.BytesIO(whole + b"\0"))


def test_a_note_whose_marker_is_another_is_none() -> None:
    """APP0 instead of APP1: nobody else finds it either."""
    whole = bytearray(written(cut_out(40, 30, (5, 5, 30, 20)), Rendering("jpeg", background=WHITE)))
    found = jpeg_note.place(bytes(whole))
    assert found is not None
    whole[found[0] + 1] ^= 1
    assert not provenance.whole(io.BytesIO(whole))


@pytest.mark.parametrize("name", ["a.jpg", "ab.jpg"])  # of which one needs a byte to fill up
def test_the_byte_that_fills_up_a_note_is_part_of_it(name: str) -> None:
    """A WebP's chunks are of even length."""
    text = provenance.text(provenance.Note(name, "k", "s", "r", "v"))
    pixels = [webp_note.chunk(b"VP8L", b"1234")]
    whole = b"".join(webp_note.wrapped((4, 4), pixels, text, alpha=True))
    place = webp_note.place(whole)
    assert place is not None
    _, end = place
    changed = bytearray(whole)
    changed[end - 1] ^= 1
    assert webp_note.whole(io.BytesIO(whole), 4096)
    assert not webp_note.whole(io.BytesIO(changed), 4096)


FILES: dict[str, bytes] = {}


def test_pixels_of_each_format() -> None:
    """PNG and WebP at 100 are the cut-out; WebP's alpha is exact, JPEG's colour not halved."""
    rgba = cut_out()
    assert (np.asarray(opened(written(rgba, Rendering()))) == rgba).all()
    assert (np.asarray(opened(written(rgba, Rendering("webp", 100)))) == rgba).all()
    assert (np.asarray(opened(written(rgba, Rendering("webp"))))[..., 3] == rgba[..., 3]).all()
    jpeg = opened(written(rgba, Rendering("jpeg", background=WHITE)))
    assert isinstance(jpeg, JpegImagePlugin.JpegImageFile)
    assert {each[1:3] for each in jpeg.layer} == {(1, 1)}
    assert np.asarray(jpeg)[:40].min() == 255


def test_a_deep_cut_out_is_of_eight_bits_where_the_format_is() -> None:
    """And of sixteen in a PNG."""
    rgba = cut_out()
    low = written(rgba, Rendering("webp", 100))
    assert opened(written(deep(rgba), Rendering("webp", 100))).tobytes() == opened(low).tobytes()
    assert written(deep(rgba), Rendering(background=WHITE))[24:26] == b"\x10\x02"  # 16-bit RGB


def test_the_mask_is_the_alpha_of_the_page() -> None:
    """Before the ground covers it, in grey, with the note of its output."""
    wanted = Rendering("jpeg", background=WHITE, crop=True, mask=True)
    page = render(cut_out(), wanted)
    data = b"".join(files.mask(page, NOTE, files.How()))
    picture = opened(data)
    assert picture.mode == "L"
    assert (np.asarray(picture) == cut_out()[50:130, 60:180, 3]).all()
    assert provenance.find(data) == NOTE


def test_a_side_that_a_format_does_not_hold_is_told() -> None:
    """With the way out."""
    wide = np.zeros((2, 16_384, 4), np.uint8)
    with pytest.raises(NobgdError, match=r"16384×2; lower output.longest_side, or take"):
        written(wide, Rendering("webp"))


def located() -> bytes:
    """EXIF with a place, a maker's note and sizes, as a camera writes it."""
    block = Image.Exif()
    block[0x010F] = "Maker"
    block[0x8825] = {1: "N", 2: (52.0, 31.0, 12.345), 3: "E", 4: (13.0, 24.0, 54.321)}
    block[0x8769] = {0x927C: b"maker: Brandenburger Tor", 0xA002: 300, 0xA003: 200, 0x9286: b"x"}
    return block.tobytes()[6:]


def test_no_location_leaves_nothing_of_the_place() -> None:
    """Not a byte of it is in the block, and the rest can be read."""
    block = located()
    assert struct.pack("<II", 54_321, 1000) in block or b"Brandenburger" in block
    out = exif.without_location(block)
    assert out is not None
    said = Image.Exif()
    said.load(out)
    assert said[0x010F] == "Maker"
    assert 0x8825 not in said
    assert not said.get_ifd(0x8825)
    assert 0x927C not in said.get_ifd(0x8769)
    assert said.get_ifd(0x8769)[0xA002] == 300
    assert b"Brandenburger" not in out
    before = Image.Exif()
    before.load(block)
    for ratio in before.get_ifd(0x8825)[4]:
        told = struct.pack("<II", ratio.numerator, ratio.denominator)
        assert ratio.denominator == 1 or told not in out


@given(st.binary(max_size=200))
def test_damaged_exif_costs_no_photo(noise: bytes) -> None:
    """Whatever the block holds."""
    for block in (noise, b"II*\0\x08\0\0\0" + noise, located()[: len(noise)] + noise):
        for made in (exif.without_location(block), exif.sized(block, 5, 6)):
            assert made is None or isinstance(made, bytes)


@pytest.mark.parametrize("metadata", ["keep", "no_location", "none"])
def test_what_is_said_beside_the_pixels(metadata: str) -> None:
    """Sizes are the output's; the profile stays whatever is left out."""
    beside = files.Beside(colour.adobe_rgb(), (300.0, 300.0), located())
    said = written(cut_out(), Rendering("jpeg", 90, WHITE, True, metadata=metadata), beside)
    picture = opened(said)
    assert picture.info["icc_profile"] == beside.icc
    tags = picture.getexif()
    assert (0x010F in tags) == (metadata != "none")
    assert bool(tags.get_ifd(0x8825)) == (metadata == "keep")
    if metadata != "none":
        assert tags.get_ifd(0x8769)[0xA002] == 120
        assert tags.get_ifd(0x8769)[0xA003] == 80


def test_a_colour_that_the_format_cannot_say_is_told() -> None:
    """PNG has chunks for it."""
    beside = files.Beside(spoken={b"cICP": bytes([12, 13, 0, 1])})
    assert files.unsaid(beside, Rendering("webp"))
    assert not files.unsaid(beside, Rendering())
    assert not files.unsaid(files.Beside(spoken={b"sRGB": b"\0"}), Rendering("webp"))


def output_of(keys: str) -> Output:
    text = f"inboxes: [{{path: in, outbox: out}}]\noutput: {{{keys}}}\n"
    return parse(text, "x.yaml", __import__("pathlib").Path("/")).inboxes[0].output


@pytest.mark.parametrize("name", PRESETS)
def test_a_shops_preset_gives_what_it_asks_for(name: str) -> None:
    """A square JPEG, ground 255 in each channel, the product 85 % of the frame or more."""
    wanted = output_of(f"preset: {name}").rendering
    rgba = cut_out(2600, 1200, (200, 100, 2400, 1000))
    rgba[rgba[..., 3] > 0, :3] = (90, 60, 30)
    picture = opened(written(rgba, wanted))
    assert picture.format == "JPEG"
    assert picture.size[0] == picture.size[1]
    least, most = {"amazon": (1600, 10_000), "ebay": (1600, 9000), "shopify": (2048, 4472)}.get(
        name, (1000, 10_000)
    )
    assert least <= picture.size[0] <= most
    pixels = np.asarray(picture)
    assert (pixels[0] == 255).all()
    assert (pixels[:, 0] == 255).all()
    columns = np.flatnonzero((pixels < 200).any(axis=(0, 2)))
    assert (columns[-1] - columns[0]) / picture.size[0] >= 0.85
    assert ImageCms is not None


def test_keys_that_are_written_win_over_a_preset() -> None:
    """Those of the inbox over those of the top, a preset's at the same place below them."""
    assert output_of("preset: amazon, format: png, quality: 80").rendering.format == "png"
    text = (
        "output: {format: webp, quality: 70}\n"
        "inboxes:\n- {path: a, outbox: o}\n- {path: b, outbox: p, output: {preset: ebay}}\n"
    )
    one, two = parse(text, "x", __import__("pathlib").Path("/")).inboxes
    assert (one.output.format, one.output.quality) == ("webp", 70)
    assert (two.output.format, two.output.quality, two.output.longest_side) == ("jpeg", 90, 1600)
