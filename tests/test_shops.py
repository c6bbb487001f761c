"""What `make bench PARTS=render` finds in a product picture."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from benchmarks import shops
from PIL import Image


def file(pixels: np.ndarray, kind: str = "JPEG", make: str | None = None) -> bytes:
    out, said = io.BytesIO(), Image.Exif()
    if make:
        said[0x010F] = make
    Image.fromarray(pixels).save(out, kind, quality=92, exif=said)
    return out.getvalue()


def product(side: int, share: float, ground: int = 255) -> tuple[np.ndarray, np.ndarray]:
    """A dark square in the middle of a page, and its mask."""
    page, mask = np.full((side, side, 3), ground, np.uint8), np.zeros((side, side), np.uint8)
    edge = round(side * (1 - share) / 2)
    page[edge:-edge, edge:-edge] = 40
    mask[edge:-edge, edge:-edge] = 255
    return page, mask


def looked(
    side: int = 1600, share: float = 0.87, ground: int = 255, kind: str = "JPEG",
    exif: str | None = None,
) -> dict[str, object]:  # fmt: skip
    page, mask = product(side, share, ground)
    return shops.look(file(page, kind, exif), file(mask, "PNG"))


def missed(name: str, look: dict[str, object]) -> list[str]:
    return [each.what for each in shops.verdicts(name, [looked(2048), look]) if not each.met]


def test_a_picture_as_the_shop_asks() -> None:
    """Edges ring in the JPEG, and are no ground."""
    look = looked()
    assert look["share"] == pytest.approx(0.87, abs=0.001)
    assert look["ground"] == 255
    assert not [each for each in shops.verdicts("amazon", [look]) if not each.met]


@pytest.mark.parametrize(
    ("name", "of", "what"),
    [
        ("amazon", {"share": 0.8}, "the product's share of the frame"),
        ("amazon", {"ground": 254}, "ground, darkest value"),
        ("amazon", {"side": 1500}, "longest side, pixels, square"),
        ("shopify", {"side": 2000}, "longest side, pixels, square"),
        ("ebay", {"kind": "PNG"}, "format, EXIF"),
        ("ebay", {"exif": "somebody"}, "format, EXIF"),
    ],
)
def test_one_picture_that_is_not_is_told_by_its_rule(
    name: str, of: dict[str, Any], what: str
) -> None:
    assert missed(name, looked(**of)) == [f"{name}: {what}"]


def test_what_is_too_large_or_not_square_is_told() -> None:
    assert missed("shopify", looked(2048) | {"mb": 21.0}) == ["shopify: size"]
    square = "square-white: longest side, pixels, square"
    assert missed("square-white", looked() | {"size": [1600, 1599]}) == [square]


def test_exif_is_seen() -> None:
    assert looked(exif="somebody")["exif"] == 1
    assert looked()["exif"] == 0


def test_nothing_to_be_seen_is_no_product() -> None:
    look = shops.look(file(product(80, 0.5)[0]), file(np.zeros((80, 80), np.uint8), "PNG"))
    assert look["share"] == 0
    full = shops.look(file(product(80, 0.5)[0]), file(np.full((80, 80), 255, np.uint8), "PNG"))
    assert full["ground"] is None
    assert "amazon: ground, darkest value" in missed("amazon", full)
