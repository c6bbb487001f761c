"""``nobgd once``: what is in the inboxes now, with progress, then exit."""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any

from nobgd.cli import common, screen
from nobgd.fs.names import shown


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The sub-parser."""
    parser = common.add_verb(
        verbs, "once",
        short="what is in the inboxes now, then exit",
        says="Work through what is in the inboxes now, show progress, print a closing table and "
        "exit. What was done before is not done again. The log goes to stdout when that is "
        "not a terminal.",
        examples=[
            ("nobgd once -c photos.yaml", "one pass over the inboxes"),
            ("nobgd once > once.log", "the same, with the log in a file"),
            ("nobgd once || nobgd status", "and what failed, if anything did"),
        ],
        exits="0  everything is done\n"
        "1  something failed, waits for its next try or is quarantined\n"
        "2  the configuration is wrong\n"
        "3  another nobgd uses the state folder, it cannot be written, or the model is missing\n"
        "   or altered",
    )  # fmt: skip
    common.add_config(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """See `add`."""
    from nobgd.record.log import Log
    from nobgd.supervisor.service import Service
    from nobgd.supervisor.state_folder import StateLost

    try:
        config = common.load(args)
        state = common.claim(config)
    except common.Quit as end:
        return end.code
    tally = Tally()
    quiet = sys.stdout.isatty()  # the bar and the table are what a person wants to see
    log = Log(config.log.level, str(config.log.file) if config.log.file else None, mute=quiet)
    service = Service(config, state.ledger, log, once=True, observe=tally.take)
    try:
        with tally.bar(service):
            code = common.serve(service)
    except StateLost as lost:
        common.complain(f"{lost} What is finished is recognised the next time.")
        code = common.ENVIRONMENT
    finally:
        state.close()
        log.close()
    if code != common.ENVIRONMENT:
        tally.table(service.left_over)
    return code


class Tally:
    """Counts events; draws the bar and the closing table on stderr."""

    def __init__(self) -> None:
        self._console = screen.console(sys.stderr)
        self.counts: dict[str, int] = {}
        self.failures: list[tuple[str, str]] = []
        self.megapixels = self.busy_ms = self.computed_ms = self.computed_mp = 0.0
        self.began = time.monotonic()

    def take(self, event: dict[str, Any]) -> None:
        """One event of the service."""
        name = event["event"]
        if name == "photo.done":
            name = {"computed": "done", "copied": "copied", "found": "done"}[event["how"]]
            self.megapixels += event["megapixels"]
            if event["how"] == "computed":
                self.computed_ms += event["total_ms"]
                self.computed_mp += event["megapixels"]
        elif name == "photo.quarantined":
            self.failures.append((event["source"], event["reason"]))
        elif name == "photo.skipped":
            name = "already" if str(event["reason"]).startswith("already done") else "skipped"
        self.counts[name] = self.counts.get(name, 0) + 1

    def bar(self, service: Any) -> Any:
        """A progress bar that follows the service's queue."""
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        progress = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
            TimeRemainingColumn(), console=self._console, transient=True,
            disable=not self._console.is_terminal, redirect_stdout=False, redirect_stderr=False,
        )  # fmt: skip
        task = progress.add_task("looking", total=None)

        def tick() -> None:
            ended = sum(
                self.counts.get(n, 0) for n in ("done", "copied", "already", "photo.quarantined")
            )
            ahead = len(service.backlog) + len(service.in_flight)
            what = "cutting out" if ahead else "looking"
            progress.update(task, description=what, completed=ended, total=ended + ahead or None)

        service.ticked = tick
        return progress

    def table(self, left_over: int) -> None:
        """The closing table, or one line when there was nothing to do."""
        from rich.table import Table

        done, copied = self.counts.get("done", 0), self.counts.get("copied", 0)
        already, failed = self.counts.get("already", 0), len(self.failures)
        if not (done or copied or failed or left_over):
            what = f"; {already} were done already" if already else ""
            self._console.print(f"Nothing to do: every photo in the inboxes is done{what}.")
            return
        table = Table(show_header=False, box=None)
        wall = time.monotonic() - self.began
        table.add_row("photos done", f"{done + copied}" + (f" ({copied} copied)" if copied else ""))
        if already:
            table.add_row("done already", str(already))
        table.add_row("megapixels", f"{self.megapixels:.1f}")
        if self.computed_mp:
            table.add_row("ms per megapixel", f"{self.computed_ms / self.computed_mp:.1f}")
        table.add_row("time", f"{wall:.1f} s")
        table.add_row("failed", str(failed))
        if left_over > failed:
            table.add_row("quarantined before, or waiting", str(left_over - failed))
        self._console.print(table)
        for source, reason in self.failures[:20]:
            line = f"  {shown(source)}: {shown(reason)}"
            self._console.print(line, markup=False, style="red", soft_wrap=True)
