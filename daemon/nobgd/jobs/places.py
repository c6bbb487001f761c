"""What the supervisor knows of a folder that is written to: ready, or paused, and why.

Outboxes, archives and quarantines are alike.  The folder itself is only touched by lanes.  It
is ready after a lane has found it writable, on the mount that it was on, and swept it; a fault
of the place (full, read-only, gone) pauses it, and a probe that backs off with jitter brings it
back, without a restart and without burning attempts.
"""

from __future__ import annotations

from dataclasses import dataclass

from nobgd.jobs.plan import backoff_s
from nobgd.values.mount import Mount

_LONGEST_PAUSE_S = 60.0


@dataclass(slots=True)
class Place:
    """One such folder.  Only accessed from the main loop; times are monotonic seconds."""

    path: str
    device: int | None = None
    mount: Mount | None = None  # what it lay on when it was last found good
    probing: bool = False
    swept: bool = False
    failures: int = 0
    probe_at: float = 0.0
    why: str | None = "not looked at yet"
    code: str = ""
    by_photo: bool = False  # a photo found it bad, so a probe is not enough to find it good
    ready_since: float | None = None  # where a photo did, and a probe has found it good since
    kind: str = "outbox"  # outbox | archive | quarantine

    @property
    def seen(self) -> Mount | None:
        """What work for it must find it on; without a /proc its device has to do."""
        if self.mount is not None or self.device is None:
            return self.mount
        return Mount(self.device, -1, "", "unknown", "")

    @property
    def ready(self) -> bool:
        """Whether photos may be sent there."""
        return self.why is None

    def due(self, now: float) -> bool:
        """Whether it should be probed now."""
        return not self.ready and not self.probing and now >= self.probe_at

    def found(self, mount: Mount) -> bool:
        """A probe found it good, on this mount.

        True when that ends a pause that had been announced.  A disk that has room for a probe
        may have none for a photo: where one found it bad, the pause ends with `used`.
        """
        was_lost = self.failures > 0 and not self.by_photo
        self.probing, self.why = False, None
        if not self.by_photo:
            self.failures, self.code = 0, ""
        self.device, self.swept = mount.device, True
        if mount.mount_id != -1:
            self.mount = mount
        return was_lost

    def used(self) -> bool:
        """A photo was put there; True when that ends a pause that had been announced."""
        if not self.by_photo or not self.ready:
            return False
        self.by_photo, self.failures, self.code = False, 0, ""
        return True

    def rested(self, now: float) -> bool:
        """No photo has come since a probe found it good; True when that ends such a pause."""
        if not self.by_photo or not self.ready:
            self.ready_since = None
            return False
        if self.ready_since is None:
            self.ready_since = now
        return now - self.ready_since >= _LONGEST_PAUSE_S and self.used()

    def failed(self, why: str, now: float, *, code: str = "", by_photo: bool = False) -> bool:
        """A probe or a photo found it bad; True when this, or its reason, is news."""
        news = self.failures == 0 or code != self.code
        self.probing, self.why, self.code, self.by_photo = False, why, code, by_photo
        self.failures += 1
        self.probe_at = now + backoff_s(self.failures, first_s=1.0, longest_s=_LONGEST_PAUSE_S)
        return news
