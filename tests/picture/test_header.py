"""What a file says it is decides whether it is opened, and by which plugin."""

import struct
import zlib

import pytest
from PIL import Image

from nobgd.picture.decode import look
from nobgd.picture.provenance import SIGNATURE, frame
from nobgd.values import Code, NobgdError
from picture.conftest import Save


def refused(data: bytes) -> NobgdError:
    with pytest.raises(NobgdError) as caught:
        look(data)
    return caught.value


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_the_four_formats_are_known_by_their_content(
    photo: Image.Image, save: Save, kind: str
) -> None:
    """Format and stored size come from the bytes alone."""
    header = look(save(photo, kind))
    assert (header.format, header.width, header.height) == (kind, 60, 40)
    assert header.megapixels == pytest.approx(0.0024)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_survey_is_of_the_very_bytes_that_were_looked_at(
    photo: Image.Image, save: Save, kind: str
) -> None:
    """A repaired copy is walked anew: what was wrong with the first is not said of it."""
    data = save(photo, kind)
    header = look(data)
    found = header.survey_of(data)
    assert found is not None
    assert found.data is data
    assert header.survey_of(bytes(bytearray(data))) is None


def test_several_frames_do_not_matter(photo: Image.Image, save: Save) -> None:
    """A multi-page TIFF and a motion-photo JPEG have the size of their first picture."""
    small = photo.resize((5, 5))
    tiff = save(photo, "TIFF", save_all=True, append_images=[small])
    mpo = save(photo, "MPO", save_all=True, append_images=[small])
    assert look(tiff).width == 60
    assert (look(mpo).format, look(mpo).width) == ("JPEG", 60)


def test_every_kind_of_webp_tells_its_size(photo: Image.Image, save: Save) -> None:
    """Lossy, lossless, with alpha, animated: without creating a decoder."""
    other = photo.rotate(180)
    for data in (
        save(photo, "WEBP"),
        save(photo, "WEBP", lossless=True),
        save(photo.convert("RGBA").rotate(45), "WEBP"),
        save(photo, "WEBP", icc_profile=b"x" * 200),
        save(photo, "WEBP", save_all=True, append_images=[other]),
    ):
        assert (look(data).width, look(data).height) == (60, 40)


def test_an_orientation_does_not_swap_the_stored_size(photo: Image.Image, save: Save) -> None:
    """The header speaks of the file, before any turning."""
    exif = Image.Exif()
    exif[0x0112] = 6
    assert look(save(photo, "JPEG", exif=exif)).width == 60


def test_an_empty_file_is_called_empty() -> None:
    """Nothing at all has a code of its own."""
    assert refused(b"").code is Code.EMPTY


def test_text_is_not_a_picture() -> None:
    """A text file under a picture's name is no picture."""
    error = refused(b"Dear diary, today I took a photo.\n" * 100)
    assert error.code is Code.NOT_A_PICTURE
    assert "JPEG" in error.reason


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"8BPS\0\1", "Photoshop"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "PostScript"),
        (b"%PDF-1.7\n", "PDF"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'>", "SVG"),
        (b"\0\0\0\x18ftypcrx \0\0\0\1", "raw"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0", "video"),
        (b"II*\0\x10\0\0\0CR\2\0", "raw"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
    ],
)
def test_other_pictures_are_refused_by_name(head: bytes, name: str) -> None:
    """A picture of another kind is refused with its name and the way out."""
    error = refused(head + bytes(range(256)) * 8)
    assert error.code is Code.UNSUPPORTED
    assert name in error.reason
    assert "export" in error.reason


@pytest.mark.parametrize("kind", ["PPM", "ICO", "DDS", "TGA", "PCX"])
def test_no_other_opener_is_reachable(photo: Image.Image, save: Save, kind: str) -> None:
    """What Pillow could open besides those it names is never opened."""
    assert refused(save(photo, kind)).code in (Code.UNSUPPORTED, Code.NOT_A_PICTURE)


def test_a_bomb_is_described_from_48_kilobytes_without_decoding() -> None:
    """400 megapixels in a small file: the header tells, nothing is allocated, nothing warned."""
    side = 20_000
    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(40_000_000))
    bomb = SIGNATURE + frame(b"IHDR", head) + frame(b"IDAT", pixels) + frame(b"IEND", b"")
    assert look(bomb).megapixels == 400


def test_a_raw_photo_named_tif_is_not_mistaken_for_its_preview(
    photo: Image.Image, save: Save
) -> None:
    """A TIFF whose first page is a reduced version of another is a raw photo's preview."""
    assert refused(save(photo, "TIFF", tiffinfo={254: 1})).code is Code.UNSUPPORTED


def test_a_tiff_of_an_unknown_layout_is_unsupported_not_broken(
    photo: Image.Image, save: Save
) -> None:
    """Eight bits of five channels are a fine TIFF that nobody here can show."""
    data = bytearray(save(photo, "TIFF"))
    at = data.index(struct.pack("<HHII", 262, 3, 1, 2))  # PhotometricInterpretation: RGB
    struct.pack_into("<HHII", data, at, 262, 3, 1, 32803)  # colour filter array
    assert refused(bytes(data)).code is Code.UNSUPPORTED


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("kept", [3, 9, 13, 20, 30])
def test_a_file_cut_in_its_header_may_still_be_on_its_way(
    photo: Image.Image, save: Save, kind: str, kept: int
) -> None:
    """The first bytes alone, or zeros after them, are truncated, not broken."""
    whole = save(photo, kind)
    kept = min(kept, 25) if kind == "WEBP" else kept  # 30 bytes are its whole header
    assert refused(whole[:kept]).code is Code.TRUNCATED
    assert refused(whole[: min(kept, 20)] + bytes(len(whole))).code is Code.TRUNCATED


def test_zeros_alone_are_a_file_whose_content_has_not_come() -> None:
    """A file that was only given its size is truncated."""
    assert refused(bytes(10_000)).code is Code.TRUNCATED


def test_a_header_of_nonsense_is_broken(photo: Image.Image, save: Save) -> None:
    """A whole PNG whose size field lies beyond its checksum is damaged."""
    data = bytearray(save(photo, "PNG"))
    data[17] ^= 0xFF
    assert refused(bytes(data)).code is Code.BROKEN


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_every_cut_has_a_code_and_a_sentence(photo: Image.Image, save: Save, kind: str) -> None:
    """Wherever a file ends, `look` returns or raises a NobgdError, never anything else."""
    whole = save(photo, kind)
    for end in range(0, len(whole), 7):
        try:
            look(whole[:end])
        except NobgdError as error:
            assert error.code in (Code.EMPTY, Code.TRUNCATED, Code.UNSUPPORTED)  # noqa: PT017
            assert len(error.reason) > 20  # noqa: PT017
