"""The configuration as understood: frozen pydantic models, every default filled in.

Field names are the YAML keys.  Paths are absolute: relative ones are taken from the file's
folder, which comes in as validation context ``base``.
"""

from __future__ import annotations

import ipaddress
import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Strict,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_validator,
)

from nobgd.config import globs
from nobgd.values import Rendering
from nobgd.values.rendering import MASK_TAIL

_SPAN = re.compile(r"([01]?\d|2[0-3]):[0-5]\d-([01]?\d|2[0-3]):[0-5]\d")

_MOUNT = "mount the share and name its mount point"
_FOREIGN = (  # what people write who mean a folder, and what the kernel would not find
    (re.compile(r"\$[A-Za-z_{]"), "variables are not filled in; write the folder out, or ./$…"),
    (re.compile(r"[A-Za-z]:[\\/]|\\\\"), f"is a path of Windows; {_MOUNT}"),
    (re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://"), f"is an address and no folder; {_MOUNT}"),
)


def _absolute(value: Any, info: ValidationInfo) -> Any:
    if not isinstance(value, str):
        if isinstance(value, Path):
            return value
        raise ValueError("must be a path")
    if not value or "\0" in value:
        raise ValueError("must not be empty")
    for foreign, says in _FOREIGN:
        if foreign.match(value):
            raise ValueError(says)
    base = (info.context or {}).get("base", ".")
    full = os.path.expanduser(value)
    if full.startswith("~"):
        raise ValueError(f"there is no home folder for {full.split('/')[0]}; write it out, or ./~…")
    return Path(os.path.normpath(os.path.join(base, full)))


Folder = Annotated[Path, BeforeValidator(_absolute, json_schema_input_type=str)]
Whole = Annotated[int, Strict()]  # true is no number, "3" neither
Number = Annotated[float, Strict()]
Truth = Annotated[bool, Strict()]
Glob = Annotated[str, StringConstraints(strip_whitespace=False), AfterValidator(globs.checked)]
_DAY_S = 86_400
_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?", re.IGNORECASE)


def _size(value: Any) -> Any:
    """Bytes from a number or "10GB" (10^9), "10GiB" (2^30)."""
    if not isinstance(value, str):
        return value
    found = _SIZE.fullmatch(value.strip())
    if found is None or (found[3] and not found[2]):
        raise ValueError('must be a size like "10GB", "500MB" or a number of bytes')
    unit = _UNITS[found[2].lower()]
    if found[3]:
        unit = 1024 ** (("", "k", "m", "g", "t").index(found[2].lower()))
    return int(float(found[1]) * unit)


Bytes = Annotated[
    int, Strict(), Field(ge=0, le=10**18), BeforeValidator(_size, json_schema_input_type=int | str)
]


class Section(BaseModel):
    """What all sections share: frozen, strict about unknown keys."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, str_strip_whitespace=True, allow_inf_nan=False
    )


class Model(Section):
    """Which model cuts out."""

    name: str = Field("u2net", description="u2net, u2netp, or any name in models/manifest.yaml")
    precision: Literal["fp32", "int8"] = Field(
        "fp32", description="int8 is built by `models quantize`"
    )
    directory: Folder | None = Field(
        None, description="where the weights are, besides the usual places"
    )


class Workers(Section):
    """How much is done at a time."""

    count: Annotated[Whole, Field(ge=1, le=256)] | Literal["auto"] = Field(
        "auto", description="lanes; auto: as many as cores and memory allow"
    )
    threads: Annotated[Whole, Field(ge=1, le=256)] | Literal["auto"] = Field(
        "auto", description="of an inference, at least; auto: its share of the cores"
    )
    infer: Annotated[Whole, Field(ge=1, le=256)] | Literal["auto"] = Field(
        "auto", description="inferences at a time; auto: as many as cores and memory allow"
    )
    idle_s: Annotated[Number, Field(ge=1, le=_DAY_S)] | None = Field(
        300.0,
        description="so long without work, and the models and lanes are let go; null: never",
    )
    engine: Literal["onnxruntime", "ncnn"] = Field(
        "onnxruntime", description="what runs fp32 models; ncnn: faster, an extra to install"
    )
    deadline_s: Number = Field(
        120.0, gt=0, le=_DAY_S, description="per photo, then the lane is killed"
    )
    attempts: Whole = Field(3, ge=1, le=100, description="then the photo is quarantined")
    max_megapixels: Number = Field(200.0, gt=0, le=10_000, description="larger photos are refused")
    in_flight_megapixels: Annotated[Number, Field(gt=0, le=1_000_000)] | Literal["auto"] = Field(
        "auto", description="in memory at a time, over all lanes"
    )


class Watch(Section):
    """How changes are noticed."""

    mode: Literal["auto", "inotify", "poll"] = Field(
        "auto", description="auto polls network shares"
    )
    settle_s: Number = Field(
        2.0, ge=0, le=_DAY_S, description="quiet this long since the last change"
    )
    rescan_s: Number = Field(
        30.0, ge=0.1, le=_DAY_S, description="a full look this often, events or not"
    )
    poll_s: Number = Field(5.0, ge=0.1, le=_DAY_S, description="where there are no events")


class Log(Section):
    """Where lines of JSON go, besides stdout."""

    file: Folder | None = Field(None, description="a file, appended to; may be rotated")
    level: Literal["debug", "info", "warning", "error"] = "info"


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
            f'{value!r} is no margin: write pixels up to 2000, as 40, or a share of the subject up'
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


class Metrics(Section):
    """Prometheus text."""

    textfile: Folder | None = Field(
        None, description="for node_exporter's textfile collector; default: <state_dir>/nobgd.prom"
    )
    port: Annotated[Whole, Field(ge=1, le=65_535)] | None = Field(
        None, description="the same by HTTP, on 127.0.0.1 only"
    )


class Web(Section):
    """The page and the HTTP API; absent: neither."""

    listen: str = Field(
        "127.0.0.1:8470", description="address and port; beyond loopback a token is needed"
    )
    hosts: tuple[str, ...] = Field(
        (), description="names besides this machine's own that it may be asked by"
    )
    keep_days: Number = Field(7.0, gt=0, le=3650, description="photos that came this way")
    quota: Bytes = Field(20 * 10**9, description='bytes they may take together: "20GB"')
    compat: tuple[Literal["removebg", "rembg"], ...] = Field(
        ("removebg", "rembg"), description="whose API is spoken besides the own one"
    )

    @field_validator("listen")
    @classmethod
    def _address(cls, value: str) -> str:
        host, colon, port = value.rpartition(":")
        try:
            ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
            good = bool(colon) and 0 < int(port) < 65_536
        except ValueError:
            good = False
        if not good:
            raise ValueError(f'{value!r} is not like "127.0.0.1:8470" or "[::1]:8470"')
        return value


class InboxConfig(Section):
    """One inbox and where its cut-outs go."""

    path: Folder = Field(description="the folder that photos are dropped into")
    outbox: Folder = Field(description="the folder that cut-outs appear in")
    recursive: Truth = Field(True, description="sub-folders too, mirrored in the outbox")
    source: Literal["keep", "archive", "delete"] = Field(
        "keep", description="what becomes of a photo once its output was re-read"
    )
    archive: Folder | None = Field(None, description="for source: archive")
    quarantine: Folder | None = Field(None, description="default: <state_dir>/quarantine/<name>")
    ignore: tuple[Glob, ...] = Field(
        (), description="lines as in a .gitignore, besides the built-in list; ! takes a name back"
    )
    raw: Literal["preview", "develop"] = Field(
        "preview", description="raw photos: the camera's full-size preview, or developed"
    )
    quiet_hours: tuple[str, ...] = Field((), description='rest at these times: "22:00-06:00"')
    share_control: Truth = Field(
        False, description="_nobgd.txt in the outbox; _PAUSE and _RETRY in the inbox"
    )
    model: Model = Model()
    output: Output = Output()
    watch: Watch = Watch()

    @field_validator("quiet_hours")
    @classmethod
    def _spans(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for span in value:
            if not _SPAN.fullmatch(span):
                raise ValueError(f'{span!r} is not a span like "22:00-06:00"')
        return value


class Config(Section):
    """The whole configuration."""

    state_dir: Folder = Field(
        default_factory=lambda: _from_environment("STATE_DIRECTORY", "/var/lib/nobgd"),
        description="ledger and locks; local disk only",
    )
    cache_dir: Folder = Field(
        default_factory=lambda: _from_environment("CACHE_DIRECTORY", "/var/cache/nobgd"),
        description="optimised models",
    )
    model: Model = Model()
    workers: Workers = Workers()
    watch: Watch = Watch()
    log: Log = Log()
    output: Output = Output()
    metrics: Metrics = Metrics()
    web: Web | None = Field(None, description="the page and the HTTP API; absent: neither")
    quarantine_limit: Bytes | None = Field(
        None, description='copies take no more: "10GB"; 0: reasons only; null: a tenth of the space'
    )
    drift_percent: Number = Field(
        20.0,
        gt=0,
        le=10_000,
        description="say service.drift when photos take this much longer than others of their"
        " kind and size did",
    )
    inboxes: tuple[InboxConfig, ...] = Field(min_length=1)
    origin: str = Field("", exclude=True, description="the file this was read from")


def _from_environment(name: str, default: str) -> Path:
    return Path(os.environ.get(name, "").split(":")[0] or default)
