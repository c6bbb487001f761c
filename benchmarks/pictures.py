"""The pictures of docs/edges.md: ``python -m benchmarks.pictures [FOLDER]``.

Parts of composites at 100 %, cut out by the truth as a mask of 320 x 320 has it; from left to right
by `plain`, by `fine` and by the truth, over white and below over black.  After a change of what
`fine` does, make them anew, look at each, and let docs/edges.md say what is seen.
"""

from __future__ import annotations

import io
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks import composites, edges
from benchmarks.composites import Bytes, Composite

WIDE, HIGH = 320, 240  # pixels of each part
_INTO = Path(__file__).parent.parent / "docs" / "edges"
_GROUNDS = (255, 0)
_QUALITY = 80


@dataclass(frozen=True, slots=True)
class Part:
    """Which composite, and the upper left corner of what is shown of it, in its pixels."""

    number: int
    kind: str
    down: int
    right: int


PARTS = (
    Part(1, "hair", 240, 1920),
    Part(2, "fur", 720, 1920),
    Part(3, "motion", 1920, 1600),
    Part(4, "veil", 1501, 2712),
    Part(5, "wire", 1680, 2560),
    Part(6, "hole", 1389, 1338),
)


def jpeg(part: Part) -> bytes:
    """The file of a part."""
    out = io.BytesIO()
    made = picture(composites.make(part.number, part.kind), part.down, part.right)
    Image.fromarray(made).save(out, "JPEG", quality=_QUALITY, optimize=True)
    return out.getvalue()


def picture(composite: Composite, down: int, right: int) -> Bytes:
    """What is shown of a composite from there on, (2 HIGH, 3 WIDE, 3)."""
    mask = edges.degraded(edges.mask_size(composite.alpha), composite.number)
    seen = Image.fromarray(composite.photo).resize(mask.shape[::-1], Image.Resampling.LANCZOS)
    alpha = np.rint(composite.alpha * 255).astype(np.uint8)
    cuts = (
        edges.plain(composite.photo, mask),
        edges.fine(composite.photo, mask, np.asarray(seen)),
        np.dstack([composite.subject, alpha]),
    )
    shown = [cut[down : down + HIGH, right : right + WIDE] for cut in cuts]
    return np.vstack([np.hstack([over(cut, ground) for cut in shown]) for ground in _GROUNDS])


def over(cut: Bytes, ground: int) -> Bytes:
    """A cut-out, (H, W, 4), on a grey ground of 0 to 255, (H, W, 3)."""
    share = cut[..., 3:] * np.float32(1 / 255)
    laid: Bytes = np.rint(cut[..., :3] * share + ground * (1 - share)).astype(np.uint8)
    return laid


def main() -> None:
    """Write them all."""
    into = Path(sys.argv[1]) if len(sys.argv) > 1 else _INTO
    into.mkdir(parents=True, exist_ok=True)
    for part in PARTS:
        file = into / f"{part.kind}.jpg"
        file.write_bytes(jpeg(part))
        print(file)


if __name__ == "__main__":
    main()
