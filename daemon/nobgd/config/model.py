"""The configuration as understood: frozen pydantic models, every default filled in.

Field names are the YAML keys.  Paths are absolute: relative ones are taken from the file's
folder, which comes in as validation context ``base``.
"""

from __future__ import annotations

import ipaddress
import os
import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from nobgd.config.output import Output, Review
from nobgd.config.section import Bytes, Folder, Glob, Number, Section, Truth, Whole
from nobgd.values import share
from nobgd.values.photos import ADAPTIVE

_SPAN = re.compile(r"([01]?\d|2[0-3]):[0-5]\d-([01]?\d|2[0-3]):[0-5]\d")
_DAY_S = 86_400


class Model(Section):
    """Which model cuts out."""

    name: str = Field("u2net", description="u2net, u2netp, or any name in models/manifest.yaml")
    precision: Literal["fp32", "int8", "adaptive"] = Field(
        "fp32",
        description="int8 is built by `models quantize`; adaptive: int8, and fp32 again where that"
        " is unsure",
    )
    directory: Folder | None = Field(
        None, description="where the weights are, besides the usual places"
    )
    accept_licence: Truth = Field(
        False, description="the use is not commercial, which the licence of bria-rmbg forbids"
    )

    @property
    def parts(self) -> tuple[Model, ...]:
        """One for each file of weights, in the order in which they are asked."""
        if self.precision != ADAPTIVE:
            return (self,)
        return tuple(self.model_copy(update={"precision": each}) for each in ("int8", "fp32"))


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
    engine: Literal["auto", "onnxruntime", "ncnn", "openvino", "cuda"] = Field(
        "auto",
        description="what runs the model; auto: the fastest installed that memory allows; ncnn (for"
        " fp32), openvino (for int8) and cuda (for fp32, NVIDIA) are extras to install",
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
        if not _is_address(value):
            raise ValueError(f'{value!r} is not like "127.0.0.1:8470" or "[::1]:8470"')
        return value


class Cluster(Section):
    """Other machines, by way of a broker; absent: no network at all."""

    listen: str | None = Field(
        None, description='the broker runs here, at this address: "tls://0.0.0.0:4222"'
    )
    join: Folder | None = Field(
        None, description="the broker runs elsewhere; the file that `nobgd cluster invite` made"
    )
    lease_s: Number = Field(
        30.0, ge=2, le=3600, description="a machine that is silent for so long has lost its work"
    )
    think: Literal["auto", "never"] = Field(
        "auto", description="auto: other machines infer too, when there are some; never: none does"
    )
    shares: dict[str, Folder] = Field(
        default_factory=dict,
        description="folders that other machines mount, too, by a name for each; photos of inboxes"
        " in them whose outboxes are in them are done there as a whole",
    )

    @field_validator("shares")
    @classmethod
    def _names(cls, value: dict[str, Path]) -> dict[str, Path]:
        for name in value:
            if not share.is_name(name):
                raise ValueError(f"{name!r}: {share.SAYS}")
        return value

    @field_validator("listen")
    @classmethod
    def _address(cls, value: str | None) -> str | None:
        if value is not None and (
            not value.startswith("tls://") or not _is_address(value.removeprefix("tls://"))
        ):
            raise ValueError(f'{value!r} is not like "tls://0.0.0.0:4222"')
        return value

    @model_validator(mode="after")
    def _one_broker(self) -> Self:
        if (self.listen is None) == (self.join is None):
            raise ValueError("needs listen (the broker is here) or join (it is elsewhere), one")
        return self


def _is_address(value: str) -> bool:
    """Whether it is an IP address and a port."""
    host, colon, port = value.rpartition(":")
    try:
        ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
        return bool(colon) and 0 < int(port) < 65_536
    except ValueError:
        return False


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
    pairs: Literal["jpeg", "raw", "both"] = Field(
        "both", description="of a JPEG and a raw photo or HEIC of one shot: which is cut out"
    )
    quiet_hours: tuple[str, ...] = Field((), description='rest at these times: "22:00-06:00"')
    share_control: Truth = Field(
        False, description="_nobgd.txt in the outbox; _PAUSE and _RETRY in the inbox"
    )
    model: Model = Model()
    output: Output = Output()
    watch: Watch = Watch()
    review: Review = Review()

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
    review: Review = Review()
    metrics: Metrics = Metrics()
    web: Web | None = Field(None, description="the page and the HTTP API; absent: neither")
    cluster: Cluster | None = Field(None, description="other machines; absent: no network at all")
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

    def models(self) -> tuple[Model, ...]:
        """Every model that photos may be made by, each once, those of the inboxes first."""
        found = dict.fromkeys(each.model for each in self.inboxes)
        for each in self.inboxes:
            for name, _, precision in (other.partition(":") for other in each.review.redo):
                at = {"name": name, "precision": precision or "fp32"}
                found[each.model.model_copy(update=at)] = None
        return tuple(found)

    def weights(self) -> tuple[Model, ...]:
        """Those that have a file each: of an adaptive one both."""
        return tuple(dict.fromkeys(part for one in self.models() for part in one.parts))


def _from_environment(name: str, default: str) -> Path:
    return Path(os.environ.get(name, "").split(":")[0] or default)
