"""The section ``output:``, what is made of a cut-out, and ``review:``, who looks at it."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from nobgd.config.section import Number, Section, Truth, Whole
from nobgd.values import Rendering
from nobgd.values.doubt import AUTO
from nobgd.values.rendering import MASK_TAIL


def _colour(value: Any) -> Any:
    """A colour as #rrggbb, or none."""
    word = value.strip().lower() if isinstance(value, str) else ""
    named = {"white": "#ffffff", "black": "#000000"}.get(word, word)
    if re.fullmatch(r"#[0-9a-f]{3}", named):
        named = "#" + "".join(2 * digit for digit in named[1:])
    if named != "none" and not re.fullmatch(r"#[0-9a-f]{6}", named):
        raise ValueError(f'{value!r} is not none, white, black or a colour like "#f4f4f4"')
    return named


def _margin(value: Any) -> Any:
    """Pixels, or "5%" of the subject's longer side, written out."""
    word = "" if isinstance(value, bool) else str(value).strip()
    found = re.fullmatch(r"(\d{1,4}(?:\.\d{1,3})?)\s*(px|%)?", word)
    if found is None or float(found[1]) > (100 if found[2] == "%" else 2000):
        raise ValueError(
            f"{value!r} is no margin: write pixels up to 2000, as 40, or a share of the subject up"
            ' to "100%"'
        )
    return found[1] + (found[2] or "").replace("px", "")


def _canvas(value: Any) -> Any:
    """Pixels as "2000x2000", or a shape as "1:1"."""
    found = re.fullmatch(r"(\d{1,5})\s*([x×:])\s*(\d{1,5})", str(value).strip())
    if found is None:
        raise ValueError('must be pixels, as "2000x2000", or a shape, as "1:1"')
    sides, shape = (int(found[1]), int(found[3])), found[2] == ":"
    if min(sides) < 1 or (shape and max(sides) > 20 * min(sides)):
        raise ValueError(f"{value!r} is no canvas: a side is 1 at least, and 20 times the other")
    if not shape and sides[0] * sides[1] > _CANVAS_PIXELS:
        raise ValueError(f"{value!r} is more than {_CANVAS_PIXELS // 10**6} megapixels")
    return f"{sides[0]}{':' if shape else 'x'}{sides[1]}"


_CANVAS_PIXELS = 100_000_000
Colour = Annotated[str, BeforeValidator(_colour, json_schema_input_type=str)]
Margin = Annotated[str, BeforeValidator(_margin, json_schema_input_type=int | float | str)]
Canvas = Annotated[str, BeforeValidator(_canvas, json_schema_input_type=str)]


class Output(Section):
    """How cut-outs are called and stored, and what is made of them."""

    suffix: str = Field(
        "_nobg", min_length=1, max_length=60, description="before .png, .webp or .jpg"
    )
    preset: Literal["amazon", "ebay", "shopify", "square-white"] | None = Field(
        None, description="the keys below as a shop wants them; those that are written win"
    )
    format: Literal["png", "webp", "jpeg"] = "png"
    quality: Whole = Field(
        90, ge=1, le=100, description="of webp and jpeg; webp at 100 loses nothing"
    )
    background: Colour = Field(
        "none", description='none, white, black or "#rrggbb"; jpeg: white unless set'
    )
    crop: Literal["none", "subject"] = Field("none", description="subject: to what is visible")
    margin: Margin = Field(
        "0", description='around the subject: pixels, or "5%" of its longer side'
    )
    canvas: Canvas | None = Field(
        None,
        description='"2000x2000", or a shape as "1:1": the subject in its middle, never enlarged',
    )
    longest_side: Annotated[Whole, Field(ge=1, le=65_500)] | None = Field(
        None, description="pixels; a larger output is shrunk"
    )
    metadata: Literal["keep", "no_location", "none"] = Field(
        "keep", description="what the photo's EXIF says; its colour profile always stays"
    )
    mask: Truth = Field(False, description="also <stem>_mask.png, the mask in grey")
    compression: Literal["fast", "balanced", "small"] = "fast"
    edges: Literal["fine", "plain", "matting"] = Field(
        "fine",
        description="plain: the model's mask as it is; fine: by the photo's own pixels; matting:"
        " rembg's, slow",
    )

    @field_validator("suffix")
    @classmethod
    def _no_slash(cls, value: str) -> str:
        if "/" in value or "\0" in value:
            raise ValueError("must not hold a slash")
        if len(value.encode()) > 60:
            raise ValueError("must not be longer than 60 bytes")
        return value

    @model_validator(mode="after")
    def _two_names(self) -> Output:
        if self.mask and self.suffix == MASK_TAIL.removesuffix(".png"):
            raise ValueError("suffix is what masks are called; choose another, or mask: false")
        return self

    @property
    def rendering(self) -> Rendering:
        """The same as lanes are told it."""
        sides = re.fullmatch(r"(\d+)[x:](\d+)", self.canvas or "")
        jpeg = self.format == "jpeg"
        return Rendering(
            self.format, self.quality,
            "#ffffff" if jpeg and self.background == "none" else self.background,
            self.crop == "subject",
            float(self.margin.rstrip("%")) / (100 if self.margin.endswith("%") else 1),
            self.margin.endswith("%"),
            (int(sides[1]), int(sides[2])) if sides else None, ":" in (self.canvas or ""),
            self.longest_side, self.metadata, self.mask,
        )  # fmt: skip


class Review(Section):
    """Which cut-outs a person should look at, and what becomes of them until then."""

    below: Annotated[Number, Field(ge=0, le=1)] | Literal["auto"] = Field(
        "auto", description="doubt, 0 to 1, above which a cut-out is doubtful; 1: none is"
    )

    action: Literal["mark", "folder"] = Field(
        "mark",
        description="a doubtful cut-out: marked in log and lists, or put into _review/ of the"
        " outbox until somebody accepts it",
    )

    redo: tuple[str, ...] = Field(
        (),
        description="models besides the inbox's own that a person may have a cut-out made anew by:"
        ' "u2netp", "u2net:int8"',
    )

    @field_validator("redo")
    @classmethod
    def _models(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for each in value:
            name, colon, precision = each.partition(":")
            if not name or (colon and precision not in ("fp32", "int8")):
                raise ValueError(f'{each!r} is not like "u2netp" or "u2net:int8"')
        return value

    @property
    def above(self) -> float:
        """The doubt beyond which somebody should look."""
        return AUTO if self.below == "auto" else float(self.below)
