"""What a cut-out becomes before it is written: format, ground, frame, what is said beside it."""

from __future__ import annotations

from dataclasses import dataclass

TAILS = {"png": ".png", "webp": ".webp", "jpeg": ".jpg"}
_METADATA = ("keep", "no_location", "none")  # each says less than the one before
MASK_TAIL = "_mask.png"


@dataclass(frozen=True, slots=True)
class Rendering:
    """What is made of a cut-out.  The default is the cut-out itself, as a PNG."""

    format: str = "png"  # a key of `TAILS`
    quality: int = 90  # of webp and jpeg, 1 to 100; webp at 100 loses nothing
    background: str = "none"  # none | #rrggbb, in sRGB
    crop: bool = False  # to the subject
    margin: float = 0.0  # around the subject: pixels of the photo, or shares, see `relative`
    relative: bool = False  # the margin is a share of the subject's longer side
    canvas: tuple[int, int] | None = None  # width and height, the subject in its middle
    shape: bool = False  # the canvas is a shape: as many pixels as subject and margin take
    longest_side: int | None = None  # pixels
    metadata: str = "keep"  # keep | no_location | none
    mask: bool = False  # the alpha too, as a grey PNG beside

    @property
    def tail(self) -> str:
        """The end of the output's name."""
        return TAILS[self.format]

    @property
    def key(self) -> str:
        """One word for the recipe: what of it differs from a plain cut-out; then nothing."""
        lossy = "" if self.format == "png" else f"{self.format}{self.quality}"
        unit = "%" if self.relative else ""
        margin = f"{self.margin * (100 if self.relative else 1):g}{unit}"
        canvas = self.canvas and f"{self.canvas[0]}{':' if self.shape else 'x'}{self.canvas[1]}"
        words = (
            lossy,
            self.background.removeprefix("#") if self.background != "none" else "",
            "crop" if self.crop else "",
            f"margin{margin}" if self.margin else "",
            canvas or "",
            f"side{self.longest_side}" if self.longest_side else "",
            self.metadata if self.metadata != "keep" else "",
            "mask" if self.mask else "",
        )
        return ",".join(filter(None, words))

    @property
    def reframes(self) -> bool:
        """Whether the output may have another size than the photo."""
        return self.crop or self.canvas is not None or self.longest_side is not None

    def sources(self) -> frozenset[str]:
        """The keys of plain cut-outs that hold all that this is made from."""
        most = _METADATA.index(self.metadata)
        plain = [Rendering(metadata=said, mask=mask)
                 for said in _METADATA[: most + 1] for mask in (False, True)]  # fmt: skip
        return frozenset(each.key for each in plain if each.key != self.key)


PLAIN = Rendering()
