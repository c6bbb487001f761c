"""Cheap signs that a picture is still being copied."""

import pytest
from PIL import Image

from nobgd.picture.decode import finished, look
from picture.conftest import Save


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_a_whole_file_is_finished(photo: Image.Image, save: Save, kind: str) -> None:
    """What an encoder wrote to its end is finished."""
    data = save(photo, kind)
    assert finished(data, look(data))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("missing", [2, 20, 200])
def test_a_file_without_its_end_is_not_finished(
    photo: Image.Image, save: Save, kind: str, missing: int
) -> None:
    """Two missing bytes are enough."""
    data = save(photo.resize((400, 300)), kind)
    header = look(data)
    assert not finished(data[:-missing], header)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_zeros_instead_of_the_end_are_not_the_end(save: Save, kind: str) -> None:
    """A file that was given its size before its content is not finished."""
    data = save(Image.effect_noise((300, 300), 60).convert("RGB"), kind)
    cut = len(data) - 6000
    assert not finished(data[:cut] + bytes(6000), look(data))


def test_a_thumbnails_end_is_not_the_pictures(photo: Image.Image, save: Save) -> None:
    """The EOI of a thumbnail inside EXIF does not count."""
    exif = Image.Exif()
    exif[0x010E] = "x"
    block = exif.tobytes() + save(photo.resize((8, 8)), "JPEG")
    data = save(photo, "JPEG", exif=block)
    assert data.count(b"\xff\xd9") == 2
    assert finished(data, look(data))
    assert not finished(data[:-2], look(data))


def test_the_film_of_a_motion_photo_does_no_harm(photo: Image.Image, save: Save) -> None:
    """Bytes after the end of the picture are not looked at."""
    data = save(photo, "JPEG") + b"\0\0\0\x18ftypmp42" + bytes(5000)
    assert finished(data, look(data))


def test_a_progressive_jpeg_is_walked_over_all_its_scans(photo: Image.Image, save: Save) -> None:
    """Tables between the scans are stepped over."""
    data = save(photo.resize((300, 200)), "JPEG", progressive=True)
    assert data.count(b"\xff\xda") > 1
    assert finished(data, look(data))
    assert not finished(data[: data.rindex(b"\xff\xda")], look(data))


def test_restart_markers_and_fill_bytes_are_no_end(photo: Image.Image, save: Save) -> None:
    """RST markers belong to the scan."""
    data = save(photo.resize((300, 200)), "JPEG", restart_marker_rows=1)
    assert b"\xff\xd0" in data
    assert finished(data, look(data))
    assert not finished(data[:-2], look(data))


def test_garbage_after_the_last_chunk_of_a_png_does_no_harm(photo: Image.Image, save: Save) -> None:
    """Some programs append to a PNG."""
    data = save(photo, "PNG") + b"appended"
    assert finished(data, look(data))


def test_a_tiff_with_its_directory_first_needs_its_strips(photo: Image.Image, save: Save) -> None:
    """Strips that the directory announces must be inside the file."""
    data = save(photo, "TIFF", compression="tiff_lzw")
    header = look(data)
    assert 0 < header.needs <= len(data)
    assert not finished(data[: header.needs - 1], header)
