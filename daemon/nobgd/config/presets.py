"""What shops ask of a product's main picture, as keys of ``output:``.

From published guides to their rules (app.tutujin.com/en/guide/marketplace-image-specs; zentail.com,
ecommerce-image-size-requirements; clipitquick.com, amazon-and-ebays-image-guidelines).  Amazon:
ground RGB 255, 255, 255, the product fills 85 % of the frame or more, longest side 500 to 10,000
pixels, 1,600 or more to be zoomed, 2000 × 2000 recommended, JPEG preferred.  eBay: 500 pixels at
least, 1,600 recommended, no border.  Shopify: 2048 × 2048 recommended, 20 MB at most.  A margin of
7 % of the subject's longer side leaves it 1 / 1.14 = 87.7 % of the frame.
"""

from __future__ import annotations

from typing import Any, Final

_SQUARE: Final[dict[str, Any]] = {
    "format": "jpeg", "background": "white", "crop": "subject", "margin": "7%", "canvas": "1:1",
}  # fmt: skip
PRESETS: Final[dict[str, dict[str, Any]]] = {
    "amazon": {**_SQUARE, "quality": 92, "longest_side": 2000, "metadata": "none"},
    "ebay": {**_SQUARE, "quality": 90, "longest_side": 1600, "metadata": "none"},
    "shopify": {**_SQUARE, "quality": 90, "longest_side": 2048, "metadata": "none"},
    "square-white": dict(_SQUARE),
}


def spelt_out(section: Any) -> Any:
    """A section ``output:`` with the keys of its preset, where there is one; its own win."""
    if not isinstance(section, dict):
        return section
    preset = section.get("preset")
    keys = PRESETS.get(preset, {}) if isinstance(preset, str) else {}
    return {**keys, **section}
