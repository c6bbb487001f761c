"""What a report knows: plain values, made in one pass over the log, drawn by terminal and page.

Times are in milliseconds, sizes in megapixels (10^6 pixels) and MB (10^6 bytes), moments in
seconds since the epoch.  Only photos that were computed count for times; copies and photos
found finished are counted apart.
"""

from __future__ import annotations

from dataclasses import dataclass, field

# the published table's resolutions, as upper edges in megapixels
BUCKETS = (0.31, 0.69, 0.92, 2.07, 3.69, 8.29, 14.75)
STAGES = ("read", "decode", "infer", "edges", "compose", "encode", "publish")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table: photos that have something in common."""

    name: str
    photos: int
    megapixels: float
    mean_ms: float
    p50_ms: float
    p95_ms: float
    mean_ms_per_mp: float  # mean of the photos' own figures
    p50_ms_per_mp: float
    p95_ms_per_mp: float
    peak_rss_mb: float  # the largest
    stages_ms: dict[str, float]  # mean of each, by its name in STAGES


@dataclass(frozen=True, slots=True)
class Failure:
    """A failure code: how often, and one of them."""

    code: str
    failed: int  # attempts that are followed by another
    quarantined: int
    source: str
    reason: str


@dataclass(frozen=True, slots=True)
class Named:
    """One photo that stands out."""

    source: str
    megapixels: float
    total_ms: float
    ms_per_megapixel: float
    subject_confidence: float
    stage: str  # the one that took longest
    moment: float


@dataclass(frozen=True, slots=True)
class Moment:
    """A stretch of time."""

    start: float
    span_s: float
    photos: int
    megapixels: float
    busy_ms: float  # of all lanes together
    queued_ms: float  # mean wait for a lane
    failures: int


@dataclass(frozen=True, slots=True)
class Cell:
    """Photos of about one size and cost: a point of the plot."""

    megapixels: float  # middle of the cell
    ms_per_megapixel: float
    photos: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """The last part of the time against the part before, both by their fitted lines."""

    before_ms_per_mp: float  # at the mean size of all photos
    recent_ms_per_mp: float
    percent: float  # growth; negative is quicker
    stage: str  # the one that grew most
    photos_before: int
    photos_recent: int
    since: float  # when the recent part begins


@dataclass(frozen=True, slots=True)
class Summary:
    """Everything."""

    photos: int = 0  # computed
    rendered: int = 0  # from cut-outs that were there: no inference
    copied: int = 0  # duplicates: saved work
    found: int = 0  # were there already
    megapixels: float = 0.0  # of the computed
    failed: int = 0
    quarantined: int = 0
    skipped: int = 0
    first: float = 0.0  # moment of the first record
    last: float = 0.0
    wall_s: float = 0.0  # from the first photo's start to the last one's end
    busy_s: float = 0.0  # of that, at least one lane was at work
    fixed_ms: float = 0.0  # time of a photo = fixed_ms + ms_per_mp × megapixels
    ms_per_mp: float = 0.0
    alike: bool = False  # in size: too much for a fixed part to be told
    all: Row | None = None
    buckets: tuple[Row, ...] = ()
    inboxes: tuple[Row, ...] = ()
    models: tuple[Row, ...] = ()  # by model and precision
    hosts: tuple[Row, ...] = ()  # by the machine that made the mask, where there are several
    failures: tuple[Failure, ...] = ()
    slowest: tuple[Named, ...] = ()
    unsure: tuple[Named, ...] = ()  # the lowest subject_confidence, below 0.5
    unsure_count: int = 0
    doubtful: int = 0  # that somebody should look at
    moments: tuple[Moment, ...] = ()
    cells: tuple[Cell, ...] = ()
    queued_p50_ms: float = 0.0
    queued_p95_ms: float = 0.0
    drift: Verdict | None = None  # None: too few photos to say
    drifts_said: int = 0  # service.drift events in the log
    lines: int = 0  # read, foreign ones included
    foreign: int = 0  # torn or not ours
    warnings: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()  # sentences, one for each file
    sources: tuple[str, ...] = field(default=())

    @property
    def photos_per_minute(self) -> float:
        """Computed photos over the time in which at least one lane was at work."""
        return self.photos * 60 / self.busy_s if self.busy_s else 0.0

    @property
    def megapixels_per_minute(self) -> float:
        """Their megapixels, likewise."""
        return self.megapixels * 60 / self.busy_s if self.busy_s else 0.0
