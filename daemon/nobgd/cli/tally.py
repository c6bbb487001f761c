"""What one pass over the inboxes has done: counted, shown as a bar, and as a closing table."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from nobgd.cli import screen
from nobgd.fs.names import about, shown

if TYPE_CHECKING:
    from nobgd.supervisor.service import Service

_NAMED = 20  # failures that are named one by one
_NAME = 30  # columns of the terminal for the photo that is worked on


class Tally:
    """Counts events; draws the bar and the closing table on stderr."""

    def __init__(self) -> None:
        self._console = screen.console(sys.stderr)
        self.counts: dict[str, int] = {}
        self.failures: list[tuple[str, str]] = []
        self.skips: list[tuple[str, str]] = []
        self.doubtful: list[str] = []
        self.outputs: list[str] = []
        self.megapixels = 0.0
        self.seen = 0  # photos there were to do, as far as known
        self.began = time.monotonic()

    def take(self, event: dict[str, Any]) -> None:
        """One event of the service."""
        name = event["event"]
        if name == "photo.done":
            name = "copied" if event["how"] == "copied" else "done"
            self.megapixels += event["megapixels"]
            self.outputs.append(event["output"])
            if event.get("review"):
                self.doubtful.append(event["output"])
        elif name == "photo.quarantined":
            self.failures.append((event["source"], event["reason"]))
        elif name == "photo.skipped":
            name = "already" if str(event["reason"]).startswith("already done") else "skipped"
            if name == "skipped":
                self.skips.append((event["source"], event["reason"]))
        self.counts[name] = self.counts.get(name, 0) + 1

    def ended(self) -> int:
        """Photos that are dealt with."""
        names = ("done", "copied", "already", "photo.quarantined")
        return sum(self.counts.get(name, 0) for name in names)

    def bar(self, service: Service) -> Any:
        """A progress bar that follows the service's queue."""
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )
        from rich.table import Column

        width = min(_NAME, self._console.width // 3)
        name = Column(max_width=width, no_wrap=True, overflow="ellipsis")
        progress = Progress(
            TextColumn("{task.description}", markup=False, table_column=name), BarColumn(),
            MofNCompleteColumn(), TextColumn("{task.fields[pace]}"), TimeRemainingColumn(),
            console=self._console, transient=True,
            disable=not self._console.is_terminal, redirect_stdout=False, redirect_stderr=False,
        )  # fmt: skip
        task = progress.add_task("looking", total=None, pace="")

        def tick() -> None:
            ended, ahead = self.ended(), len(service.state.backlog) + len(service.state.in_flight)
            self.seen = max(self.seen, ended + ahead)
            first = next((job.relpath for job in service.state.in_flight.values()), "")
            what = shown(os.path.basename(first)) or ("waiting" if ahead else "looking")
            wall_s = time.monotonic() - self.began
            pace = f"{ended * 60 / wall_s:.0f}/min" if ended and wall_s > 0 else ""
            progress.update(
                task, description=what, completed=ended, total=ended + ahead or None, pace=pace
            )

        service.loop.ticked = tick
        return progress

    def table(
        self, *, waiting: int, aside: int, stopped: bool, outboxes: Sequence[str],
        quarantines: Sequence[str] = (),
    ) -> None:  # fmt: skip
        """The closing table, or one line when there was nothing to do.

        ``waiting`` photos have not been done, ``aside`` ones lie in quarantine, both by now.
        """
        done, copied = self.counts.get("done", 0), self.counts.get("copied", 0)
        already, failed = self.counts.get("already", 0), len(self.failures)
        if not (done or copied or failed or waiting or aside):
            what = f"; {already} were done already" if already else ""
            self._console.print(f"Nothing to do: every photo in the inboxes is done{what}.")
            return
        wall_s = time.monotonic() - self.began
        rows = {"photos done": f"{done + copied}" + (f" ({copied} copied)" if copied else "")}
        if already:
            rows["done already"] = str(already)
        if done + copied:
            where = shown(", ".join(outboxes))
            rows |= {"megapixels": f"{self.megapixels:.1f}", "cut-outs in": where}
            if wall_s > 0:
                rows["photos a minute"] = f"{(done + copied) * 60 / wall_s:.0f}"
        if self.doubtful:
            rows["doubtful"] = f"{len(self.doubtful)}: look at them"
        rows |= {"time": f"{wall_s:.1f} s", "failed": str(failed)}
        if failed and quarantines:
            rows["copies of these in"] = shown(", ".join(quarantines))
        if aside > failed:
            rows["set aside before"] = (
                f"{aside - failed}: `nobgd status` names them, `nobgd retry --all` tries again"
            )
        if waiting:
            rows["left to do"] = str(waiting)
        wide = max(map(len, rows)) + 2
        for name, value in rows.items():
            self._say(f"{name:{wide}}{value}")
        for source, reason in self.failures[:_NAMED]:
            self._say(f"  {about(source, reason)}", "red")
        if failed > _NAMED:
            self._say(f"  and {failed - _NAMED} more: `nobgd report` or the log has them", "red")
        if stopped:
            self._say("Stopped before the end; run it again to go on.", "yellow")

    def _say(self, text: str, style: str | None = None) -> None:
        self._console.print(text, markup=False, highlight=False, style=style, soft_wrap=True)
